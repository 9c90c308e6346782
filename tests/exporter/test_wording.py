from __future__ import annotations

import math

import pytest
from markupsafe import Markup

from exporter import wording


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0, "0 ms"),
        (0.0042, "4.20 ms"),
        (0.0423, "42.3 ms"),
        (0.4234, "423 ms"),
        (1.2371, "1.24 s"),
        (12.34, "12.3 s"),
        (200, "3 min 20 s"),
    ],
)
def test_a_measured_time_has_three_digits(seconds: float | None, written: str) -> None:
    assert wording.duration(seconds) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [(None, "–"), (1.0, "100%"), (0.0, "0%"), (0.99999, "99.99%"), (0.9951, "99.5%"), (0.5, "50%"), (0.034, "3.4%"), (0.00001, "<0.1%")],
)
def test_a_share_is_all_or_nothing_only_where_it_is(share: float | None, written: str) -> None:
    assert wording.percent(share) == written


@pytest.mark.parametrize(("left", "written"), [(1.0, "100%"), (0.25, "25%"), (-0.001, "none"), (0.0, "none"), (-4.5, "spent 5.50×")])
def test_a_budget_that_is_spent_says_how_often(left: float, written: str) -> None:
    assert wording.budget(left) == written


@pytest.mark.parametrize(("seconds", "written"), [(0.2, "0 s"), (59.6, "1 min"), (3725, "1 h 2 min"), (2 * 86400 + 7, "2 d 7 s"), (600, "10 min")])
def test_a_length_of_time_has_two_units(seconds: float, written: str) -> None:
    assert wording.span(seconds) == written


def test_what_cannot_be_seen_is_shown_as_something_else() -> None:
    assert wording.plain("a\u202eb\u2066c\x00d\u200be\x1b[31m\ufeff") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffd[31m\ufffd"
    assert wording.plain("two\nlines\tand שלום, ünï, 漢字") == "two\nlines\tand שלום, ünï, 漢字"
    assert wording.plain(7) == 7
    assert wording.plain(Markup("<b>\u200b</b>")) == Markup("<b>\u200b</b>")


def test_code_between_backticks_is_code_and_nothing_else_is() -> None:
    assert wording.code("set `a<b` & <go>") == Markup("set <code>a&lt;b</code> &amp; &lt;go&gt;")


def test_units_are_set_apart() -> None:
    assert wording.figure("42.3 ms") == Markup('42.3<span class="unit"> ms</span>')
    assert wording.figure("–") == Markup("–")

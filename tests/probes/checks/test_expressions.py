from __future__ import annotations

import time

import pytest

from probes.ask import Reply, TooSlowError
from probes.checks import Expression, Matches


@pytest.mark.parametrize(
    ("written", "text"),
    [("4", "2 + 2 is 4."), ("(?i)paris", "PARIS"), (r"^\d+$", "42"), (r"(?m)^- ", "List:\n- one"), (r"\p{Han}", "巴黎"), ("", "")],
)
def test_a_match_anywhere(written: str, text: str) -> None:
    assert Matches(Expression(written)).wrong(Reply(text)) is None


def test_no_match() -> None:
    assert Matches(Expression(r"^\d+$")).wrong(Reply("42 it is")) == r"does not match ^\d+$"


@pytest.mark.parametrize("written", ["(a+)+$", "(a|aa)+$", r"^(a+)+\1$", "(?:a?){50}a{50}$"])
def test_one_that_goes_astray_is_given_up(written: str) -> None:
    expression = Expression(written)
    began = time.monotonic()
    with pytest.raises(TooSlowError, match=r"^took longer than 0\.1 s$"):
        expression.found_in("a" * 100_000 + "!")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("written", "wrong"),
    [
        ("(hunter2", "is no regular expression, it goes wrong at character 9; mend it, and put a backslash before what stands for itself"),
        ("*", "is no regular expression, it goes wrong at character 1; mend it, and put a backslash before what stands for itself"),
        ("(" * 5000 + ")" * 5000, "is a regular expression too deep to be read; write a simpler one"),
        ("(?L)(?u)a", "has flags that exclude each other, or a number that is too long; write a simpler one"),
        (f"a{{{'9' * 5000}}}", "has flags that exclude each other, or a number that is too long; write a simpler one"),
    ],
    ids=["open", "nothing to repeat", "deep", "flags", "number"],
)
def test_what_is_no_expression(written: str, wrong: str) -> None:
    with pytest.raises(ValueError) as caught:
        Expression(written)
    assert str(caught.value) == wrong


def test_equal_where_they_are_written_alike() -> None:
    assert Matches(Expression("a+")) == Matches(Expression("a+"))
    assert Matches(Expression("a+")) != Matches(Expression("a*"))

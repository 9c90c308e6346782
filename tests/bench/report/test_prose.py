"""Sentences as HTML."""

from __future__ import annotations

import pytest

from bench.report.prose import Speaker, coded, numbers
from bench.report.words import PATTERN, TERMS


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("after 0.046 s", 'after <data value="0.046" data-digits="3">0.046</data>\u00a0s'),
        ("(15.5 to 33 %)", '(<data value="15.5" data-digits="1">15.5</data> to 33\u00a0%)'),
        ("1,234 chats", '<data value="1234" data-digits="0">1,234</data> chats'),
        ("0.0911", '<data value="0.0911" data-digits="4">0.0911</data>'),
        ("5.5 times as fast", '<data value="5.5" data-digits="1">5.5</data> times as fast'),
    ],
)
def test_a_measured_number_has_its_value_in_the_markup(text: str, marked: str) -> None:
    assert numbers(text) == marked


@pytest.mark.parametrize("text", ["vLLM 0.9.1", "Qwen2.5-7B", "version 3.3", "10.0.0.1:8000 seconds", "-"])
def test_what_is_no_measured_number_or_reads_alike_everywhere_stays(text: str) -> None:
    assert numbers(text) == text


def test_a_number_and_its_unit_stay_on_one_line() -> None:
    assert numbers("after 17 s, 3 %") == "after 17\u00a0s, 3\u00a0%"


def test_everything_is_escaped() -> None:
    button = '<button type="button" class="term" popovertarget="word-ttft">TTFT</button>'
    assert Speaker()("<b>1.5 s & TTFT</b>") == f'&lt;b&gt;<data value="1.5" data-digits="1">1.5</data>\u00a0s &amp; {button}&lt;/b&gt;'


def test_code_stands_between_backticks() -> None:
    assert coded(Speaker(), "a `<b> 1.5 s` c") == "a <code>&lt;b&gt; 1.5 s</code> c"


def test_a_word_is_marked_where_it_stands_first() -> None:
    say = Speaker()
    assert "popovertarget" in say("tokens")
    assert "popovertarget" not in say("a token and TTFTs")


def test_forms_of_words_are_of_one_term_each() -> None:
    forms = [form for term in TERMS for form in term.forms]
    assert len(forms) == len(set(forms))
    assert all(PATTERN.fullmatch(form) for form in forms)

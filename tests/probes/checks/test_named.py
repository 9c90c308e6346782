"""Several checks of one answer, and what all of them keep to."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from probes.ask import Reply, TooSlowError, Wrong
from probes.checks import Checks, Contains, Expected, Expression, JsonSchema, Language, Matches, MinTokens, NotRefusal, Printable
from probes.wording import shortened

EVERY_KIND: tuple[Expected, ...] = (
    Contains("hello" * 100),
    Matches(Expression(f"hello{'[a-z]' * 100}")),
    JsonSchema({"type": "object", "additionalProperties": {"enum": ["x" * 400]}}),
    MinTokens(5),
    Language("de"),
    Printable(),
    NotRefusal(),
    NotRefusal((Expression(f"[a-z]|{'x' * 300}"),)),
)


def test_the_first_that_is_not_met_is_what_is_wrong() -> None:
    checks = Checks({"polite": NotRefusal(), "greets": Contains("hello"), "long": MinTokens(10)})
    assert checks(Reply("bye", output_tokens=1)) == Wrong("greets", "does not contain hello")
    assert checks(Reply("hello", output_tokens=1)) == Wrong("long", "has 1 token, fewer than 10")
    assert checks(Reply("hello", output_tokens=10)) is None


def test_none_finds_nothing() -> None:
    assert Checks({})(Reply("")) is None


def test_a_check_that_is_too_slow_is_named() -> None:
    checks = Checks({"fine": Contains("a"), "astray": Matches(Expression("(a+)+$")), "after": Contains("z")})
    with pytest.raises(TooSlowError) as caught:
        checks(Reply("a" * 50_000 + "!"))
    assert str(caught.value) == "the check astray took longer than 0.1 s"


@given(st.text(st.characters(exclude_categories=()), max_size=400), st.none() | st.integers(0, 10))
@example("[" * 5000, 1)
@example("[" * 500 + "]" * 500, 1)
@example('{"a' + "b" * 5000 + '": 1}', 1)
@example("```json\n```", 1)
@example("``````", 1)
@example('"\\ud800"', 1)
@example("\ud800" * 50, 1)
@example("1e999", 1)
@example("\x00" * 100, 1)
@settings(max_examples=200, deadline=None)
def test_no_answer_breaks_a_check(text: str, tokens: int | None) -> None:
    for check in EVERY_KIND:
        detail = check.wrong(Reply(text, tokens))
        assert detail is None or shortened(detail)


@pytest.mark.parametrize("check", EVERY_KIND, ids=lambda check: type(check).__name__)
@pytest.mark.parametrize("text", ["a " * 500_000, "[" * 1_000_000, "\n" * 1_000_000, '{"a":' * 200_000, "```" * 300_000, "\ufffd " * 500_000])
def test_the_longest_answers_are_looked_at_in_little_time(check: Expected, text: str) -> None:
    began = time.thread_time()
    check.wrong(Reply(text, 3))
    assert time.thread_time() - began < 2

from __future__ import annotations

import pytest

from probes.ask import Reply
from probes.checks import Contains, MinTokens


@pytest.mark.parametrize("text", ["hello", "well, hello there", "Hello, hello"])
def test_a_text_that_is_there(text: str) -> None:
    assert Contains("hello").wrong(Reply(text)) is None


@pytest.mark.parametrize("text", ["", "hell o", "Hello"])
def test_a_text_that_is_not_there(text: str) -> None:
    assert Contains("hello").wrong(Reply(text)) == "does not contain hello"


def test_a_long_text_is_told_shortly() -> None:
    detail = Contains("one\ntwo " + "x" * 500).wrong(Reply("no"))
    assert detail == "does not contain one two " + "x" * 111 + "…"


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(2, None), (3, None), (1, "has 1 token, fewer than 2"), (0, "has 0 tokens, fewer than 2"), (None, None)],
)
def test_fewest_tokens(tokens: int | None, expected: str | None) -> None:
    assert MinTokens(2).wrong(Reply("whatever it says", tokens)) == expected

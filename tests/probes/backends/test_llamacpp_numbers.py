"""What llama.cpp tells of itself, brought to the numbers that all engines share."""

from __future__ import annotations

from probes.numbers.number import Number
from tests.exporter.native.recorded import text, told


def test_build_11549() -> None:
    """33 chats, some at once."""
    assert told("llamacpp", text("llamacpp-11549")) == {
        Number.REQUESTS_RUNNING: 0,
        Number.REQUESTS_WAITING: 0,
        Number.PREFIX_CACHE_HITS: 174,
        Number.PREFIX_CACHE_QUERIES: 459 + 174,
        Number.PROMPT_TOKENS: 459 + 174,
        Number.GENERATION_TOKENS: 493,
        Number.SPEC_DECODE_DRAFTS: 0,
        Number.SPEC_DECODE_DRAFT_TOKENS: 0,
        Number.SPEC_DECODE_ACCEPTED_TOKENS: 0,
    }


def test_build_6751_does_not_count_cached_tokens() -> None:
    assert told("llamacpp", text("llamacpp-6751")) == {
        Number.REQUESTS_RUNNING: 0,
        Number.REQUESTS_WAITING: 0,
        Number.GENERATION_TOKENS: 79,
    }


def test_build_5129_tells_how_full_its_cache_is() -> None:
    assert told("llamacpp", text("llamacpp-5129")) == {
        Number.REQUESTS_RUNNING: 0,
        Number.REQUESTS_WAITING: 0,
        Number.KV_CACHE_USAGE: 0.00158691,
        Number.GENERATION_TOKENS: 3,
    }


def test_six_digits_are_all_that_there_is_of_a_large_counter() -> None:
    page = "# TYPE llamacpp:tokens_predicted_total counter\nllamacpp:tokens_predicted_total 1.23457e+06\n"
    assert told("llamacpp", page) == {Number.GENERATION_TOKENS: 1234570}

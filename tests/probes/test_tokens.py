"""Which chunks bear tokens, and how many."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backends.base import Event
from probes.tokens import TokenCount


def borne(*events: Event) -> list[int]:
    count = TokenCount()
    return [count.borne_by(event) for event in events]


@pytest.mark.parametrize(
    "event",
    [Event(text="a"), Event(reasoning="a"), Event(tool_text="get"), Event(is_token=True)],
    ids=["answer", "reasoning", "tool call", "token by form"],
)
def test_a_chunk_without_usage_bears_one(event: Event) -> None:
    assert borne(event, event) == [1, 1]


@pytest.mark.parametrize(
    "event",
    [Event(), Event(running_tokens=0), Event(output_tokens=9), Event(finish_reason="stop"), Event(done=True), Event(input_tokens=12)],
    ids=["role", "role with usage", "usage without choices", "finish", "marker", "prompt"],
)
def test_what_bears_none(event: Event) -> None:
    assert borne(event) == [0]


def test_running_usage_sets_the_count() -> None:
    assert borne(Event(running_tokens=0), Event(text="a", running_tokens=1), Event(text="b c", running_tokens=4)) == [0, 1, 3]


def test_a_chunk_without_text_bears_what_usage_rose_by() -> None:
    assert borne(Event(text="a", running_tokens=1), Event(running_tokens=2), Event(running_tokens=2)) == [1, 1, 0]


def test_a_finish_chunk_bears_tokens_only_if_usage_rose() -> None:
    rises = borne(Event(text="a", running_tokens=1), Event(finish_reason="stop", running_tokens=2))
    stays = borne(Event(text="a", running_tokens=1), Event(finish_reason="stop", running_tokens=1))
    assert (rises, stays) == ([1, 1], [1, 0])


def test_text_bears_at_least_one_where_usage_stands_still() -> None:
    assert borne(Event(text="a", running_tokens=1), Event(text="b", running_tokens=1)) == [1, 1]


def test_usage_that_comes_late_catches_up_with_what_text_counted() -> None:
    assert borne(Event(text="a"), Event(text="b"), Event(text="c", running_tokens=3), Event(text="d", running_tokens=5)) == [1, 1, 1, 2]


def test_usage_is_the_source_only_if_every_rise_came_from_it() -> None:
    count = TokenCount()
    count.borne_by(Event(text="a", running_tokens=1))
    assert count.by_usage
    count.borne_by(Event(text="b"))
    assert not count.by_usage
    count.borne_by(Event(text="c", running_tokens=3))
    assert not count.by_usage


EVENTS = st.builds(Event, text=st.sampled_from(["", "a"]), is_token=st.booleans(), running_tokens=st.none() | st.integers(0, 20))


@given(st.lists(EVENTS))
def test_the_count_never_falls_and_is_the_sum_of_what_was_borne(events: list[Event]) -> None:
    count = TokenCount()
    tokens = [count.borne_by(event) for event in events]
    assert all(number >= 0 for number in tokens)
    assert sum(tokens) == count.total
    assert all(number for number, event in zip(tokens, events, strict=True) if event.has_text or event.is_token)
    usages = [event.running_tokens for event in events if event.running_tokens is not None and event.has_text and not event.finish_reason]
    assert count.total >= max(usages, default=0)

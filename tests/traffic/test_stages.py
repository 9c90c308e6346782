"""Which stage an instant lies in, over any number of passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from traffic.stages import Span, Stages

SECOND_NS = 1_000_000_000
START_NS = 5

lengths = st.lists(st.integers(1, 10**8).map(lambda microseconds: microseconds / 10**6), min_size=1, max_size=6)


def test_where_all_stages_end_the_first_follows_the_last() -> None:
    stages = Stages([1.0, 2.5], START_NS)
    span, found = stages.at(START_NS), []
    for _ in range(4):
        found.append(span)
        after = stages.after(span)
        assert after is not None
        span = after
    edges = [START_NS + round(edge * SECOND_NS) for edge in (0, 1, 3.5, 4.5, 7)]
    assert found == [Span(number // 2, number % 2, edges[number], edges[number + 1]) for number in range(4)]


def test_a_stage_without_an_end_holds_for_good() -> None:
    stages = Stages([1.0, None], START_NS)
    last = Span(0, 1, START_NS + SECOND_NS, None)
    assert stages.at(START_NS + SECOND_NS - 1) == Span(0, 0, START_NS, START_NS + SECOND_NS)
    assert stages.at(START_NS + SECOND_NS) == stages.at(START_NS + 10**18) == last
    assert stages.after(last) is None


def test_before_the_start_the_first_stage_is_meant() -> None:
    assert Stages([1.0, 2.0], START_NS).at(0) == Span(0, 0, START_NS, START_NS + SECOND_NS)


@given(lengths, st.booleans(), st.integers(0, 10**18))
def test_every_instant_lies_in_one_stage_and_the_next_begins_where_it_ends(seconds: list[float], holds: bool, since_ns: int) -> None:
    stages = Stages([*seconds, None] if holds else seconds, START_NS)
    span = stages.at(START_NS + since_ns)
    assert span.begin_ns <= START_NS + since_ns
    after = stages.after(span)
    if span.end_ns is None:
        assert holds
        assert after is None
    else:
        assert START_NS + since_ns < span.end_ns
        assert after is not None
        assert after.begin_ns == span.end_ns
        assert after == stages.at(span.end_ns)

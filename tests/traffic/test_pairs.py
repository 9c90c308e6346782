from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import MS, chat, chats, failed, gathered
from traffic.events import Pair, Side, SkipReason
from traffic.pairs import Comparison, Measure, Undecided, compared, spread_seconds, wins

ALL = tuple(Measure)
NEITHER_WAY = [
    Side("b", chat(outcome="cancelled", finished_ns=None), None),
    Side("b", failed(Reason.INTERNAL), None),
    *(Side("b", None, reason) for reason in SkipReason if reason not in (SkipReason.BREAKER, SkipReason.TARGET_BUSY, SkipReason.LOAD_FAILED)),
]
LOST = [
    *(Side("b", failed(reason), None) for reason in Reason if reason is not Reason.INTERNAL),
    Side("b", None, SkipReason.BREAKER),
    Side("b", None, SkipReason.TARGET_BUSY),
    Side("b", None, SkipReason.LOAD_FAILED),
]


def side(record: ChatRecord, target: str = "a") -> Side:
    return Side(target, record, None)


def off_by(record: ChatRecord, milliseconds: float) -> ChatRecord:
    """The same chat, with this bound on the error of its times."""
    return replace(record, chunks=tuple(chunk._replace(error_ns=round(milliseconds * MS)) for chunk in record.chunks))


@pytest.mark.parametrize("other", NEITHER_WAY)
def test_a_side_that_counts_neither_way_takes_the_pair_with_it(other: Side) -> None:
    for one in (side(chat()), side(failed(Reason.CONNECT)), *NEITHER_WAY):
        assert wins(one, other, 10) is None
        assert wins(other, one, 10) is None


@pytest.mark.parametrize("other", LOST)
def test_a_side_that_failed_loses_on_every_measure(other: Side) -> None:
    assert wins(side(chat()), other, 10) == ALL
    assert wins(other, side(chat()), 10) == ()


def test_it_loses_even_to_a_chat_that_lacks_a_measure() -> None:
    assert wins(side(chat(tokens=1)), LOST[0], 10) == ALL


@pytest.mark.parametrize("other", LOST)
def test_of_two_that_failed_none_wins(other: Side) -> None:
    assert wins(side(failed(Reason.STALLED, chunks=chat().chunks)), other, 10) == ()


@pytest.mark.parametrize(
    ("one", "other", "won", "lost"),
    [
        (chat(ttft_ms=40), chat(ttft_ms=50), ("ttft", "e2e"), ()),
        (chat(gap_ms=10), chat(gap_ms=20), ("tpot", "e2e"), ()),
        (chat(ttft_ms=30, gap_ms=10), chat(ttft_ms=50, gap_ms=20), ("ttft", "tpot", "e2e"), ()),
        (chat(ttft_ms=40, gap_ms=20), chat(ttft_ms=99, gap_ms=10), ("ttft",), ("tpot", "e2e")),
        (chat(ttft_ms=40, gap_ms=11), chat(ttft_ms=100, gap_ms=10), ("ttft", "e2e"), ("tpot",)),
        (chat(), chat(), (), ()),
        (chat(tokens=1, ttft_ms=40), chat(ttft_ms=50), ("ttft",), ()),
        (chat(ttft_ms=40), chat(tokens=1, ttft_ms=50), ("ttft",), ()),
        (chat(tokens=1), chat(tokens=1), (), ()),
    ],
)
def test_of_two_that_succeeded_the_lower_value_wins(one: ChatRecord, other: ChatRecord, won: tuple[str, ...], lost: tuple[str, ...]) -> None:
    assert wins(side(one), side(other, "b"), answer_tokens=7) == won
    assert wins(side(other, "b"), side(one), answer_tokens=7) == lost


def test_e2e_is_that_of_an_answer_of_the_stated_length_whatever_the_chats_wrote() -> None:
    quick_start, quick_pace = side(chat(tokens=100, ttft_ms=50, gap_ms=20)), side(chat(tokens=3, ttft_ms=151, gap_ms=10))
    assert Measure.E2E in (wins(quick_start, quick_pace, answer_tokens=11) or ())  # 250 against 251 ms
    assert Measure.E2E in (wins(quick_pace, quick_start, answer_tokens=12) or ())  # 270 against 261 ms
    assert Measure.E2E in (wins(quick_start, quick_pace, answer_tokens=1) or ())


@pytest.mark.parametrize("other", [chat(ttft_ms=400, gap_ms=50), chat(ttft_ms=1, gap_ms=1), gathered(every_ms=90)])
def test_nobody_wins_where_something_on_the_way_gathered_the_tokens_of_one(other: ChatRecord) -> None:
    """Its pace is the router's: it would beat every engine by tokens that came at once, and lose to each by the wait for them."""
    held = gathered(every_ms=30)
    assert held.bursts is not None
    assert wins(side(held), side(other, "b"), 40) == ()
    assert wins(side(other, "b"), side(held), 40) == ()


@pytest.mark.parametrize(
    ("mine", "theirs", "same_model", "fair"),
    [
        (37, 37, True, True),
        (37, 38, True, False),
        (20, 37, False, True),
        (1_000, 1_564, False, True),
        (1_000, 1_565, False, False),
        (None, 37, True, True),
    ],
)
def test_nobody_wins_where_the_prompt_cannot_have_been_the_same(mine: int | None, theirs: int, same_model: bool, fair: bool) -> None:
    quicker = side(replace(chat(ttft_ms=40), input_tokens=mine, model="m"))
    slower = side(replace(chat(ttft_ms=50), input_tokens=theirs, model="m" if same_model else "n"), "b")
    expected = [(("ttft", "e2e"), None), ((), None)] if fair else [((), Undecided.INPUT_TOKENS)] * 2
    assert [(found.won, found.undecided) for found in compared(Pair("versus", "1", (quicker, slower)), answer_tokens=10)] == expected


def test_gathered_tokens_leave_a_pair_undecided() -> None:
    found = list(compared(Pair("versus", "1", (side(gathered()), side(chat(), "b"))), answer_tokens=10))
    assert [each.undecided for each in found] == [Undecided.GATHERED] * 2


def test_a_load_leaves_a_pair_undecided() -> None:
    found = list(compared(Pair("versus", "1", (side(replace(chat(), load="allowed")), side(chat(), "b"))), answer_tokens=10))
    assert [each.undecided for each in found] == [Undecided.LOAD] * 2


def test_a_chat_with_gathered_tokens_still_beats_one_that_failed() -> None:
    assert wins(side(gathered()), side(failed(Reason.TIMEOUT), "b"), 40) == ALL


@pytest.mark.parametrize(
    ("difference_ms", "won"),
    [
        (0.25, ()),
        (0.31, ("ttft",)),  # 0.1 and 0.2 ms for the first token; over two more gaps of a half of it each, the same again
        (0.59, ("ttft",)),
        (0.61, ("ttft", "e2e")),
    ],
)
def test_a_difference_that_the_timing_may_have_made_is_a_tie(difference_ms: float, won: tuple[str, ...]) -> None:
    quicker, slower = off_by(chat(ttft_ms=50), 0.1), off_by(chat(ttft_ms=50 + difference_ms), 0.2)
    assert wins(side(quicker), side(slower, "b"), answer_tokens=3) == won
    assert wins(side(slower, "b"), side(quicker), answer_tokens=3) == ()


def test_the_error_of_a_pace_is_shared_by_the_tokens_after_the_first_chunk() -> None:
    few, many = (off_by(chat(tokens=tokens, gap_ms=20), 1) for tokens in (3, 101))
    assert Measure.TPOT not in (wins(side(few), side(off_by(chat(tokens=3, gap_ms=20.9), 1), "b"), 2) or ())
    assert Measure.TPOT in (wins(side(few), side(off_by(chat(tokens=3, gap_ms=21.1), 1), "b"), 2) or ())
    assert Measure.TPOT in (wins(side(many), side(off_by(chat(tokens=101, gap_ms=20.1), 1), "b"), 2) or ())


@given(chats(), chats(), st.integers(1, 10_000))
def test_none_wins_against_each_other_and_both_see_the_same(one: ChatRecord, other: ChatRecord, answer_tokens: int) -> None:
    there, back = wins(side(one), side(other, "b"), answer_tokens), wins(side(other, "b"), side(one), answer_tokens)
    assert (there is None) == (back is None)
    assert not set(there or ()) & set(back or ())
    assert wins(side(one), side(one, "b"), answer_tokens) in ((), None)


def test_three_sides_are_compared_two_by_two_but_for_those_that_do_not_count() -> None:
    sides = (side(chat(ttft_ms=40)), side(chat(ttft_ms=50), "b"), Side("c", None, SkipReason.BREAKER))
    expected = {
        Comparison("a", "b", (Measure.TTFT, Measure.E2E)),
        Comparison("b", "a", ()),
        Comparison("a", "c", ALL),
        Comparison("c", "a", ()),
        Comparison("b", "c", ALL),
        Comparison("c", "b", ()),
    }
    found = list(compared(Pair("versus", "1", sides), answer_tokens=10))
    assert set(found) == expected
    assert len(found) == 6
    sides = (*sides[:2], Side("c", None, SkipReason.GLOBAL_CAP))
    assert {(found.target, found.peer) for found in compared(Pair("versus", "1", sides), answer_tokens=10)} == {("a", "b"), ("b", "a")}


def test_its_requests_are_so_far_apart_as_the_first_from_the_last() -> None:
    sent_ns = chat().sent_ns or 0
    sides = [side(chat(sent_ns=sent_ns + after_ms * MS), f"{after_ms}") for after_ms in (2, 0, 5)]
    assert spread_seconds(Pair("chat", "pair", tuple(sides))) == 0.005


@pytest.mark.parametrize("other", [Side("b", None, SkipReason.BREAKER), side(failed(Reason.DNS, sent_ns=None), "b")])
def test_a_pair_of_which_one_alone_was_sent_has_no_spread(other: Side) -> None:
    assert spread_seconds(Pair("chat", "pair", (side(chat()), other))) is None

"""Who was first how often, and what of it is a difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bench.race.differences import differences
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from traffic.events import Pair, Side, SkipReason
from traffic.pairs import Measure
from traffic.race.score import Score

NAMES = ("a", "b", "c")
NOISE = (1.0, 1.04, 0.97, 1.01, 0.99, 1.02)


def pair(*records: ChatRecord | SkipReason) -> Pair:
    sides = [
        Side(name, None, one) if isinstance(one, SkipReason) else Side(name, replace(one, target=name), None)
        for name, one in zip(NAMES, records, strict=False)
    ]
    return Pair("race", "1", tuple(sides))


def score_of(rounds: Sequence[Pair]) -> Score:
    names = [side.target for side in rounds[0].sides]
    score = Score(names, 10)
    for one in rounds:
        score.take(one)
    return score


def test_who_beats_all_others_wins_a_round() -> None:
    score = score_of([pair(chat(ttft_ms=30, gap_ms=20), chat(ttft_ms=40, gap_ms=10), chat(ttft_ms=50, gap_ms=30))] * 2)
    a, b, c = score.standings()
    assert (a.won[Measure.TTFT], b.won[Measure.TTFT], c.won[Measure.TTFT]) == (2, 0, 0)
    assert (a.won[Measure.TPOT], b.won[Measure.TPOT], c.won[Measure.TPOT]) == (0, 2, 0)
    assert a.ttft_seconds == pytest.approx(0.03)
    assert b.tpot_seconds == pytest.approx(0.01)
    assert (score.winner(Measure.TTFT), score.winner(Measure.TPOT)) == ("a", "b")
    assert not score.troubled


def test_nobody_wins_what_is_within_the_timing_error() -> None:
    def off(ttft_ms: float) -> ChatRecord:
        record = chat(ttft_ms=ttft_ms)
        return replace(record, chunks=tuple(chunk._replace(error_ns=5_000_000) for chunk in record.chunks))

    score = score_of([pair(off(30), off(31))])
    assert score.winner(Measure.TTFT) is None
    assert [one.won[Measure.TTFT] for one in score.standings()] == [0, 0]


def test_a_failure_loses_and_is_counted_but_an_engine_that_was_not_asked_is_not() -> None:
    score = score_of([pair(chat(), failed(Reason.CONNECT)), pair(chat(), SkipReason.MODEL_NOT_LOADED)])
    a, b = score.standings()
    assert (a.failed, b.failed, b.ttft_seconds) == (0, 1, None)
    assert a.won[Measure.TTFT] == 1
    assert score.troubled
    assert score.paired(Measure.TTFT, "a", "b") == []


def test_of_one_engine_there_is_nobody_to_win_against() -> None:
    score = score_of([pair(chat())])
    assert score.winner(Measure.TTFT) is None


def test_differences_are_told_beside_the_best_and_where_there_is_none() -> None:
    rounds = [
        pair(chat(ttft_ms=40 * noise, gap_ms=20), chat(ttft_ms=20 * again, gap_ms=20), chat(ttft_ms=20 * noise, gap_ms=20))
        for noise, again in zip(NOISE, reversed(NOISE), strict=True)
    ]
    found = {(one.measure, one.best, one.other): one for one in differences(score_of(rounds), NAMES)}
    best = next(best for measure, best, _ in found if measure is Measure.TTFT)
    assert best in ("b", "c")
    slow = found[Measure.TTFT, best, "a"]
    assert slow.differs
    assert slow.low < 2 < slow.high
    assert slow.times == pytest.approx(2, rel=0.05)
    alike = found[Measure.TTFT, best, "c" if best == "b" else "b"]
    assert not alike.differs
    assert alike.low < 1 < alike.high
    assert 0 < alike.detectable < 0.2
    assert slow.rounds == len(rounds)


def test_fewer_than_three_rounds_show_no_difference() -> None:
    assert differences(score_of([pair(chat(ttft_ms=30), chat(ttft_ms=90))] * 2), NAMES[:2]) == []

"""Recorded answers: their text shared out, and played at their pace."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from bench.race.recorded import BLOCK, Recorded, first_of, recorded, side_by_side
from bench.race.replaying import Pace, play
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import MS, chat, failed
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.race.lane import Lane
from traffic.schedule import SystemClock

SAID = "one two three four five six"


def written(record: ChatRecord, *, with_text: bool = True, **changes: Any) -> Recorded:
    return recorded(replace(record, **changes).to_json(text=with_text))


def test_the_text_is_shared_out_and_complete() -> None:
    answer = written(chat(tokens=5), text=SAID)
    assert "".join(piece.text for piece in answer.pieces) == SAID
    assert all(piece.text for piece in answer.pieces)
    assert [piece.arrived_ns for piece in answer.pieces] == [(50 + 20 * number) * MS for number in range(5)]
    assert answer.has_text
    assert answer.ended_ns == pytest.approx(131 * MS, abs=10)


def test_a_chunk_with_more_tokens_has_more_of_the_text() -> None:
    record = chat(tokens=2)
    record = replace(record, chunks=(record.chunks[0], record.chunks[1]._replace(tokens=3)), text="a" * 40)
    assert [len(piece.text) for piece in recorded(record.to_json(text=True)).pieces] == [10, 30]


def test_without_text_each_token_is_a_block() -> None:
    answer = written(chat(tokens=4), with_text=False)
    assert not answer.has_text
    assert [piece.text for piece in answer.pieces] == [BLOCK] * 4


def test_reasoning_is_blocks_even_with_text() -> None:
    record = chat(tokens=4)
    answer = written(replace(record, first_content_ns=record.chunks[2].arrived_ns, text=SAID))
    assert [piece.reasoning for piece in answer.pieces] == [BLOCK, BLOCK, "", ""]
    assert "".join(piece.text for piece in answer.pieces) == SAID


def test_a_failure_without_tokens_is_one_too() -> None:
    answer = written(failed(Reason.CONNECT))
    assert (answer.pieces, answer.figures.trouble) == ((), "failed: connect: it was connect")


def test_what_simulated_engines_said_is_known_as_that() -> None:
    assert written(chat(), scenario="simulated-race").simulated
    assert not written(chat()).simulated


def test_nonsense_is_refused() -> None:
    line = chat().to_json(text=True)
    for key, value in {"chunks": [["no", 1]], "ttft_seconds": float("nan"), "phases": {}}.items():
        with pytest.raises((KeyError, TypeError, ValueError)):
            recorded({**line, key: value})


def test_pairs_stand_side_by_side_and_others_alone() -> None:
    named = (("b", "1"), ("a", "1"), ("a", None), ("b", None))
    answers = [written(chat(), target=target, pair_id=pair, request_id=f"{target}{pair}") for target, pair in named]
    assert [[one.target for one in group] for group in side_by_side(answers)] == [["a", "b"], ["a"], ["b"]]
    assert answers[0].is_named("b1")
    assert not answers[0].is_named("c")


def test_who_was_first_is_said_beyond_the_timing_error_only() -> None:
    fast, slow = written(chat(ttft_ms=40), target="fast"), written(chat(ttft_ms=60), target="slow")
    assert first_of([slow, fast]) == "fast"
    assert first_of([fast]) is None
    blurred = replace(fast, figures=replace(fast.figures, timing_error_seconds=0.03))
    assert first_of([slow, blurred]) is None


async def test_it_plays_all_of_it_in_order() -> None:
    answers = [written(chat(tokens=3, ttft_ms=10), target="a", text=SAID), written(failed(Reason.CONNECT), target="b")]
    lanes = {name: Lane(name, "vllm") for name in "ab"}
    await play(answers, lanes, Pace(SystemClock(), 100), asyncio.Event())
    assert lanes["a"].text == SAID
    assert lanes["a"].ttft_seconds == answers[0].figures.ttft_seconds
    assert lanes["b"].figures is not None
    assert lanes["b"].figures.trouble.startswith("failed: connect")


async def test_its_pace_is_the_recordings_times_the_speed() -> None:
    answer = written(chat(tokens=2, ttft_ms=100, gap_ms=100), target="a")
    began = time.monotonic()
    await play([answer], {"a": Lane("a", "vllm")}, Pace(SystemClock(), 0.5), asyncio.Event())
    assert time.monotonic() - began >= 0.4


async def test_it_stops_in_the_middle_of_a_silence() -> None:
    answer = written(chat(tokens=2, ttft_ms=10, gap_ms=3_600_000), target="a")
    lane, stop = Lane("a", "vllm"), asyncio.Event()
    playing = asyncio.create_task(play([answer], {"a": lane}, Pace(SystemClock(), 1), stop))
    await eventually(lambda: bool(lane.tokens))
    stop.set()
    await asyncio.wait_for(playing, PATIENCE_SECONDS)
    assert lane.tokens == 1

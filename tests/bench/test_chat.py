from __future__ import annotations

from bench.chat import Chat, Place, chat_of
from probes.chunk import Chunk
from probes.record import ChatRecord

MS = 1_000_000
PLACE = Place("10 users", 2, 3, 4.5, warm_up=False)


def record(**changes: object) -> ChatRecord:
    chunks = (Chunk(50 * MS, 1, 0), Chunk(70 * MS, 2, 0), Chunk(100 * MS, None, 0), Chunk(110 * MS, 1, 0))
    fields: dict[str, object] = {
        "target": "vllm", "backend": "vllm", "model": "tiny", "scenario": "bench", "request_id": "r", "prompt_id": "p", "cache": "cold",
        "started_at": 0.0, "started_ns": 0, "ended_ns": 120 * MS, "sent_ns": 10 * MS, "outcome": "ok", "chunks": chunks, "finished_ns": 120 * MS,
    }  # fmt: skip
    return ChatRecord(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_place_is_read_back_as_it_was_written() -> None:
    assert Place.from_json(PLACE.to_json()) == PLACE


def test_gaps_are_those_whose_tokens_are_known() -> None:
    chat = chat_of(record(), PLACE, cut=False)
    assert chat.gaps_seconds.tolist() == [0.02, 0.01]
    assert chat.gap_tokens.tolist() == [2.0, 1.0]
    assert (chat.ttft_seconds, chat.e2e_seconds) == (0.04, 0.12)
    assert chat.counts


def test_a_chat_that_the_end_cut_off_is_no_attempt() -> None:
    assert chat_of(record(outcome="cancelled"), PLACE, cut=False).outcome == "cut"
    assert not Chat(target="vllm", place=PLACE, outcome="cut").counts
    assert not chat_of(record(), Place("1 user", 1, 1, 0.0, warm_up=True), cut=False).counts

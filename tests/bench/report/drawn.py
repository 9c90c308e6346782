"""A run on disk for charts: three engines at four loads, with warm-ups, failures and chats that were cut off. It takes no time to be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.chat import Place, chat_of
from bench.engine_side.reading import Mark, Reading
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Event, LevelBegun, RoundEnded, RunBegun, RunEnded
from bench.level import Block, Level
from bench.results.listing import find_run
from bench.results.manifest import About
from bench.results.reading import Run
from bench.results.summarising import summarised
from bench.results.writing import Ending, begin
from config.load import ClosedLoop, UserStage
from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.own_account import Native
from probes.record import ChatRecord
from tests.bench.engine_side.made import observed
from tests.exporter.chats import MS, START_NS, STARTED_AT, chat

USERS = (1, 2, 4, 8)
ROUNDS, CHATS, TOKENS = 3, 30, 40
WARM_UP_SECONDS, BLOCK_SECONDS = 4.0, 30.0
QUEUE_SECONDS, PREFILL_SECONDS = 0.01, 0.02
"""Of each request, by vLLM's own account."""
SLO = {"ttft": 0.2, "tpot": 0.05}


@dataclass(frozen=True, slots=True)
class Drawn:
    """An engine that has its first token after `ttft_ms` for one user, and a token each `tpot_ms`; with more users it takes longer."""

    backend: str
    ttft_ms: float
    tpot_ms: float
    failing_at: int | None = None
    """Users from which on chats are refused."""
    failing_every: int = 3
    """Which of them: each third."""


ENGINES: Mapping[str, Drawn] = {"vllm": Drawn("vllm", 40, 10), "vllm-int4": Drawn("vllm", 60, 8), "ollama": Drawn("ollama", 50, 16, failing_at=8)}
OUTCOMES = (
    {
        "kind": "knee",
        "target": "vllm",
        "words": "the knee lies at 3.1 users (2.8 users to 3.4 users); 2 chats/s are carried at most",
        "figures": {"at": 3.1, "low": 2.8, "high": 3.4, "confidence": 0.95, "carried_per_second": 2.0},
    },
    {"kind": "wait", "target": "vllm", "words": "the wait leaves its level", "figures": {"low": 2.0, "high": 4.0}},
    {"kind": "capacity", "target": "ollama", "words": "4 users at once", "figures": {"users": 4.0, "at_rate": None}},
)


def drawn_run(
    results: Path, engines: Mapping[str, Drawn] = ENGINES, users: tuple[int, ...] = USERS, slos: Mapping[str, Mapping[str, float]] | None = None
) -> Run:
    """The run, with its summary."""
    told = {target: {"backend": engine.backend, "version": "1.0"} for target, engine in engines.items()}
    about = About(
        name="drawn",
        targets=tuple(engines),
        models=dict.fromkeys(engines, "tiny"),
        engines=told,
        slos={"quick": SLO} if slos is None else slos,
    )
    writer = begin(results, about, at=STARTED_AT, warn=lambda _: None)
    for event in _events(engines, users):
        writer(event)
        if isinstance(event, BlockBegun) and "vllm" in engines:
            for reading in _readings(event.block, event.at):
                writer.native(reading.to_json())
    outcomes = tuple(outcome for outcome in OUTCOMES if outcome["target"] in engines) if len(users) > 1 else ()
    writer.finish(Ending(at=STARTED_AT + 600, summarise=summarised, outcomes=outcomes))
    return find_run(results, writer.folder.name)


def _events(engines: Mapping[str, Drawn], users: tuple[int, ...]) -> Iterator[Event]:
    chance = np.random.default_rng(11)
    targets = tuple(engines)
    yield RunBegun(targets)
    number = 0
    for count in users:
        level = Level(f"{count} user{'' if count == 1 else 's'}", dict.fromkeys(targets, ClosedLoop((UserStage(count),))), ROUNDS, BLOCK_SECONDS)
        yield LevelBegun(level, ROUNDS, 1)
        for round_ in range(1, ROUNDS + 1):
            number += 1
            block = Block(number, level.name, round_, targets, WARM_UP_SECONDS, BLOCK_SECONDS)
            at = STARTED_AT + (BLOCK_SECONDS + 2) * number
            yield BlockBegun(block, at)
            for target, engine in engines.items():
                yield from _chats(block, target, engine, count, chance)
            yield BlockEnded(block, at + BLOCK_SECONDS)
            yield RoundEnded(level, round_)
    yield RunEnded(End.DONE)


def _chats(block: Block, target: str, engine: Drawn, users: int, chance: np.random.Generator) -> Iterator[ChatEnded]:
    """The last is cut off by the end of its block."""
    for turn, since in enumerate(np.linspace(0.0, BLOCK_SECONDS - 0.5, CHATS).tolist()):
        cut = turn == CHATS - 1
        refused = engine.failing_at is not None and users >= engine.failing_at and turn % engine.failing_every == 0
        record = _refused(target, engine) if refused else _answered(target, engine, users, chance)
        if cut and not refused:
            record = replace(record, outcome="cancelled", finished_ns=None)
        yield ChatEnded(
            chat_of(record, Place(block.level, block.round, block.number, since, since < WARM_UP_SECONDS), cut=cut and not refused), record
        )


def _answered(target: str, engine: Drawn, users: int, chance: np.random.Generator) -> ChatRecord:
    record = chat(tokens=TOKENS, target=target, backend=engine.backend, request_id=chance.bytes(16).hex())
    assert record.sent_ns is not None
    ttft_ms = engine.ttft_ms * (1 + users / 8) * chance.lognormal(0, 0.1)
    gaps_ms = engine.tpot_ms * (1 + users / 16) * chance.lognormal(0, 0.2, TOKENS - 1)
    chunks = tuple(Chunk(record.sent_ns + int(at * MS), 1) for at in np.cumsum([ttft_ms, *gaps_ms]).tolist())
    ended_ns = chunks[-1].arrived_ns + MS
    native = Native(queue_seconds=ttft_ms / 4000, prefill_seconds=ttft_ms / 2000) if engine.backend == "ollama" else record.native
    return replace(record, chunks=chunks, ended_ns=ended_ns, finished_ns=ended_ns, first_content_ns=chunks[0].arrived_ns, native=native)


def _refused(target: str, engine: Drawn) -> ChatRecord:
    ended_ns = START_NS + 5 * MS
    failure = Failure(Reason.OVERLOADED, "no room", ended_ns)
    given: dict[str, Any] = {
        "target": target,
        "backend": engine.backend,
        "ended_ns": ended_ns,
        "finished_ns": None,
        "outcome": "failed",
        "output_tokens": None,
    }
    return chat(tokens=0, failure=failure, **given)


def _readings(block: Block, at: float) -> Iterator[Reading]:
    """vLLM's looks: what its histograms grew by after the warm-up is a request each second, and 3 run while 1 waits."""
    bounds = (0.005, 0.05, 0.5)
    nothing = {Number.QUEUE: observed(bounds=bounds), Number.PREFILL: observed(bounds=bounds)}
    count = int(BLOCK_SECONDS - WARM_UP_SECONDS)
    all_ = {
        number: observed(*[seconds] * count, bounds=bounds) for number, seconds in ((Number.QUEUE, QUEUE_SECONDS), (Number.PREFILL, PREFILL_SECONDS))
    }
    gauges = {Number.REQUESTS_RUNNING: 3.0, Number.REQUESTS_WAITING: 1.0}
    marks: tuple[tuple[Mark, float], ...] = (("begin", 0.0), ("measured", WARM_UP_SECONDS), ("during", 10.0), ("end", BLOCK_SECONDS + 1))
    for mark, since in marks:
        numbers: dict[Number, float | Histogram] = {**(all_ if mark == "end" else nothing), **(gauges if mark in ("measured", "during") else {})}
        yield Reading(at=at + since, target="vllm", block=block.number, mark=mark, numbers=numbers, started_at=7.0)

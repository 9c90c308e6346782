"""Runs in their folders, as the writer leaves them, whose truth is known."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from bench.chat import Chat
from bench.engine_side.gpus import Gpu, GpuReading
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Event, LevelBegun, RoundEnded, RunBegun, RunEnded
from bench.level import Block, Level, Measured
from bench.results.manifest import About
from bench.results.summary_files import SUMMARY
from bench.results.writing import Ending, begin
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.writing import to_json
from config.load import ClosedLoop, UserStage
from tests.bench.results.runs import ended, said
from tests.exporter.chats import STARTED_AT, chat

CONFIGURATION = "bench: {}\nscenarios: {chat: {users: 5, prompt: short-question, max_tokens: 16}}\n"
ROUNDS, CHATS, SECONDS = 4, 100, 30.0


def left(
    results: Path,
    name: str,
    *,
    ttft_ms: Mapping[str, float],
    seed: int = 1,
    version: str = "0.11.0",
    configuration: str = CONFIGURATION,
    end: End = End.DONE,
    lag_ms: float = 0.0,
    gpus: Sequence[str] = (),
    with_summary: bool = True,
    settings: Mapping[str, str] | None = None,
    facts: Mapping[str, Mapping[str, str]] | None = None,
    slos: Mapping[str, Mapping[str, float]] | None = None,
) -> Path:
    """A whole run of targets with these TTFTs, lognormal about them."""
    targets = tuple(ttft_ms)
    level = Level("5 users", dict.fromkeys(targets, ClosedLoop((UserStage(5),))), rounds=ROUNDS, seconds=SECONDS)
    about = About(
        name=name,
        configuration=configuration,
        seed=7,
        targets=targets,
        models=dict.fromkeys(targets, "tiny"),
        engines={target: {"backend": "vllm", "version": version, "context_tokens": 8192, "settings": settings or {}} for target in targets},
        facts=facts or {},
        slos=slos or {},
    )
    writer = begin(results, about, at=STARTED_AT, warn=said)
    chats: list[Chat] = []
    blocks: list[Block] = []
    for event in _events(level, targets, ttft_ms, seed, end, lag_ms):
        writer(event)
        if isinstance(event, ChatEnded):
            chats.append(event.chat)
        elif isinstance(event, BlockBegun):
            blocks.append(event.block)
    for target in targets if gpus else ():
        watched = tuple(Gpu(index=str(index), model=model) for index, model in enumerate(gpus))
        writer.native(GpuReading(at=STARTED_AT, target=target, block=1, gpus=watched).to_json())
    writer.finish(Ending(at=STARTED_AT + 600))
    if with_summary:
        summary = summarise(Given(targets=targets, measured=[Measured(level, tuple(blocks), chats)], models=about.models, paired=True))
        (writer.folder / SUMMARY).write_bytes(orjson.dumps(to_json(summary)))
    return writer.folder


def _events(level: Level, targets: tuple[str, ...], ttft_ms: Mapping[str, float], seed: int, end: End, lag_ms: float) -> Iterator[Event]:
    chance = random.Random(seed)
    yield RunBegun(targets)
    yield LevelBegun(level, rounds=ROUNDS, blocks=len(targets))
    number = 0
    for round in range(1, ROUNDS + 1):
        for target in targets:
            number += 1
            block = Block(number, level.name, round, (target,), warm_up_seconds=2.0, seconds=SECONDS)
            yield BlockBegun(block, STARTED_AT + SECONDS * number)
            for index in range(CHATS):
                record = chat(tokens=16, ttft_ms=ttft_ms[target] * chance.lognormvariate(0, 0.1), gap_ms=20 * chance.lognormvariate(0, 0.02))
                late = replace(record, due_ns=record.started_ns - round_ms(lag_ms))
                yield ended(late, block, 2.0 + index * (SECONDS - 3) / CHATS)
            yield BlockEnded(block, STARTED_AT + SECONDS * (number + 1))
        yield RoundEnded(level, round)
    yield RunEnded(end)


def round_ms(milliseconds: float) -> int:
    """In nanoseconds."""
    return round(milliseconds * 1_000_000)

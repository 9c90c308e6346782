"""A run of computed engines on disk: its chats are those of a small model of a batch. It takes no time, and says the same on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.caveat import Caveat
from bench.chat import Place, chat_of
from bench.courses.evidence import Goal
from bench.courses.fixed import Fixed
from bench.courses.outcome import outcomes
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Event, LevelBegun, RoundEnded, RunBegun, RunEnded
from bench.level import Block, Level
from bench.results.listing import find_run
from bench.results.manifest import About
from bench.results.reading import Run, open_run
from bench.results.summarising import summarised
from bench.results.writing import Ending, begin
from config.bench_slos import PRESETS
from config.load import ClosedLoop, UserStage
from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.record import ChatRecord
from tests.exporter.chats import MS, START_NS, STARTED_AT, chat

BLOCK_SECONDS, WARM_UP_SECONDS = 30.0, 4.5
SLO = PRESETS["interactive"]


@dataclass(frozen=True, slots=True)
class Modelled:
    """An engine that has its first token after `ttft_ms` and a token each `tpot_ms`, as long as no more than `slots` chats are there; then they wait.

    `failing` is the share of chats that fail from `fails_from` users on, with these words.
    """

    backend: str
    ttft_ms: float
    tpot_ms: float
    slots: int
    failing: float = 0.0
    fails_from: int = 0
    says: str = "no room: 64 requests are waiting"
    version: str = "1.2.3"


ENGINES: Mapping[str, Modelled] = {
    "vllm": Modelled("vllm", 45, 17, 64, version="0.11.0"),
    "tgi": Modelled("tgi", 60, 21, 24, failing=0.04, fails_from=16, version="3.3.6"),
    "ollama": Modelled("ollama", 80, 26, 4, version="0.13.0"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is computed: each engine at each number of users, in rounds, with so many chats a block and user, `tokens` long."""

    engines: Mapping[str, Modelled] = field(default_factory=lambda: ENGINES)
    users: Sequence[int] = (1, 4, 16)
    rounds: int = 5
    chats: int = 8
    tokens: int = 48
    model: str = "Qwen/Qwen2.5-7B-Instruct"
    level: str = "{} users"
    name: str = "computed"
    prompt_id: str = "customer-support"
    late_ms: float = 1.0
    caveats: tuple[Caveat, ...] = ()
    findings: tuple[Mapping[str, object], ...] = ()
    outcomes: tuple[Mapping[str, object], ...] | None = None
    """What the course has found; None for what these levels really say of each engine's capacity."""
    slos: Mapping[str, Mapping[str, float]] = field(default_factory=lambda: {SLO.name: SLO.thresholds})
    native: tuple[Mapping[str, object], ...] = ()
    configuration: str = "bench: {scenario: bench, levels: [{users: 1}, {users: 4}, {users: 16}]}\n"

    def level_of(self, users: int) -> str:
        return self.level.format(users) if users != 1 or self.level != "{} users" else "1 user"


def computed_run(results: Path, plan: Plan) -> Run:
    """The run of this plan, with its summary."""
    targets = tuple(plan.engines)
    about = About(
        name=plan.name,
        command=("chatprobe", "bench", "custom", "--slo", SLO.name),
        configuration=plan.configuration,
        seed=7,
        targets=targets,
        models=dict.fromkeys(targets, plan.model),
        engines={
            target: {"backend": engine.backend, "url": f"http://{engine.backend}.example", "version": engine.version, "context_tokens": 8192}
            for target, engine in plan.engines.items()
        },
        slos=plan.slos,
        caveats=plan.caveats,
    )
    writer = begin(results, about, at=STARTED_AT, warn=lambda _: None)
    for event in _events(plan):
        writer(event)
    for row in plan.native:
        writer.native(row)
    writer.settle()
    found = _capacities(writer.folder) if plan.outcomes is None else plan.outcomes
    writer.finish(Ending(at=STARTED_AT + 600, summarise=summarised, findings=plan.findings, outcomes=found))
    return find_run(results, writer.folder.name)


def _capacities(folder: Path) -> tuple[Mapping[str, object], ...]:
    measured = open_run(folder).measured()
    course = Fixed(tuple(one.level for one in measured))
    return tuple(found.to_json() for found in outcomes(course, measured, Goal(SLO)))


def _events(plan: Plan) -> Iterator[Event]:
    chance = np.random.default_rng(7)
    targets = tuple(plan.engines)
    yield RunBegun(targets)
    number = 0
    for users in plan.users:
        level = Level(plan.level_of(users), dict.fromkeys(targets, ClosedLoop((UserStage(users),))), plan.rounds, BLOCK_SECONDS)
        yield LevelBegun(level, plan.rounds, plan.rounds)
        for round_ in range(1, plan.rounds + 1):
            number += 1
            block = Block(number, level.name, round_, targets, WARM_UP_SECONDS, BLOCK_SECONDS)
            at = STARTED_AT + BLOCK_SECONDS * number
            yield BlockBegun(block, at)
            for target, engine in plan.engines.items():
                for since in np.linspace(0.0, BLOCK_SECONDS * 0.9, plan.chats * users):
                    record = _record(plan, target, engine, users, at + since, chance)
                    place = Place(level.name, round_, number, float(since), bool(since < WARM_UP_SECONDS))
                    yield ChatEnded(chat_of(record, place, cut=False), record)
            yield BlockEnded(block, at + BLOCK_SECONDS)
            yield RoundEnded(level, round_)
    yield RunEnded(End.DONE, "")


def _record(plan: Plan, target: str, engine: Modelled, users: int, at: float, chance: np.random.Generator) -> ChatRecord:
    given: dict[str, Any] = {
        "target": target, "backend": engine.backend, "model": plan.model, "scenario": "bench", "prompt_id": plan.prompt_id, "started_at": at,
        "request_id": chance.bytes(16).hex(), "due_ns": START_NS - round(plan.late_ms * MS),
    }  # fmt: skip
    if users >= engine.fails_from and chance.random() < engine.failing:
        ended_ns = START_NS + 5 * MS
        failure = Failure(Reason.OVERLOADED, engine.says, ended_ns)
        return chat(tokens=0, ended_ns=ended_ns, finished_ns=None, outcome="failed", failure=failure, output_tokens=None, http_status=503, **given)
    busy = min(users, engine.slots)
    tokens = max(2, round(chance.normal(plan.tokens, plan.tokens / 40)))
    gap_ms = engine.tpot_ms * (1 + 0.012 * busy) * chance.normal(1, 0.02)
    queued_ms = max(0.0, users / engine.slots - 1) * tokens * gap_ms * chance.uniform(0.7, 1.1)
    ttft_ms = (engine.ttft_ms + 3 * busy) * chance.lognormal(0, 0.12) + queued_ms
    record = chat(tokens=tokens, **given)
    assert record.sent_ns is not None
    arrivals = record.sent_ns + np.cumsum([ttft_ms, *chance.normal(gap_ms, gap_ms * 0.08, tokens - 1)]) * MS
    chunks = tuple(Chunk(int(arrived), 1) for arrived in arrivals)
    ended_ns = chunks[-1].arrived_ns + MS
    return replace(record, chunks=chunks, ended_ns=ended_ns, finished_ns=ended_ns, first_content_ns=chunks[0].arrived_ns)

"""Runs for tests: what a small one tells its listeners, and its folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.chat import Chat, Place, chat_of
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Event, LevelBegun, RoundEnded, RunBegun, RunEnded, Unsent
from bench.level import Block, Level
from bench.results.manifest import About, Manifest
from bench.results.summary_files import Summarised
from bench.results.writing import Ending, RunWriter, Warn, begin
from bench.summary.given import Caveat
from config.load import ClosedLoop, Load, UserStage
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import STARTED_AT, chat, failed
from traffic.events import SkipReason

TARGETS = ("vllm", "team/tgi")
LOAD: Load = ClosedLoop((UserStage(2),))
LEVEL = Level("2 users", dict.fromkeys(TARGETS, LOAD), rounds=2, seconds=10.0)
ABOUT = About(
    name="nightly",
    command=("chatprobe", "bench", "quick"),
    configuration="targets: {}\n",
    seed=7,
    targets=TARGETS,
    models=dict.fromkeys(TARGETS, "tiny"),
    engines={"vllm": {"version": "0.9.1"}, "team/tgi": {"version": None}},
    slos={"chat": {"ttft": 0.1}},
    caveats=(Caveat("the engines serve different models", ("vllm",)),),
)
SUMMARY = Summarised(
    json={
        "targets": list(TARGETS),
        "levels": [{"name": "2 users", "targets": [{"target": "vllm", "ok": 2}, {"target": "team/tgi", "ok": 1}]}],
        "comparisons": [{"measure": "ttft", "a": "vllm", "b": "team/tgi", "ratio": 1.5}, {"measure": "ttft", "a": "x", "b": "team/tgi"}],
    },
    csv="level,target\n2 users,vllm\n",
)


def said(_: str) -> None:
    """For a writer whose warnings do not matter."""


def block(number: int) -> Block:
    """One of four: two rounds of two blocks each, A B B A."""
    target = TARGETS[0] if number in (1, 4) else TARGETS[1]
    return Block(number, LEVEL.name, (number + 1) // 2, (target,), warm_up_seconds=1.0, seconds=10.0)


def ended(record: ChatRecord, of: Block, since_seconds: float = 2.0, *, cut: bool = False, warm_up: bool = False) -> ChatEnded:
    """A chat of a block that has just ended."""
    record = replace(record, target=of.targets[0])
    place = Place(of.level, of.round, of.number, since_seconds, warm_up)
    return ChatEnded(chat_of(record, place, cut=cut), record)


def refused(of: Block) -> ChatEnded:
    """A chat that was not sent, because its engine is dead."""
    place = Place(of.level, of.round, of.number, 3.0, False)
    return ChatEnded(
        Chat(target=of.targets[0], place=place, outcome="unsent", reason=SkipReason.BREAKER, prompt_id="short-question", pair_id="p", model="tiny"),
        None,
    )


def small_run(end: End = End.DONE) -> Iterator[Event]:
    """Every kind of chat, over two rounds."""
    yield RunBegun(TARGETS)
    yield LevelBegun(LEVEL, rounds=2, blocks=2)
    for number in range(1, 5):
        of = block(number)
        at = STARTED_AT + 10 * number
        yield BlockBegun(of, at)
        yield ended(chat(), of, 0.5, warm_up=True)
        yield ended(chat(tokens=4), of)
        yield ended(failed(Reason.FIRST_TOKEN_TIMEOUT, after_ms=30_000), of)
        yield refused(of)
        yield Unsent(of.targets[0], of, SkipReason.GLOBAL_CAP, 3, at + 5)
        yield ended(chat(outcome="cancelled", finished_ns=None), of, 9.5, cut=True)
        yield BlockEnded(of, at + 10)
        if number % 2 == 0:
            yield RoundEnded(LEVEL, of.round)
    yield RunEnded(end, "for people")


def begun(results: Path, about: About = ABOUT, warn: Warn = said) -> RunWriter:
    return begin(results, about, at=STARTED_AT, warn=warn)


def written(results: Path, end: End = End.DONE, about: About = ABOUT) -> tuple[Path, Manifest]:
    """A small run from its begin to its end: its folder, and its manifest."""
    writer = begun(results, about)
    for event in small_run(end):
        writer(event)
    writer.native({"at": STARTED_AT, "target": "vllm", "running": 3})
    writer.native({"at": STARTED_AT, "target": "team/tgi", "running": 4})
    manifest = writer.finish(
        Ending(at=STARTED_AT + 60, summarise=lambda _: SUMMARY, engines={"vllm": {"version": "0.9.2"}}, health={"lag_seconds": 0.001})
    )
    return writer.folder, manifest

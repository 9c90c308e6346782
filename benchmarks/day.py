"""Whether memory stays bounded: a day of chats under a clock that is moved, in the exporter's own parts.

    python -m benchmarks.day [--targets 200] [--passing 0] [--chats 1000000] [--hours 24] [--keep HOURS]

The chats are spread evenly over the time and the targets, and one in fifty fails, each in words of its own. `--passing` has so many targets more
discovered at the beginning of each hour, with names and models that were never seen before, and gone at its end. The history keeps what is not older
than `--keep` hours; by default for as long as an exporter's does. Metrics, history, error budgets and pages hear of each chat. The metrics are
scraped in both forms, and the overview is read, once an hour. Each hour stands there with what the process has for itself (USS), and with what takes
the most of it: the records that the history holds, its summaries of minutes and hours, and lines of metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import psutil

from discovery.kubernetes.enrolling import KUBERNETES
from exporter.allocator import give_back_freed_memory
from exporter.history.kept import Wanted
from exporter.history.tally import Summary
from exporter.web.pages.feeds import Feed
from exporter.web.pages.overview import Overview
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.pages.stage import Stage, many
from traffic.roster import Member, Roster

HOUR_SECONDS = 3600.0
FORMS = ("", "application/openmetrics-text")
VARIANTS = 50
"""So many different chats of each target come again and again, each time as of another instant."""


@dataclass(frozen=True)
class Hour:
    """How it stood at the end of an hour. `objects` are those that Python's collector follows."""

    number: int
    chats: int
    memory_bytes: int
    objects: int
    records_bytes: int
    summaries: int
    series: int
    lines_bytes: int


async def hours(stage: Stage, number: int, chats: int, passing: int = 0) -> AsyncIterator[Hour]:
    """Let so many hours pass with so many chats, and tell of each hour. So many of the targets are other ones in each."""
    roster = stage.plan.roster
    made = {target: variants(stage, target) for target in roster.members}
    feed, told = Feed(Overview(stage.scene)), 0
    for hour in range(1, number + 1):
        come = dict(passing_by(roster, hour, passing))
        if passing:
            stage.follow(Roster(roster.config, {**roster.members, **come}))
        now_made = {**made, **{target: variants(stage, target) for target in come}}
        targets, due = list(now_made), chats * hour // number - told
        for place in range(due):
            stage.clock.pass_by(HOUR_SECONDS / due)
            target = targets[place % len(targets)]
            record = _as_of_now(stage, now_made[target][place // len(targets) % VARIANTS])
            stage.tell(record)
            stage.metrics.recording(record)
            told += 1
        for form in FORMS:
            stage.metrics.exposition.render(form)
        await feed.catch_up()
        yield _stands(stage, hour, told)


def passing_by(roster: Roster, hour: int, number: int) -> Iterator[tuple[str, Member]]:
    """So many targets as they are discovered for one hour, by name: like the first one, under names of their own."""
    like = next(iter(roster.members.values()))
    for place in range(number):
        name, model = f"cluster/passing-{hour}-{place}", f"someone/model-{hour}-{place}"
        yield name, replace(like, source=KUBERNETES, endpoint=replace(like.endpoint, name=name, model=model))


def _as_of_now(stage: Stage, record: ChatRecord) -> ChatRecord:
    now = stage.clock.epoch_seconds()
    failure = record.failure and replace(record.failure, detail=f"{record.failure.detail}, as never before {now!r}")
    return replace(record, started_at=now - record.e2e_seconds, failure=failure)


def variants(stage: Stage, target: str) -> list[ChatRecord]:
    (scenario,) = stage.config.scenarios
    return [stage.failures(target, scenario, Reason.STALLED), *(stage.chats(target, scenario) for _ in range(VARIANTS - 1))]


def _stands(stage: Stage, number: int, chats: int) -> Hour:
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return Hour(
        number,
        chats,
        psutil.Process().memory_full_info().uss,
        len(gc.get_objects()),
        sum(len(kept.json) for kept in stage.history.find(Wanted(limit=10**9))),
        len(summaries(stage)),
        series(stage),
        round(stage.metrics.exposition.kept_bytes),  # type: ignore[attr-defined]
    )


def series(stage: Stage) -> int:
    """How many a scrape has."""
    text, _ = stage.metrics.exposition.render(FORMS[0])
    return text.count(b"\n") - text.count(b"# HELP ") - text.count(b"# TYPE ")


def summaries(stage: Stage) -> Sequence[Summary]:
    """All that the history holds."""
    return [summary for line in stage.history._timelines.values() for summary in (*line._closed, *line._tens.values())]


async def tell(stage: Stage, number: int, chats: int, passing: int) -> None:
    began = time.monotonic()
    print("| Hour | Chats | Memory | Objects | Records | Summaries | Series | Lines |\n|---|---|---|---|---|---|---|---|")
    async for one in hours(stage, number, chats, passing):
        cells: Iterable[str] = (
            f"{one.number}",
            f"{one.chats:,}",
            f"{one.memory_bytes / 1e6:.0f} MB",
            f"{one.objects:,}",
            f"{one.records_bytes / 1e6:.1f} MB",
            f"{one.summaries:,}",
            f"{one.series:,}",
            f"{one.lines_bytes / 1e6:.1f} MB",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"took {time.monotonic() - began:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--chats", type=int, default=1_000_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--passing", type=int, default=0)
    parser.add_argument("--keep", type=int)
    wanted = parser.parse_args()
    give_back_freed_memory()
    stage = many(wanted.targets)
    if wanted.keep is not None:
        settings = stage.config.history.model_copy(update={"keep_seconds": wanted.keep * HOUR_SECONDS})
        stage = Stage(stage.config.model_copy(update={"history": settings}))
    asyncio.run(tell(stage, wanted.hours, wanted.chats, wanted.passing))


if __name__ == "__main__":
    main()

"""Whether memory stays bounded: a day of chats under a clock that is moved, in the exporter's own parts.

    python -m benchmarks.day [--targets 200] [--chats 1000000] [--hours 24]

The chats are spread evenly over the time and the targets, and one in fifty fails. Metrics, history, error budgets and pages hear of each. The metrics
are scraped in both forms, and the overview is read, once an hour. Each hour stands there with what the process has for itself (USS), and with what
takes the most of it: the records that the history holds, its summaries of minutes and hours, and lines of metrics.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace

import psutil

from exporter.allocator import give_back_freed_memory
from exporter.history.tally import Summary
from exporter.web.pages.feeds import Feed
from exporter.web.pages.overview import Overview
from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.pages.stage import Stage, many

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
    lines_bytes: int


async def hours(stage: Stage, number: int, chats: int) -> AsyncIterator[Hour]:
    """Let so many hours pass with so many chats, and tell of each hour."""
    targets = list(stage.plan.roster.members)
    made = {target: variants(stage, target) for target in targets}
    feed, told = Feed(Overview(stage.scene)), 0
    for hour in range(1, number + 1):
        due = chats * hour // number - told
        for _ in range(due):
            stage.clock.pass_by(HOUR_SECONDS / due)
            target = targets[told % len(targets)]
            record = made[target][told // len(targets) % VARIANTS]
            stage.tell(replace(record, started_at=stage.clock.epoch_seconds() - record.e2e_seconds))
            stage.metrics.recording(record)
            told += 1
        for form in FORMS:
            stage.metrics.exposition.render(form)
        await feed.catch_up()
        yield _stands(stage, hour, told)


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
        sum(len(kept.json) for kept in stage.history.last(limit=10**9)),
        len(summaries(stage)),
        round(stage.metrics.exposition.kept_bytes),  # type: ignore[attr-defined]
    )


def summaries(stage: Stage) -> Sequence[Summary]:
    """All that the history holds."""
    return [summary for line in stage.history._timelines.values() for summary in (*line._closed, *line._tens.values())]


async def tell(stage: Stage, number: int, chats: int) -> None:
    began = time.monotonic()
    print("| Hour | Chats | Memory | Objects | Records | Summaries | Lines |\n|---|---|---|---|---|---|---|")
    async for one in hours(stage, number, chats):
        cells: Iterable[str] = (
            f"{one.number}",
            f"{one.chats:,}",
            f"{one.memory_bytes / 1e6:.0f} MB",
            f"{one.objects:,}",
            f"{one.records_bytes / 1e6:.1f} MB",
            f"{one.summaries:,}",
            f"{one.lines_bytes / 1e6:.1f} MB",
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"took {time.monotonic() - began:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--chats", type=int, default=1_000_000)
    parser.add_argument("--hours", type=int, default=24)
    wanted = parser.parse_args()
    give_back_freed_memory()
    asyncio.run(tell(many(wanted.targets), wanted.hours, wanted.chats))


if __name__ == "__main__":
    main()

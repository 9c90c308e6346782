"""What a scrape of our own series costs, beside prometheus-client writing the same ones in the same run.

    python -m benchmarks.rendering [--series 1000 10000 50000 200000] [--rounds 7]

Histograms of 25 series and counters, half of the series each. Between two scrapes nothing changes, one child in ten, or all. Times are medians of
processor time on one thread. prometheus-client writes all each time, so it is measured once for each form. The longest hold is that of an event
loop which ticks each millisecond while scrapes with gzip run beside it: the worst of all rounds. `Alone` is that of a loop with nothing beside it,
which is the machine's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import generate_latest as text_of
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of

from exporter.metrics.ledger import Ledger
from exporter.web.exposition import PrometheusExposition
from exporter.web.scraping import Scrapes

LABELS = ("target", "backend", "model", "scenario")
BOUNDS = tuple(0.005 * 1.4**step for step in range(22))
SERIES_OF_A_HISTOGRAM = len(BOUNDS) + 3
FORMS = {"text": "", "OpenMetrics": "application/openmetrics-text"}
MANY = 50_000
"""Above this many prometheus-client writes them once: it takes many seconds."""
CHANGED = {"none": None, "one in ten": 10, "all": 1}


@dataclass(frozen=True)
class Held:
    """So many series, and a change of every so-and-so-many-th of their children."""

    registry: CollectorRegistry
    children: Sequence[Histogram | Counter]

    def change(self, every: int | None, turn: int) -> None:
        for child in self.children[turn % every :: every] if every else ():
            if isinstance(child, Histogram):
                child.observe(0.001 * (turn % 500), {"request_id": f"chatprobe-{turn}"})
            else:
                child.inc()


def held(series: int) -> Held:
    registry = CollectorRegistry()
    histogram = Histogram("chatprobe_ttft_seconds", "Time to first token.", LABELS, registry=registry, buckets=BOUNDS)
    counter = Counter("chatprobe_probes", "Chats.", LABELS, registry=registry)
    histograms = series // 2 // SERIES_OF_A_HISTOGRAM
    children: list[Histogram | Counter] = [
        histogram.labels(f"engine-{number}", "vllm", "Qwen/Qwen2.5-7B-Instruct", "chat") for number in range(histograms)
    ]
    counters = range(series - histograms * SERIES_OF_A_HISTOGRAM)
    children += [counter.labels(f"engine-{number}", "vllm", "Qwen/Qwen2.5-7B-Instruct", "chat") for number in counters]
    return Held(registry, children)


def median_seconds(rounds: int, prepare: Callable[[int], None], work: Callable[[], object]) -> float:
    took = []
    for turn in range(rounds):
        prepare(turn)
        begin = time.thread_time()
        work()
        took.append(time.thread_time() - begin)
    return statistics.median(took)


async def longest_hold_seconds(rounds: int, prepare: Callable[[int], None], work: Callable[[], Coroutine[object, object, object]]) -> float:
    """How much later than asked for a sleep of 1 ms ended, at worst, while this work ran."""
    worst = 0.0
    for turn in range(rounds):
        prepare(turn)
        working = asyncio.create_task(work())
        while not working.done():
            begin = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - begin - 0.001)
        await working
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, nargs="+", default=[1_000, 10_000, 50_000, 200_000])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print("| Series | Form | Changed | chatprobe, µs a series | prometheus-client | Ratio | Kept | Longest hold | Alone |")
    print("|---|---|---|---|---|---|---|---|---|")
    for series in arguments.series:
        measure(series, arguments.rounds)


def measure(series: int, rounds: int) -> None:
    """Prints the rows of so many series."""
    ours = held(series)
    gc.collect()
    gc.freeze()
    for form, accept in FORMS.items():
        theirs: Callable[[CollectorRegistry], bytes] = openmetrics_of if accept else text_of
        exposition = PrometheusExposition(ours.registry, Ledger())
        exposition.render(accept)
        other = median_seconds(1 if series > MANY else 3, partial(ours.change, None), partial(theirs, ours.registry))
        for changed, every in CHANGED.items():
            change = partial(ours.change, every)
            own = median_seconds(rounds, change, partial(exposition.render, accept))
            hold = asyncio.run(longest_hold_seconds(rounds, change, partial(Scrapes(exposition).answer, accept, "gzip")))
            alone = asyncio.run(longest_hold_seconds(rounds, change, partial(asyncio.sleep, 0.2)))
            print(
                f"| {series:,} | {form} | {changed} | {own / series * 1e6:.2f} | {other / series * 1e6:.2f} | {other / own:.1f} "
                f"| {exposition.kept_bytes / 1e6:.1f} MB | {hold * 1000:.1f} ms | {alone * 1000:.1f} ms |",
                flush=True,
            )
    gc.unfreeze()


if __name__ == "__main__":
    main()

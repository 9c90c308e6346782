"""What one target costs: processor time, memory, series, bytes of a scrape.

    python -m benchmarks.capacity [--targets 10 100 300] [--seconds 45] [--rounds 3]

All targets lead to one simulated vLLM, which has one processor core; the exporter has the other. Each is chatted with by a heartbeat (15 s, 32
tokens) and asked for its own metrics each 15 s; the exposition is scraped each 15 s too. Medians of the rounds. The cost of one target is that of
the most targets, less that of the fewest, by their difference.
"""

from __future__ import annotations

import argparse
import statistics
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import astuple, dataclass

from benchmarks.exporter import Exporter, exporter, simulated

EXPORTER_CPU, ENGINE_CPU = 0, 1
INTERVAL_SECONDS = 15
OPTIONS = ("--answer-tokens", "32", "--decode-ms", "10", "--batch-slowdown", "0", "--max-batch", "1024", "--kv-blocks", "65536")


@dataclass(frozen=True)
class Cost:
    """Of all targets together: cores in use, memory, series, bytes and seconds of one scrape."""

    cores: float
    memory_mib: float
    series: float
    scrape_bytes: float
    scrape_seconds: float


def one_round(targets: int, seconds: float, url: str) -> Cost:
    listed = "".join(f"  engine-{number}: {{backend: vllm, url: '{url}'}}\n" for number in range(targets))
    with exporter(f"targets:\n{listed}scenarios:\n  heartbeat: {{every: 15s, max_tokens: 32}}\n", cpu=EXPORTER_CPU) as running:
        time.sleep(2 * INTERVAL_SECONDS)  # every target has had its first chat, and its first scrape
        cpu, began = running.cpu_seconds(), time.monotonic()
        sizes, durations = [], []
        while time.monotonic() - began < seconds:
            size, duration = _scrape(running)
            sizes.append(size)
            durations.append(duration)
            time.sleep(INTERVAL_SECONDS)
        took = time.monotonic() - began
        return Cost(
            (running.cpu_seconds() - cpu) / took,
            running.memory_mib(),
            running.metrics()["chatprobe_exporter_series"],
            statistics.median(sizes),
            statistics.median(durations),
        )


def _scrape(running: Exporter) -> tuple[int, float]:
    began = time.monotonic()
    body = urllib.request.urlopen(f"{running.url}/metrics").read()
    return len(body), time.monotonic() - began


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*map(astuple, costs), strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| Targets | Cores | Memory | Series | Bytes of a scrape | Time of a scrape |")
    print("|---|---|---|---|---|---|")
    found: dict[int, Cost] = {}
    with simulated("vllm", *OPTIONS, cpu=ENGINE_CPU) as (url, _):
        for targets in arguments.targets:
            found[targets] = median([one_round(targets, arguments.seconds, url) for _ in range(arguments.rounds)])
            _print(str(targets), found[targets])
    fewest, most = min(found), max(found)
    if fewest < most:
        pairs = zip(astuple(found[most]), astuple(found[fewest]), strict=True)
        _print("each more", Cost(*((high - low) / (most - fewest) for high, low in pairs)))


def _print(what: str, cost: Cost) -> None:
    print(
        f"| {what} | {cost.cores:.4f} | {cost.memory_mib:.2f} MiB | {cost.series:.0f} | {cost.scrape_bytes / 1000:.1f} kB "
        f"| {cost.scrape_seconds:.3f} s |",
        flush=True,
    )


if __name__ == "__main__":
    main()

"""What a flood of Services that come and go does to chatprobe, and to the chats with those that stay.

    python -m benchmarks.flood [--services 500] [--minutes 10] [--period 20]

Two simulated engines stay, and each is chatted with once a second. In each period all other Services appear, and go again; as many as the limit
allows for become targets, at addresses where nobody answers. The first minute is without them, to compare with. The exporter has one processor
core to itself, the engines and the cluster's API have the other.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.accuracy import percentile
from benchmarks.exporter import Exporter, exporter, simulated
from tests.cluster import api, objects

EXPORTER_CPU, OTHERS_CPU = 0, 1
ENGINES = ("vllm", "tgi")
OPTIONS = ("--answer-tokens", "20", "--decode-ms", "10")
STEPS = 50
"""In so many steps the Services come, and in so many they go."""
SETTLED_SECONDS = 15


@dataclass(frozen=True)
class Minute:
    """One minute: memory and targets at its end, and what the chats with the engines that stay were like."""

    memory_mib: float
    cpu_share: float
    targets: float
    discovery_up: float
    chats: int
    failed: int
    skipped: float
    lag_p99_ms: float
    ttft_p50_ms: float
    ttft_p99_ms: float


class Flood:
    """Services that come and go, in a thread of its own."""

    def __init__(self, cluster: api.Cluster, services: int, period_seconds: float) -> None:
        self._cluster = cluster
        self._services = [
            objects.service(f"flood-{number:03}", balancer=f"127.1.{number // 250}.{1 + number % 250}", port=9) for number in range(services)
        ]
        self._pause_seconds = period_seconds / 2 / STEPS
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        size = max(1, len(self._services) // STEPS)
        while not self._stopping.is_set():
            for change in (self._cluster.put, self._cluster.delete):
                for begin in range(0, len(self._services), size):
                    change(*self._services[begin : begin + size])
                    self._cluster.compact_slowly()
                    if self._stopping.wait(self._pause_seconds):
                        return


def run(services: int, minutes: int, period_seconds: float) -> Iterator[Minute]:
    """The minute before the flood, then those with it."""
    cluster = api.Cluster()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster.put(objects.node("worker", external="127.0.0.1"))
        for engine in ENGINES:
            url, _ = stack.enter_context(simulated(engine, *OPTIONS, cpu=OTHERS_CPU))
            cluster.put(objects.service(engine, app=engine, node_port=urlsplit(url).port))
        os.sched_setaffinity(0, {OTHERS_CPU})
        kubeconfig = api.kubeconfig(folder, stack.enter_context(api.serving(cluster)))
        running = stack.enter_context(
            exporter(
                f"discovery: {{kubernetes: {{namespaces: [{objects.NAMESPACE}], kubeconfig: '{kubeconfig}', loopback: true}}}}\n"
                "scenarios: {beat: {every: 1s, max_tokens: 20}}\n",
                cpu=EXPORTER_CPU,
            )
        )
        time.sleep(SETTLED_SECONDS)
        yield _minute(running)
        flood = Flood(cluster, services, period_seconds)
        flood.start()
        for _ in range(minutes):
            yield _minute(running)
        flood.stop()
        time.sleep(SETTLED_SECONDS)
        yield _minute(running)


def _minute(running: Exporter) -> Minute:
    before, cpu, began = running.metrics(), running.cpu_seconds(), time.time()
    time.sleep(60)
    ended, after = time.time(), running.metrics()
    kept = [record for record in running.records() if _is_kept(record) and began <= _started_at(record) < ended]
    ttft = [record["ttft_seconds"] for record in kept if record["ttft_seconds"] is not None]
    return Minute(
        memory_mib=running.memory_mib(),
        cpu_share=(running.cpu_seconds() - cpu) / (ended - began),
        targets=after["chatprobe_exporter_targets"],
        discovery_up=after["chatprobe_exporter_discovery_up"],
        chats=len(kept),
        failed=sum(record["outcome"] != "ok" for record in kept),
        skipped=sum(count - before.get(name, 0) for name, count in after.items() if name.startswith("chatprobe_probe_skipped_total:missed")),
        lag_p99_ms=percentile([record["schedule_lag_seconds"] for record in kept], 0.99) * 1e3,
        ttft_p50_ms=statistics.median(ttft) * 1e3,
        ttft_p99_ms=percentile(ttft, 0.99) * 1e3,
    )


def _is_kept(record: dict[str, Any]) -> bool:
    return str(record["target"]).partition("/")[2] in ENGINES


def _started_at(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(record["started_at"])).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--period", type=float, default=20)
    arguments = parser.parse_args()
    print("| Minute | Memory | CPU | Targets | Discovery | Kept: chats | failed | missed | Schedule lag p99 | TTFT p50 / p99 |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for number, one in enumerate(run(arguments.services, arguments.minutes, arguments.period)):
        when = "before" if number == 0 else "after" if number > arguments.minutes else str(number)
        print(
            f"| {when} | {one.memory_mib:.0f} MiB | {one.cpu_share:.1%} | {one.targets:.0f} | {'up' if one.discovery_up else 'down'} | {one.chats} "
            f"| {one.failed} | {one.skipped:.0f} | {one.lag_p99_ms:.2f} ms | {one.ttft_p50_ms:.1f} / {one.ttft_p99_ms:.1f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()

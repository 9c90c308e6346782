"""What a flood of Services that come and go does to chatprobe, and to the chats with those that stay.

    python -m benchmarks.flood [--services 500] [--minutes 10] [--period 20]

Two simulated engines stay, and each is chatted with once a second; these chats are measured. In each period all other Services appear, and go again;
as many as the limit allows for become targets, at addresses where nobody answers, with a heartbeat of 15 s. The first minute is without them. A
second exporter, with two such engines of its own and without discovery, runs beside the first all the time: what holds up both is the machine. The
exporters have one processor core to themselves, the engines and the cluster's API have the other.
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
SCENARIOS = 'scenarios: {measured: {every: 1s, max_tokens: 20, targets: ["*/vllm", "*/tgi"]}, heartbeat: {every: 15s, max_tokens: 20}}\n'


@dataclass(frozen=True)
class Chats:
    """Those of one minute with the engines that stay."""

    count: int
    failed: int
    lag_p50_ms: float
    lag_p99_ms: float
    ttft_p50_ms: float
    ttft_p99_ms: float


@dataclass(frozen=True)
class Minute:
    """One minute: memory and targets at its end, and what the chats were like, here and with the other exporter."""

    memory_mib: float
    beside_mib: float
    cpu_share: float
    targets: float
    discovery_up: float
    missed: float
    chats: Chats
    beside: Chats


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
        """All of them are gone for good."""
        self._stopping.set()
        self._thread.join()
        self._cluster.delete(*(one for one in self._services if self._cluster.has(one)))

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
        listed = ""
        for engine in ENGINES:
            url, _ = stack.enter_context(simulated(engine, *OPTIONS, cpu=OTHERS_CPU))
            cluster.put(objects.service(engine, app=engine, node_port=urlsplit(url).port))
            url, _ = stack.enter_context(simulated(engine, *OPTIONS, cpu=OTHERS_CPU))
            listed += f'  "beside/{engine}": {{backend: {engine}, url: "{url}"}}\n'
        os.sched_setaffinity(0, {OTHERS_CPU})
        kubeconfig = api.kubeconfig(folder, stack.enter_context(api.serving(cluster)))
        running = stack.enter_context(
            exporter(
                f"discovery: {{kubernetes: {{namespaces: [{objects.NAMESPACE}], kubeconfig: '{kubeconfig}', loopback: true}}}}\n" + SCENARIOS,
                cpu=EXPORTER_CPU,
            )
        )
        beside = stack.enter_context(exporter(f"targets:\n{listed}{SCENARIOS}", cpu=EXPORTER_CPU))
        time.sleep(SETTLED_SECONDS)
        yield _minute(running, beside)
        flood = Flood(cluster, services, period_seconds)
        flood.start()
        for _ in range(minutes):
            yield _minute(running, beside)
        flood.stop()
        time.sleep(SETTLED_SECONDS)
        yield _minute(running, beside)


def _minute(running: Exporter, beside: Exporter) -> Minute:
    before, cpu, began = running.metrics(), running.cpu_seconds(), time.time()
    time.sleep(60)
    ended, after = time.time(), running.metrics()
    return Minute(
        memory_mib=running.memory_mib(),
        beside_mib=beside.memory_mib(),
        cpu_share=(running.cpu_seconds() - cpu) / (ended - began),
        targets=after["chatprobe_exporter_targets"],
        discovery_up=after["chatprobe_exporter_discovery_up"],
        missed=after.get("chatprobe_probe_skipped_total:missed", 0) - before.get("chatprobe_probe_skipped_total:missed", 0),
        chats=_chats(running, began, ended),
        beside=_chats(beside, began, ended),
    )


def _chats(running: Exporter, began: float, ended: float) -> Chats:
    kept = [record for record in running.records() if _is_kept(record) and began <= _started_at(record) < ended]
    lags = [record["schedule_lag_seconds"] for record in kept]
    ttft = [record["ttft_seconds"] for record in kept if record["ttft_seconds"] is not None]
    return Chats(
        len(kept),
        sum(record["outcome"] != "ok" for record in kept),
        statistics.median(lags) * 1e3,
        percentile(lags, 0.99) * 1e3,
        statistics.median(ttft) * 1e3,
        percentile(ttft, 0.99) * 1e3,
    )


def _is_kept(record: dict[str, Any]) -> bool:
    return str(record["scenario"]) == "measured"


def _started_at(record: dict[str, Any]) -> float:
    return datetime.fromisoformat(str(record["started_at"])).timestamp()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--period", type=float, default=20)
    arguments = parser.parse_args()
    print("| Minute | Memory | CPU | Targets | Discovery | Missed | Chats, failed | Lag p50 / p99 | TTFT p50 / p99 | Beside: memory | Lag | TTFT |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for number, one in enumerate(run(arguments.services, arguments.minutes, arguments.period)):
        when = "before" if number == 0 else "after" if number > arguments.minutes else str(number)
        here, beside = one.chats, one.beside
        print(
            f"| {when} | {one.memory_mib:.0f} MiB | {one.cpu_share:.1%} | {one.targets:.0f} | {'up' if one.discovery_up else 'down'} "
            f"| {one.missed:.0f} | {here.count}, {here.failed} | {here.lag_p50_ms:.1f} / {here.lag_p99_ms:.0f} ms "
            f"| {here.ttft_p50_ms:.1f} / {here.ttft_p99_ms:.1f} ms "
            f"| {one.beside_mib:.0f} MiB | {beside.lag_p50_ms:.1f} / {beside.lag_p99_ms:.0f} ms "
            f"| {beside.ttft_p50_ms:.1f} / {beside.ttft_p99_ms:.1f} ms |",
            flush=True,
        )


if __name__ == "__main__":
    main()

"""What it costs to read and relay the metrics of several replicas behind one target, and whether they are relayed whole.

    python -m benchmarks.replicas [--replicas 1 10] [--seconds 20] [--rounds 3]

Each replica is a small server with the page of a real engine that was recorded. All are read each 10 s, and the exposition is scraped as often. A run
fails unless every series of every replica is there. Ratios compare with one replica in the same run. Servers and exporter have a processor core each.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import threading
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.exporter import Exporter, exporter, simulated
from config.engine_metrics import Native
from exporter.native.families import parse
from exporter.native.needed import used_buckets, without_buckets
from exporter.native.relay import RelaySettings
from probes import backends

EXPORTER_CPU, ENGINES_CPU = 0, 1
INTERVAL_SECONDS = 10
READ_SECONDS = 60.0
"""Until every replica was read on a machine that is busy otherwise."""
RECORDED = Path(__file__).parents[1] / "tests" / "probes" / "backends" / "fixtures"
PAGES = {"tgi": RECORDED / "tgi" / "metrics-3.3.txt", "vllm": RECORDED / "vllm" / "metrics-0.32.txt"}
_SERIES = re.compile(r'^([a-zA-Z_:][\w:]*)\{target="t",backend="\w+"(?:,replica="([^"]*)")?', re.MULTILINE)


@dataclass(frozen=True)
class Cost:
    """Of one reading of all replicas and one scrape together: processor time. Of the scrape: its time (the shortest: others may hold it
    up), bytes and series. Memory of the exporter."""

    cpu_seconds: float
    scrape_seconds: float
    scrape_bytes: float
    series: float
    memory_mib: float


@contextmanager
def served(page: bytes, replicas: int) -> Iterator[list[str]]:
    """The URLs of so many servers that have this page of metrics."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_: object) -> None:
            pass

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(replicas)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield [f"http://127.0.0.1:{server.server_address[1]}/metrics" for server in servers]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def one_round(engine: str, page: bytes, replicas: int, buckets: str, seconds: float) -> Cost:
    with simulated(engine, cpu=ENGINES_CPU) as (url, _), served(page, replicas) as urls:
        configuration = (
            f"targets:\n  t: {{backend: {engine}, url: '{url}', metrics: {{urls: {urls}}}}}\n"
            f"scenarios: {{chat: {{every: 1h}}}}\nnative: {{interval: {INTERVAL_SECONDS}s, timeout: {INTERVAL_SECONDS}s, buckets: {buckets}}}\n"
        )
        with exporter(configuration, cpu=EXPORTER_CPU) as running:
            _wait_until_whole(running, engine, page, len(urls), buckets)
            cpu, began, scrapes = running.cpu_seconds(), time.monotonic(), list[tuple[float, float]]()
            while time.monotonic() - began < seconds:
                scrapes.append(_scrape(running))
                time.sleep(max(0.0, len(scrapes) * INTERVAL_SECONDS - (time.monotonic() - began)))
            return Cost(
                (running.cpu_seconds() - cpu) / len(scrapes),
                min(took for took, _ in scrapes),
                statistics.median(size for _, size in scrapes),
                running.metrics()["chatprobe_exporter_series"],
                running.memory_mib(),
            )


def _scrape(running: Exporter) -> tuple[float, float]:
    began = time.monotonic()
    body = urllib.request.urlopen(f"{running.url}/metrics").read()
    return time.monotonic() - began, len(body)


def _wait_until_whole(running: Exporter, engine: str, page: bytes, replicas: int, buckets: str) -> None:
    """Until every series of the page is there of every replica, but for buckets that nothing uses. Raises `TimeoutError`."""
    metrics = backends.get(engine).metrics
    assert metrics is not None
    let_through = RelaySettings.of(Native()).lets_through
    families = [family for family in parse(page, "text/plain", metrics).families if let_through(family.name)]
    if buckets == "used":
        families = [family if family.name in used_buckets(engine) else without_buckets(family) for family in families]
    wanted = Counter(sample.name for family in families for sample in family.samples)
    until = time.monotonic() + READ_SECONDS
    while True:
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for name, replica in _SERIES.findall(urllib.request.urlopen(f"{running.url}/metrics").read().decode()):
            if name.startswith(metrics.prefixes):
                found[replica][name] += 1
        if len(found) == replicas and all(one == wanted for one in found.values()):
            return
        if time.monotonic() > until:
            raise TimeoutError(f"{engine}: not every series of {replicas} replicas is relayed")
        time.sleep(1)


def median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*map(astuple, costs), strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {ENGINES_CPU})
    print("| Engine | `buckets` | Replicas | A reading of all and a scrape | Ratio | A scrape alone | Bytes of it | Series | Memory |")
    print("|---|---|---|---|---|---|---|---|---|")
    for engine, file in PAGES.items():
        for buckets in ("used", "all"):
            rounds = [
                [one_round(engine, file.read_bytes(), replicas, buckets, arguments.seconds) for replicas in arguments.replicas]
                for _ in range(arguments.rounds)
            ]
            costs = [median(list(of_one)) for of_one in zip(*rounds, strict=True)]
            for replicas, cost in zip(arguments.replicas, costs, strict=True):
                print(
                    f"| {backends.get(engine).title} | `{buckets}` | {replicas} | {cost.cpu_seconds * 1000:.0f} ms "
                    f"| {cost.cpu_seconds / costs[0].cpu_seconds:.1f} | {cost.scrape_seconds * 1000:.0f} ms | {cost.scrape_bytes / 1000:.0f} kB "
                    f"| {cost.series:.0f} | {cost.memory_mib:.0f} MiB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()

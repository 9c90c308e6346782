"""What it costs to relay the engines' own metrics: reading them from all targets once, and one scrape of ours.

    python -m benchmarks.relay [--targets 100] [--series 335] [--rounds 7]

Each target has the metrics of a simulated vLLM. The ratios compare with prometheus-client writing as many series as are relayed, in the same run, so
that they mean the same on any machine; all times are medians on one thread.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric

from config.reader import parse as parse_config
from exporter.metrics.families import Families
from exporter.metrics.ledger import Ledger
from exporter.metrics.recording import Recording
from exporter.native.families import parse
from exporter.native.relay import Relay, RelaySettings
from exporter.web.exposition import PrometheusExposition
from exporter.web.scraping import GZIP_LEVEL
from probes.backends.vllm import METRICS
from probes.numbers.family import Family
from simulator import Options
from simulator.vllm_metrics import CONTENT_TYPE, VllmMetrics
from traffic.roster import roster

OPENMETRICS = "application/openmetrics-text"


@dataclass(frozen=True)
class AsPrometheusClient:
    """The same series of every target, as prometheus-client holds them."""

    families: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def page(series: int) -> bytes:
    """A simulated vLLM's metrics, with gauges of no meaning up to this many series of its own."""
    body = VllmMetrics(Options()).render().body
    missing = series - sum(len(family.samples) for family in relayable(parse(body, CONTENT_TYPE, METRICS).families))
    more = "".join(f'vllm:padding{{model_name="tiny",engine="0",number="{number}"}} {number}.0\n' for number in range(missing))
    return body + b"# HELP vllm:padding Nothing.\n# TYPE vllm:padding gauge\n" + more.encode()


def relayable(families: Iterable[Family]) -> list[Family]:
    return [family for family in families if family.name.startswith(METRICS.prefixes)]


def as_prometheus_client(families: Iterable[Family], targets: list[str]) -> AsPrometheusClient:
    held = []
    for family in families:
        metric = Metric(family.name.removesuffix("_total"), family.help, family.type)
        for target in targets:
            for sample in family.samples:
                metric.add_sample(sample.name, {"target": target, "backend": "vllm", **dict(sample.labels)}, sample.value)
        held.append(metric)
    return AsPrometheusClient(held)


def exposition(targets: list[str], relay: Relay) -> PrometheusExposition:
    """Of ours, every target under one scenario, and what is relayed."""
    lines = "".join(f"  {target}: {{backend: vllm, url: 'http://127.0.0.1:8000', model: tiny}}\n" for target in targets)
    config = parse_config(f"targets:\n{lines}scenarios: {{chats: {{every: 15s, prompt: {{text: Hello}}}}}}\n").config
    registry, ledger = CollectorRegistry(), Ledger()
    Recording(Families(registry, {}), ledger, roster(config))
    return PrometheusExposition(registry, ledger, relay.now)


def median_seconds(rounds: int, work: Callable[[], object]) -> float:
    took = []
    for _ in range(rounds):
        begin = time.perf_counter()
        work()
        took.append(time.perf_counter() - begin)
    return statistics.median(took)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--series", type=int, default=335)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    targets = [f"target-{number}" for number in range(arguments.targets)]
    body = page(arguments.series)
    families = parse(body, CONTENT_TYPE, METRICS).families
    relay = Relay(RelaySettings(buckets="all", series_per_replica=arguments.series, series_in_all=arguments.targets * arguments.series))

    def parse_all() -> None:
        for _ in targets:
            parse(body, CONTENT_TYPE, METRICS)

    def put_all() -> None:
        for target in targets:
            relay.serve(target, "vllm", None, families)

    put_all()
    series = relay.now().series
    assert series == arguments.targets * arguments.series
    with_relay, without = exposition(targets, relay), exposition(targets, Relay(RelaySettings()))
    texts = {name: one.render("")[0] for name, one in (("without", without), ("with", with_relay))}
    own = sum(not line.startswith("#") for line in texts["without"].decode().splitlines())
    baseline = as_prometheus_client(relayable(families), targets)
    work: dict[str, Callable[[], object]] = {
        f"prometheus-client writes {series} series": lambda: generate_latest(baseline),
        "a cycle of all targets: parse": parse_all,
        "a cycle of all targets: put": put_all,
        "a scrape's relayed part, text": lambda: relay.now().text(),
        "a scrape's relayed part, OpenMetrics": lambda: relay.now().openmetrics(),
        f"a whole scrape without relay ({own} series), text": lambda: without.render(""),
        "a whole scrape with relay, text": lambda: with_relay.render(""),
        "a whole scrape without relay, OpenMetrics": lambda: without.render(OPENMETRICS),
        "a whole scrape with relay, OpenMetrics": lambda: with_relay.render(OPENMETRICS),
        f"gzip without relay, {len(texts['without']) / 1e6:.1f} MB": lambda: gzip.compress(texts["without"], GZIP_LEVEL),
        f"gzip with relay, {len(texts['with']) / 1e6:.1f} MB": lambda: gzip.compress(texts["with"], GZIP_LEVEL),
    }
    took = {name: median_seconds(arguments.rounds, one) for name, one in work.items()}
    unit = next(iter(took.values()))
    print(f"| {arguments.targets} targets, {arguments.series} series each | Median | Ratio |")
    print("|---|---|---|")
    for name, seconds in took.items():
        print(f"| {name} | {seconds * 1000:.1f} ms | {seconds / unit:.2f} |")


if __name__ == "__main__":
    main()

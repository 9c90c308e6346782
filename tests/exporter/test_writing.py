"""What is written is what prometheus-client writes, to the letter."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import generate_latest as text_of
from prometheus_client.metrics_core import CounterMetricFamily, GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest as openmetrics_of

from config.reader import parse
from exporter.assembly import Metrics
from exporter.web.writing import as_openmetrics, as_text
from tests.exporter.chats import chat
from tests.exporter.scrape import config
from traffic.roster import roster

ODD = 'a "quoted"\\ name\nof two lines, é {}'


class Given:
    """A registry that has these families."""

    def __init__(self, *families: Metric) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def written(collected: list[Metric]) -> tuple[bytes, bytes]:
    return b"".join(map(as_text, collected)), b"".join(map(as_openmetrics, collected)) + b"# EOF\n"


def expected(collected: list[Metric]) -> tuple[bytes, bytes]:
    return text_of(Given(*collected)), openmetrics_of(Given(*collected))  # type: ignore[no-untyped-call]


def test_of_all_that_is_measured() -> None:
    metrics = Metrics(
        roster(parse("targets: {a: {backend: vllm, url: 'http://a', model: 'Qwen/a \"b\"'}}\nscenarios: {beat: {every: 15s}}").config), {}
    )
    others = Metrics(roster(config()), {})
    others.recording(chat())
    for each in (metrics, others):
        collected = [*each.exposition._registry.collect()]  # type: ignore[attr-defined]
        assert written(collected) == expected(collected)
        assert sum(len(family.samples) for family in collected) > 100


@pytest.mark.parametrize("value", [0, 1, -0.0, 1e-9, 0.1, 123456.0, 1234567.0, 1e21, math.inf, -math.inf, math.nan, True])
def test_of_any_number_and_label(value: float) -> None:
    registry = CollectorRegistry()
    gauge = Gauge("some", ODD, ["z", "a"], registry=registry)
    gauge.labels(ODD, "").set(value)
    gauge.labels("", ODD).set(value)
    Gauge("bare_seconds", "", unit="seconds", registry=registry).set(value)
    collected = [*registry.collect()]
    assert written(collected) == expected(collected)


def test_of_exemplars_and_when_series_began() -> None:
    registry = CollectorRegistry()
    counter = Counter("chats", "", ["target"], registry=registry)
    counter.labels("a").inc(2, {"request_id": ODD, "b": "c"})
    histogram = Histogram("ttft_seconds", ODD, ["target"], registry=registry, buckets=(0.1, 1, 60))
    for seconds in (0.05, 0.5, 1e9):
        histogram.labels(ODD).observe(seconds, {"request_id": str(seconds)})
    collected = [*registry.collect()]
    assert {sample.name for family in collected for sample in family.samples if sample.exemplar} == {"chats_total", "ttft_seconds_bucket"}
    assert any(sample.name.endswith("_created") for family in collected for sample in family.samples)
    assert written(collected) == expected(collected)


def test_of_what_is_seldom() -> None:
    registry = CollectorRegistry()
    Info("build", "", registry=registry).info({"version": "1"})
    timed = GaugeMetricFamily("timed", "", labels=["a"])
    timed.add_metric(["b"], 1.5, timestamp=1700000000.25)
    without = CounterMetricFamily("without", "")
    current = GaugeHistogramMetricFamily("current", "", buckets=[("1.0", 1), ("+Inf", 2)], gsum_value=3)
    collected = [*registry.collect(), timed, without, current, Metric("unknown", "", "unknown")]
    assert written(collected) == expected(collected)

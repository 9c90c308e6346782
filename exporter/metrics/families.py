"""The catalogue made live: prometheus-client families, and the series of one label set as a thing that begins and ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, enable_created_metrics, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from catalogue.metric import Metric
from exporter.metrics.exponential import NativeHistogram
from exporter.metrics.histogram import BatchHistogram
from exporter.metrics.value import Value

values.ValueClass = Value
enable_created_metrics()  # type: ignore[no-untyped-call]  # when each series began is known here; the exposition tells it where it is asked for

Family = Counter | Gauge | Histogram
CREATED = "_created"
"""How the name of a sample ends that tells when its series began."""


def children_of(family: Family) -> Mapping[tuple[str, ...], Family]:
    """Those of a family, by the values of their labels; one that has no labels is its own child."""
    if not family._labelnames:
        return {(): family}
    with family._lock:
        children: dict[tuple[str, ...], Family] = family._metrics.copy()  # type: ignore[assignment]
    return children


class Families:
    """The families of a registry, each built from its metric when it is first used. `thresholds` become bucket boundaries of the metric so named.
    Histograms with `native` have the buckets of native ones too."""

    def __init__(self, registry: CollectorRegistry, thresholds: Mapping[str, Collection[float]], *, native: bool = False) -> None:
        self._registry = registry
        self._histogram = NativeHistogram if native else BatchHistogram
        self._thresholds = thresholds
        self._families: dict[str, Family] = {}

    def divide(self, thresholds: Mapping[str, Collection[float]], begin_anew: Collection[Metric]) -> None:
        """Other thresholds from now on. The families that begin anew lose all their series: who holds some begins them again (`Series.renew`).

        Series of one family with different boundaries could not be added up, so it is always the family as a whole.
        """
        self._thresholds = thresholds
        for metric in begin_anew:
            if metric.name in self._families:
                self._registry.unregister(self._families.pop(metric.name))

    def child(self, metric: Metric, labels: tuple[str, ...]) -> Family:
        """The series of these label values; it exists, at 0, from now on."""
        if metric.name not in self._families:
            self._families[metric.name] = self._build(metric)
        family = self._families[metric.name]
        return family.labels(*labels) if labels else family

    def children(self, metric: Metric) -> Mapping[tuple[str, ...], Family]:
        """The series of a metric that there are, by the values of their labels."""
        family = self._families.get(metric.name)
        return {} if family is None else children_of(family)

    def remove(self, metric: Metric, labels: tuple[str, ...]) -> None:
        self._families[metric.name].remove(*labels)

    def _build(self, metric: Metric) -> Family:
        match metric.type:
            case "counter":
                return Counter(metric.name, metric.help, metric.labels, unit=metric.unit, registry=self._registry)
            case "gauge":
                return Gauge(metric.name, metric.help, metric.labels, unit=metric.unit, registry=self._registry)
            case "histogram":
                bounds = boundaries(metric, self._thresholds.get(metric.name, ()))
                return self._histogram(metric.name, metric.help, metric.labels, unit=metric.unit, registry=self._registry, buckets=bounds)
            case "summary":
                raise ValueError(f"{metric.name}: quantiles of several processes cannot be added up; have it as a histogram")


def boundaries(metric: Metric, thresholds: Collection[float]) -> tuple[float, ...]:
    """The upper bounds of a histogram's buckets, thresholds of SLOs included, without infinity."""
    return tuple(sorted({*metric.bounds, *thresholds}))


class Series:
    """All series that share their first labels. Each exists from when it is first touched; `end` takes them away together."""

    def __init__(self, families: Families, labels: tuple[str, ...] = ()) -> None:
        self._families = families
        self._labels = labels
        self._children: dict[tuple[str, tuple[str, ...]], tuple[Metric, Family]] = {}

    def touch(self, metric: Metric, *more: str) -> Family:
        """The metric's series under the shared labels and `more`."""
        known = self._children.get((metric.name, more))
        if known is not None:
            return known[1]
        family = self._families.child(metric, (*self._labels, *more))
        self._children[metric.name, more] = (metric, family)
        return family

    def record(self, metric: Metric, value: float, *more: str, exemplar: dict[str, str] | None = None) -> None:
        """Add the value to a counter, set a gauge to it, have a histogram observe it."""
        family: Any = self.touch(metric, *more)
        match metric.type:  # prometheus-client's families are protocols, of which each `isinstance` takes as long as all of this
            case "counter":
                family.inc(value)
            case "gauge":
                family.set(value)
            case "histogram":
                family.observe(value, exemplar)

    def observe_all(self, metric: Metric, observed: Iterable[tuple[float, int]]) -> None:
        """Have a histogram observe each value so many times."""
        family: Any = self.touch(metric)
        family.observe_all(observed)

    def record_only(self, metric: Metric, value: float, *more: str) -> None:
        """Like `record`, and every other series of the metric under the shared labels ends: for facts, of which one holds at a time."""
        self.end_others(metric, [more])
        self.record(metric, value, *more)

    def keep_only(self, metric: Metric, wanted: Iterable[tuple[str, ...]]) -> None:
        """Exactly these series of the metric exist under the shared labels: the others end, those that are missing begin at 0."""
        kept = dict.fromkeys(wanted)
        self.end_others(metric, kept.keys())
        for labels in kept:
            self.touch(metric, *labels)

    def end_others(self, metric: Metric, kept: Collection[tuple[str, ...]]) -> None:
        """End the metric's series under the shared labels, but for these."""
        for name, labels in [key for key in self._children if key[0] == metric.name and key[1] not in kept]:
            del self._children[name, labels]
            self._families.remove(metric, (*self._labels, *labels))

    def renew(self, begin_anew: Collection[Metric]) -> None:
        """Begin the series of these metrics again, at 0."""
        for key, (metric, _) in list(self._children.items()):
            if metric in begin_anew:
                del self._children[key]
                self.touch(metric, *key[1])

    def end(self) -> None:
        for (_, more), (metric, _) in self._children.items():
            self._families.remove(metric, (*self._labels, *more))
        self._children.clear()


class Gathered:
    """Metrics whose truth is kept elsewhere and read at each scrape; without labels. Their counters began with it."""

    def __init__(self, sources: Mapping[Metric, Callable[[], float]]) -> None:
        self._sources = sources
        self._began = time.time()

    def collect(self) -> Iterator[Collected]:
        for metric, read in self._sources.items():
            if metric.type == "counter":
                yield CounterMetricFamily(metric.name, metric.help, value=read(), created=self._began, unit=metric.unit)
            else:
                yield GaugeMetricFamily(metric.name, metric.help, value=read(), unit=metric.unit)

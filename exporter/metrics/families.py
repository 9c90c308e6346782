"""The catalogue made live: prometheus-client families, and the series of one label set as a thing that begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from exporter.metrics.catalogue import Metric

disable_created_metrics()  # type: ignore[no-untyped-call]  # one more series for every counter and histogram, which no query of ours reads

Family = Counter | Gauge | Histogram


class Families:
    """The families of a registry, each built from its metric when it is first used. `thresholds` become bucket boundaries of the metric so named."""

    def __init__(self, registry: CollectorRegistry, thresholds: Mapping[str, Iterable[float]]) -> None:
        self._registry = registry
        self._thresholds = thresholds
        self._families: dict[str, Family] = {}

    def child(self, metric: Metric, labels: tuple[str, ...]) -> Family:
        """The series of these label values; it exists, at 0, from now on."""
        if metric.name not in self._families:
            self._families[metric.name] = self._build(metric)
        family = self._families[metric.name]
        return family.labels(*labels) if labels else family

    def remove(self, metric: Metric, labels: tuple[str, ...]) -> None:
        self._families[metric.name].remove(*labels)

    def _build(self, metric: Metric) -> Family:
        match metric.type:
            case "counter":
                return Counter(metric.name, metric.help, metric.labels, registry=self._registry)
            case "gauge":
                return Gauge(metric.name, metric.help, metric.labels, registry=self._registry)
            case "histogram":
                bounds = set(metric.bounds).union(self._thresholds.get(metric.name, ()))
                return Histogram(metric.name, metric.help, metric.labels, registry=self._registry, buckets=sorted(bounds))


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

    def put(self, metric: Metric, value: float, *more: str, times: int = 1, exemplar: dict[str, str] | None = None) -> None:
        """Add the value to a counter, set a gauge to it, have a histogram observe it `times` times."""
        match self.touch(metric, *more):
            case Counter() as counter:
                counter.inc(value)
            case Gauge() as gauge:
                gauge.set(value)
            case Histogram() as histogram:
                for _ in range(times):
                    histogram.observe(value, exemplar)

    def put_only(self, metric: Metric, value: float, *more: str) -> None:
        """Like `put`, and every other series of the metric under the shared labels ends: for facts, of which one holds at a time."""
        for name, labels in [key for key in self._children if key[0] == metric.name and key[1] != more]:
            del self._children[name, labels]
            self._families.remove(metric, (*self._labels, *labels))
        self.put(metric, value, *more)

    def end(self) -> None:
        for (_, more), (metric, _) in self._children.items():
            self._families.remove(metric, (*self._labels, *more))
        self._children.clear()


class Gathered:
    """Metrics whose truth is kept elsewhere and read at each scrape; without labels."""

    def __init__(self, sources: Mapping[Metric, Callable[[], float]]) -> None:
        self._sources = sources

    def collect(self) -> Iterator[Collected]:
        for metric, read in self._sources.items():
            kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
            yield kind(metric.name, metric.help, value=read())

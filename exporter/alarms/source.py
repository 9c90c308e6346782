"""Where samples come from: the metrics of this process, as they are served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import Histogram

from catalogue.metric import Metric
from exporter.alarms.samples import Labels, Present
from exporter.metrics.families import Families

Elsewhere = Mapping[Metric, Callable[[], Iterable[tuple[Labels, float]]]]
"""Metrics that others keep, and what reads them."""


class OwnSource:
    """Whoever reads it sees to it that nothing changes meanwhile (`exporter.metrics.ledger`)."""

    def __init__(self, families: Families, elsewhere: Elsewhere) -> None:
        self._families = families
        self._elsewhere = elsewhere

    def __call__(self, metric: Metric) -> Present:
        if (read := self._elsewhere.get(metric)) is not None:
            return Present([(labels, (value,)) for labels, value in read()])
        children = self._families.children(metric)
        bounds: tuple[float, ...] = ()
        if metric.type == "histogram":
            bounds = next((tuple(child._upper_bounds) for child in children.values() if isinstance(child, Histogram)), ())
        return Present(_rows(children, bounds), bounds)


def _rows(children: Mapping[Labels, Any], bounds: tuple[float, ...]) -> Iterator[tuple[Labels, Sequence[float]]]:
    for labels, child in children.items():
        if bounds:
            yield labels, list(accumulate([bucket.get() for bucket in child._buckets]))
        else:
            yield labels, (child._value.get(),)

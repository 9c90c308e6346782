"""Counters and histograms that are kept here, for an engine that keeps none itself."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

from catalogue.metric import Metric
from probes.numbers.histogram import Histogram
from probes.numbers.page import Value


class Observed:
    """One series of each of these metrics. Each begins at 0."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._kept = {metric.name: _Kept(metric) for metric in metrics}

    def add(self, metric: Metric, value: float) -> None:
        """Add the value to a counter, or have a histogram observe it."""
        self._kept[metric.name].add(value)

    def values(self) -> Iterator[tuple[Metric, Value]]:
        for kept in self._kept.values():
            yield kept.metric, kept.value()


class _Kept:
    """How often each bucket was hit, and the sum of all values.

    The last bucket is above all bounds. It is the only one of a counter.
    """

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self._counts = [0] * (len(metric.bounds) + 1)
        self._total = 0.0

    def add(self, value: float) -> None:
        self._counts[bisect_left(self.metric.bounds, value)] += 1
        self._total += value

    def value(self) -> Value:
        if self.metric.type == "counter":
            return self._total
        return Histogram((*self.metric.bounds, math.inf), tuple(accumulate(self._counts)), self._total)

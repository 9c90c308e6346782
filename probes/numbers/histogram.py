"""A histogram as an engine keeps it. One that is incomplete or contradicts itself is not read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from probes.numbers.bound import bound
from probes.numbers.family import Labels, Sample

BOUNDS_LIMIT = 200
"""Of one histogram. The engines' own that are read have up to 101; TGI's size of the next batch has 1,025, and is not.
"""
_LE = "le"


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts[i]` observations were at most `bounds[i]`, in the metric's unit. The last bound is infinity.

    `total` is the sum of all observations.
    """

    bounds: tuple[float, ...]
    counts: tuple[float, ...]
    total: float

    @property
    def count(self) -> float:
        return self.counts[-1]


def is_amount(value: float) -> bool:
    """Whether a counter, or a number of things, can have this value: finite, and not negative."""
    return math.isfinite(value) and value >= 0


def added(histograms: Iterable[Histogram]) -> Histogram | None:
    """All observations in one histogram; None of no histogram, and where bounds differ, as such counts cannot be added."""
    whole: Histogram | None = None
    for each in histograms:
        if whole is None:
            whole = each
        elif whole.bounds != each.bounds:
            return None
        else:
            counts = tuple(left + right for left, right in zip(whole.counts, each.counts, strict=True))
            whole = Histogram(whole.bounds, counts, whole.total + each.total)
    return whole if whole is not None and is_amount(whole.count) and is_amount(whole.total) else None


def read(buckets: Iterable[Sample], sums: Iterable[Sample], counts: Iterable[Sample]) -> Histogram | None:
    """The histogram that these series make, all label sets together; None if there is none.

    It is None too if any label set of it cannot be read, as the sum of the others would look like a reset. A label set
    cannot be read if

    - it has more than 200 bounds, or none for infinity,
    - a bound is no number, or stands there twice,
    - its buckets fall, or its count is not that of the last bucket,
    - a value is negative, infinite or NaN.
    """
    found: dict[Labels, _Parts] = {}
    for sample in buckets:
        upper = bound(dict(sample.labels).get(_LE, ""))
        found.setdefault(_series(sample), _Parts()).buckets.append((upper, sample.value))
    for sample in sums:
        found.setdefault(_series(sample), _Parts()).sums.append(sample.value)
    for sample in counts:
        found.setdefault(_series(sample), _Parts()).counts.append(sample.value)
    histograms = [parts.whole() for parts in found.values()]
    whole = [histogram for histogram in histograms if histogram is not None]
    return added(whole) if len(whole) == len(histograms) else None


@dataclass(slots=True)
class _Parts:
    """What one label set has: buckets (upper bound, observations up to it), sums and counts."""

    buckets: list[tuple[float, float]] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    counts: list[float] = field(default_factory=list)

    def whole(self) -> Histogram | None:
        if not 0 < len(self.buckets) <= BOUNDS_LIMIT or len(self.sums) != 1 or any(math.isnan(upper) for upper, _ in self.buckets):
            return None
        bounds, counts = zip(*sorted(self.buckets), strict=True)
        rises = all(lower < upper for lower, upper in pairwise(bounds)) and all(fewer <= more for fewer, more in pairwise(counts))
        if not rises or bounds[-1] != math.inf or not all(map(is_amount, (*counts, *self.sums))):
            return None
        return Histogram(bounds, counts, self.sums[0]) if self.counts == [counts[-1]] else None


def _series(sample: Sample) -> Labels:
    return tuple(sorted(label for label in sample.labels if label[0] != _LE))

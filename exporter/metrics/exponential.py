"""Histograms that are native to Prometheus: buckets which no one has to choose, each wider than the one below it by the same factor.

Definitions are those of prometheus.io/docs/specs/native_histograms: bucket i of schema n is of values above 2^((i-1) * 2^-n), up to and with
2^(i * 2^-n); the same below 0, with the sign turned. How buckets are merged where they get too many is as in Prometheus' own client for Go.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.metrics.histogram import BatchHistogram

SCHEMA = 4
"""16 buckets from a value to its double: a bucket ends 4.4 % above where it begins, so what is read from it is at most that far off."""
LOWEST_SCHEMA = -4
MOST_BUCKETS = 160
"""Of one histogram. With the highest schema they reach from a value to its thousandfold, more where some between are empty."""
ZERO_THRESHOLD = 2.0**-128
"""Values up to this size are counted as 0."""

_PER_DOUBLING = 2**SCHEMA
_FRACTIONS = tuple(2.0 ** (step / _PER_DOUBLING - 1) for step in range(_PER_DOUBLING))
"""The bounds from a half to 1, without 1."""


def bucket_of(size: float, schema: int) -> int:
    """The bucket that a size above 0 falls into. Infinity has one of its own, behind the one of the largest number."""
    if size == math.inf:
        return bucket_of(sys.float_info.max, schema) + 1
    fraction, doublings = math.frexp(size)
    finest = bisect_left(_FRACTIONS, fraction) + (doublings - 1) * _PER_DOUBLING
    return _merged(finest, SCHEMA - schema)


def _merged(bucket: int, times: int) -> int:
    """The bucket that this one is part of when two neighbours have become one so many times."""
    return -(-bucket >> times)


@dataclass(frozen=True, slots=True)
class Run:
    """Buckets one behind the other that have counts, from the `first` one on."""

    first: int
    counts: tuple[int, ...]


def runs(counts: Mapping[int, int]) -> Iterator[Run]:
    """The buckets in their order, without the empty ones."""
    first, held = 0, list[int]()
    for bucket in sorted(counts):
        if held and bucket != first + len(held):
            yield Run(first, tuple(held))
            held = []
        if not held:
            first = bucket
        held.append(counts[bucket])
    if held:
        yield Run(first, tuple(held))


class Exponential:
    """What was observed, by size. When there are more than `MOST_BUCKETS` with a count, each two neighbours become one, and stay one: nothing of
    what was counted is lost, but for how exactly its size is known."""

    __slots__ = ("negative", "positive", "schema", "zeros")

    def __init__(self) -> None:
        self.schema = SCHEMA
        self.zeros = 0
        self.positive: dict[int, int] = {}
        self.negative: dict[int, int] = {}

    def observe(self, value: float, times: int = 1) -> None:
        """Count a value so many times. NaN is counted nowhere, as in classic buckets."""
        size = abs(value)
        if size <= ZERO_THRESHOLD:
            self.zeros += times
        elif size > 0:
            counts = self.positive if value > 0 else self.negative
            bucket = bucket_of(size, self.schema)
            counts[bucket] = counts.get(bucket, 0) + times
            while len(self.positive) + len(self.negative) > MOST_BUCKETS and self.schema > LOWEST_SCHEMA:
                self._merge()

    def _merge(self) -> None:
        self.schema -= 1
        self.positive, self.negative = _halved(self.positive), _halved(self.negative)


def _halved(counts: Mapping[int, int]) -> dict[int, int]:
    halved: dict[int, int] = {}
    for bucket, count in counts.items():
        into = _merged(bucket, 1)
        halved[into] = halved.get(into, 0) + count
    return halved


class NativeHistogram(BatchHistogram):
    """A family whose series have both forms: classic buckets, and these beside them."""

    exponential: Exponential
    """Of a single series."""

    def _metric_init(self) -> None:
        super()._metric_init()
        self.exponential = Exponential()

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        super().observe(amount, exemplar)
        if exemplar:
            self.exponential.observe(amount)

    def observe_all(self, observed: Iterable[tuple[float, int]]) -> None:
        kept = tuple(observed)
        super().observe_all(kept)
        for amount, times in kept:
            self.exponential.observe(amount, times)

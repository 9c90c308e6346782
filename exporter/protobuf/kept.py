"""Keeps the messages of each counter, gauge and histogram, so that a scrape writes anew only those that have changed since the one before."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from exporter.metrics.exponential import ZERO_THRESHOLD, Exponential, NativeHistogram, runs
from exporter.metrics.families import Family, children_of
from exporter.protobuf.schema import COUNTER, GAUGE, HISTOGRAM
from exporter.protobuf.writing import Pairs, a_metric, delimited, tell_bucket, tell_exemplar, tell_time

_OF_EACH_BYTES = 64 + 104
"""What a child's entry takes beside its message, with its place in a dictionary."""

_Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """The message of one child, and the number that is looked at to see whether it has changed: its value, or the sum of a histogram."""

    child: Family
    number: float
    message: bytes

    def holds(self, child: Family, number: float) -> bool:
        """Whether the message is still right: each change makes another number, if an equal one."""
        return self.child is child and self.number is number

    @property
    def size_bytes(self) -> int:
        return _OF_EACH_BYTES + sys.getsizeof(self.message)


class KeptMessages:
    """One family. A gauge that calls a function (`set_function`) has no number that could be compared, and is not for here. The caller sees to it
    that nothing changes while it is written (`exporter.metrics.ledger`)."""

    def __init__(self, family: Family, *, created: bool) -> None:
        self._family = family
        self._created = created
        self._pairs = Pairs()
        self._kept: dict[_Labels, _Kept] = {}
        self.kept_bytes = 0
        self._shape = _shape(family)
        # asked once of the family: prometheus-client's are protocols, of which `isinstance` is slow
        self._value = attrgetter("_sum" if isinstance(family, Histogram) else "_value")

    @property
    def series(self) -> int:
        """Counted as in the text formats, and a native histogram as one more."""
        return len(children_of(self._family)) * self._shape.series

    @property
    def names(self) -> frozenset[str]:
        """Its own name, and those of its samples in the text formats."""
        return self._shape.names

    def parts(self, most_kept_bytes: int) -> Iterator[bytes]:
        """The family in one piece. What is kept of it for the next time takes no more memory than is said."""
        yield delimited(self._shape.name, self._family._documentation, self._shape.kind, self._family._unit, self._messages(most_kept_bytes))

    def _messages(self, most_kept_bytes: int) -> Iterator[bytes]:
        before, self._kept, self.kept_bytes = self._kept, {}, 0
        for labels, child in children_of(self._family).items():
            number = self._number(child)
            kept = before.get(labels)
            if kept is None or not kept.holds(child, number):
                kept = _Kept(child, number, self._write(labels, child))
            if self.kept_bytes + kept.size_bytes <= most_kept_bytes:
                self._kept[labels] = kept
                self.kept_bytes += kept.size_bytes
            yield kept.message

    def _number(self, child: Family) -> float:
        number: float = self._value(child).get()
        return number

    def _write(self, labels: _Labels, child: Family) -> bytes:
        message, metric = a_metric(self._pairs.of(zip(self._family._labelnames, labels, strict=True)))
        match child:
            case Counter():
                self._tell_counter(metric.counter, child)
            case Gauge():
                metric.gauge.value = child._value.get()
            case Histogram():
                self._tell_histogram(metric.histogram, child)
        written: bytes = message.SerializeToString()
        return written

    def _tell_counter(self, told: Any, child: Counter) -> None:
        told.value = child._value.get()
        tell_exemplar(told, child._value.get_exemplar(), self._pairs)
        if self._created:
            tell_time(told.created_timestamp, child._created)

    def _tell_histogram(self, told: Any, child: Histogram) -> None:
        count, add = 0.0, told.bucket.add
        for bound, bucket in zip(child._upper_bounds, child._buckets, strict=True):
            count += bucket.get()
            tell_exemplar(tell_bucket(add, bound, count), bucket.get_exemplar(), self._pairs)
        told.sample_count = int(count)
        told.sample_sum = child._sum.get()
        if self._created:
            tell_time(told.created_timestamp, child._created)
        if isinstance(child, NativeHistogram):
            tell_exponential(told, child.exponential)


def tell_exponential(told: Any, observed: Exponential) -> None:
    """Give a histogram the buckets that make it a native one."""
    told.schema = observed.schema
    told.zero_threshold = ZERO_THRESHOLD
    told.zero_count = observed.zeros
    _tell_runs(told.positive_span, told.positive_delta, observed.positive)
    _tell_runs(told.negative_span, told.negative_delta, observed.negative)


def _tell_runs(spans: Any, deltas: Any, counts: Mapping[int, int]) -> None:
    """The first run's place, then gaps; of each count how much it is above the one before."""
    end, before = 0, 0
    for run in runs(counts):
        span = spans.add()
        span.offset, span.length = run.first - end, len(run.counts)
        end = run.first + len(run.counts)
        for count in run.counts:
            deltas.append(count - before)
            before = count


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a family is called here, its type, how many series each child is, and by which names it may be asked for."""

    name: str
    kind: int
    series: int
    names: frozenset[str]


def _shape(family: Family) -> _Shape:
    name = family._name
    match family:
        case Counter():
            return _Shape(f"{name}_total", COUNTER, 1, frozenset({name, f"{name}_total"}))
        case Gauge():
            return _Shape(name, GAUGE, 1, frozenset({name}))
        case Histogram():
            names = frozenset({name, f"{name}_bucket", f"{name}_count", f"{name}_sum"})
            return _Shape(name, HISTOGRAM, len(family._upper_bounds) + 2 + isinstance(family, NativeHistogram), names)

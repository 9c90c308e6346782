"""Keeps what was written of each counter, gauge and histogram, so that a scrape writes anew only what has changed since the one before."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import is_
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.metrics.families import Family
from exporter.web.writing import LabelTexts, as_openmetrics, as_text, exemplar_text, number_text

CREATED = "_created"

_OF_EACH_BYTES = 64 + 104
"""What a child's entry takes beside its lines and numbers, with its place in a dictionary."""

_Labels = tuple[str, ...]
_State = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What a scraper asks for. With `created`, OpenMetrics tells when each counter and histogram began."""

    openmetrics: bool
    created: bool

    def write(self, family: Collected) -> bytes:
        """A family that is not kept."""
        return as_openmetrics(family) if self.openmetrics else as_text(family)

    def exemplar(self, told: Exemplar | None) -> str:
        return exemplar_text(told) if told and self.openmetrics else ""

    def created_line(self, name: str, labels: str, at: float) -> str:
        return f"{name}{CREATED}{labels} {number_text(at)}\n" if self.tells_created else ""

    @property
    def tells_created(self) -> bool:
        return self.openmetrics and self.created


@dataclass(frozen=True, slots=True)
class _Kept:
    """The lines of one child, the numbers that they were written from, and the memory that both take. The child holds the numbers too."""

    child: Family
    state: _State
    lines: bytes
    size_bytes: int

    def holds(self, child: Family, state: _State) -> bool:
        """Whether the lines are still right: the same numbers, not equal ones, as 0.0 equals -0.0."""
        return self.child is child and all(map(is_, self.state, state))


class KeptFamily:
    """The lines of one family in one form, written as prometheus-client does.

    A gauge that calls a function (`set_function`) has no number that could be compared, and is not for here. The caller sees to it that nothing
    changes while it is written (`exporter.metrics.ledger`), so that all lines of a histogram are of one instant.
    """

    def __init__(self, family: Family, form: Form) -> None:
        self._family = family
        self._above = form.write(Collected(family._name, family._documentation, family._type, family._unit))
        self._write = _Histograms(family, form) if isinstance(family, Histogram) else _Singles(family, form)
        self._kept: dict[_Labels, _Kept] = {}
        self.kept_bytes = 0

    @property
    def series(self) -> int:
        return len(_children(self._family)) * self._write.series

    @property
    def names(self) -> frozenset[str]:
        """Its own name, and those of its samples."""
        return self._write.names

    def parts(self, most_kept_bytes: int) -> Iterator[bytes]:
        """The pieces of its lines. What is kept of them for the next time takes no more memory than is said."""
        before, self._kept, self.kept_bytes = self._kept, {}, 0
        yield self._above
        for labels, child in _children(self._family).items():
            state = self._write.state(child)
            kept = before.get(labels)
            if kept is None or not kept.holds(child, state):
                lines = self._write(labels, child).encode()
                kept = _Kept(child, state, lines, _OF_EACH_BYTES + sys.getsizeof(state) + sys.getsizeof(lines))
            if self.kept_bytes + kept.size_bytes <= most_kept_bytes:
                self._kept[labels] = kept
                self.kept_bytes += kept.size_bytes
            yield kept.lines


def _children(family: Family) -> Mapping[_Labels, Family]:
    if not family._labelnames:
        return {(): family}
    with family._lock:
        children: dict[_Labels, Family] = family._metrics.copy()  # type: ignore[assignment]
    return children


class _Singles:
    """Writes the children of a counter or a gauge: a number each."""

    def __init__(self, family: Counter | Gauge, form: Form) -> None:
        self._base, self._form, self._counts = family._name, form, isinstance(family, Counter)
        self._name = f"{self._base}_total" if self._counts else self._base
        self._braces = _Braces(family._labelnames)
        begins = self._counts and form.tells_created
        self.series = 2 if begins else 1
        self.names = frozenset({self._base, self._name, *([self._base + CREATED] if begins else [])})

    def state(self, child: Any) -> _State:
        return (child._value.get(),)

    def __call__(self, labels: _Labels, child: Any) -> str:
        braces, value = self._braces.whole(labels), child._value
        line = f"{self._name}{braces} {number_text(value.get())}{self._form.exemplar(value.get_exemplar())}\n"
        return line + self._form.created_line(self._base, braces, child._created) if self._counts else line


class _Histograms:
    """Writes the children of a histogram: its buckets added up, their count, the sum."""

    def __init__(self, family: Histogram, form: Form) -> None:
        self._base, self._form = family._name, form
        self._bounds = [floatToGoString(bound) for bound in family._upper_bounds]  # type: ignore[no-untyped-call]
        self._braces = _Braces(family._labelnames)
        self._sums = family._upper_bounds[0] >= 0
        apart = ("_count", *(["_sum"] if self._sums else []), *([CREATED] if form.tells_created else []))
        self.series = len(self._bounds) + len(apart)
        self.names = frozenset({self._base, f"{self._base}_bucket", *(self._base + suffix for suffix in apart)})

    def state(self, child: Any) -> _State:
        return (child._sum.get(), *[bucket.get() for bucket in child._buckets])

    def __call__(self, labels: _Labels, child: Any) -> str:
        braces = self._braces.whole(labels)
        before, after = self._braces.around("le", labels)
        head, count, lines = f"{self._base}_bucket{before}", 0.0, []
        for bound, bucket in zip(self._bounds, child._buckets, strict=True):
            count += bucket.get()
            lines.append(f"{head}{bound}{after} {number_text(count)}{self._form.exemplar(bucket.get_exemplar())}\n")
        lines.append(f"{self._base}_count{braces} {number_text(count)}\n")
        if self._sums:
            lines.append(f"{self._base}_sum{braces} {number_text(child._sum.get())}\n")
        lines.append(self._form.created_line(self._base, braces, child._created))
        return "".join(lines)


class _Braces:
    """Writes the labels of a family's children, sorted by name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._texts = LabelTexts()

    def whole(self, values: _Labels) -> str:
        pairs = sorted(zip(self._names, values, strict=True))
        return f"{{{','.join([self._texts[pair] for pair in pairs])}}}" if pairs else ""

    def around(self, name: str, values: _Labels) -> tuple[str, str]:
        """What stands before and behind the value of one label more."""
        pairs = sorted(zip(self._names, values, strict=True))
        before = "".join([f"{self._texts[pair]}," for pair in pairs if pair[0] < name])
        after = "".join([f",{self._texts[pair]}" for pair in pairs if pair[0] > name])
        return f'{{{before}{name}="', f'"{after}}}'

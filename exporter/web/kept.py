"""Keeps what was written of each counter, gauge and histogram, so that a scrape writes anew only what has changed since the one before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from exporter.metrics.families import CREATED, Family, children_of
from exporter.web.writing import LabelTexts, number_text

AT_ONCE = 200
"""Children of which the lines are one piece: so soon another thread may go on, and it is noticed that nobody waits any more."""
_OF_EACH_BYTES = 4 * 8 + 24
"""What is kept of a child beside its lines: its places in lists, and the number, which it may hold no more."""
_NONE = float("nan")
"""Is no child's number: nobody else has this very one."""

_Labels = tuple[str, ...]
_ExemplarText = Callable[[Exemplar], str]


class KeptFamily:
    """The lines of one family in one form, written as prometheus-client does: `write` writes what stands above them, `exemplar` what stands behind
    the value of a sample that has one. With `created`, counters and histograms tell when they began.

    Of each child one number is looked at, to see whether it has changed: its value, or the sum of a histogram, as each observation makes another
    number of that. It is the same number, not an equal one, as 0.0 equals -0.0. A gauge that calls a function (`set_function`) has no number that
    could be compared, and is not for here. The caller sees to it that nothing changes while it is written (`exporter.metrics.ledger`), so that all
    lines of a histogram are of one instant.
    """

    def __init__(self, family: Family, write: Callable[[Collected], bytes], exemplar: _ExemplarText, *, created: bool) -> None:
        self._family = family
        self._above = write(Collected(family._name, family._documentation, family._type, family._unit))
        self._write = _Histograms(family, exemplar, created) if isinstance(family, Histogram) else _Singles(family, exemplar, created)
        self._labels: list[_Labels] = []
        self._children: list[Family] = []
        self._numbers: list[float] = []
        self._lines: list[bytes] = []
        self.kept_bytes = 0

    @property
    def series(self) -> int:
        return (len(self._family._metrics) if self._family._labelnames else 1) * self._write.series

    @property
    def names(self) -> frozenset[str]:
        """Its own name, and those of its samples."""
        return self._write.names

    def parts(self, most_kept_bytes: int) -> Iterator[bytes]:
        """The pieces of its lines, each made in some milliseconds. What is kept of them for the next time takes no more memory than is said."""
        yield self._above
        self._follow(children_of(self._family))
        for place in range(len(self._children) - 1, -1, -1):
            if self.kept_bytes <= most_kept_bytes:
                break
            self._drop(place)
        for begin in range(0, len(self._children), AT_ONCE):
            yield b"".join(self._lines_of(begin, most_kept_bytes))

    def _follow(self, children: Mapping[_Labels, Family]) -> None:
        """Where children came or went, what is kept of the others goes on."""
        now = list(children.values())
        if now == self._children:
            return
        known = dict(zip(map(id, self._children), zip(self._numbers, self._lines, strict=True), strict=True))
        kept = [known.get(id(child), (_NONE, b"")) for child in now]
        self._labels, self._children = list(children), now
        self._numbers, self._lines = [number for number, _ in kept], [lines for _, lines in kept]
        self.kept_bytes = sum(_size(lines) for lines in self._lines if lines)

    def _lines_of(self, begin: int, most_kept_bytes: int) -> list[bytes]:
        """The lines of so many children from that place on; those that have changed are written, and kept where there is room."""
        span = slice(begin, begin + AT_ONCE)
        numbers, lines = self._write.numbers(self._children[span]), self._lines[span]
        for place, (before, number) in enumerate(zip(self._numbers[span], numbers, strict=True)):
            if before is not number:
                lines[place] = self._write(self._labels[begin + place], self._children[begin + place]).encode()
                self._drop(begin + place)
                self._keep(begin + place, number, lines[place], most_kept_bytes)
        return lines

    def _keep(self, place: int, number: float, lines: bytes, most_kept_bytes: int) -> None:
        if self.kept_bytes + _size(lines) <= most_kept_bytes:
            self._numbers[place], self._lines[place] = number, lines
            self.kept_bytes += _size(lines)

    def _drop(self, place: int) -> None:
        if self._lines[place]:
            self.kept_bytes -= _size(self._lines[place])
            self._numbers[place], self._lines[place] = _NONE, b""


def _size(lines: bytes) -> int:
    return _OF_EACH_BYTES + sys.getsizeof(lines)


class _Singles:
    """Writes the children of a counter or a gauge: a number each."""

    def __init__(self, family: Counter | Gauge, exemplar: _ExemplarText, created: bool) -> None:
        self._base, self._exemplar, counts = family._name, exemplar, isinstance(family, Counter)
        self._name = f"{self._base}_total" if counts else self._base
        self._braces = _Braces(family._labelnames)
        self._begins = counts and created
        self.series = 2 if self._begins else 1
        self.names = frozenset({self._base, self._name, *([self._base + CREATED] if self._begins else [])})

    def numbers(self, children: Iterable[Any]) -> list[float]:
        return [child._value.get() for child in children]

    def __call__(self, labels: _Labels, child: Any) -> str:
        braces, value = self._braces.whole(labels), child._value
        exemplar = self._exemplar(told) if (told := value.get_exemplar()) else ""
        line = f"{self._name}{braces} {number_text(value.get())}{exemplar}\n"
        return line + _created_line(self._base, braces, child) if self._begins else line


class _Histograms:
    """Writes the children of a histogram: its buckets added up, their count, the sum."""

    def __init__(self, family: Histogram, exemplar: _ExemplarText, created: bool) -> None:
        self._base, self._exemplar, self._begins = family._name, exemplar, created
        self._bounds = [floatToGoString(bound) for bound in family._upper_bounds]  # type: ignore[no-untyped-call]
        self._braces = _Braces(family._labelnames)
        self._sums = family._upper_bounds[0] >= 0
        apart = ("_count", *(["_sum"] if self._sums else []), *([CREATED] if created else []))
        self.series = len(self._bounds) + len(apart)
        self.names = frozenset({self._base, f"{self._base}_bucket", *(self._base + suffix for suffix in apart)})

    def numbers(self, children: Iterable[Any]) -> list[float]:
        return [child._sum.get() for child in children]

    def __call__(self, labels: _Labels, child: Any) -> str:
        braces = self._braces.whole(labels)
        before, after = self._braces.around("le", labels)
        head, count, lines, exemplar = f"{self._base}_bucket{before}", 0.0, [], self._exemplar
        written = number_text(count)
        for bound, bucket in zip(self._bounds, child._buckets, strict=True):
            if seen := bucket.get():
                count += seen
                written = number_text(count)
            lines.append(f"{head}{bound}{after} {written}{exemplar(told) if (told := bucket.get_exemplar()) else ''}\n")
        lines.append(f"{self._base}_count{braces} {written}\n")
        if self._sums:
            lines.append(f"{self._base}_sum{braces} {number_text(child._sum.get())}\n")
        if self._begins:
            lines.append(_created_line(self._base, braces, child))
        return "".join(lines)


def _created_line(name: str, braces: str, child: Any) -> str:
    return f"{name}{CREATED}{braces} {number_text(child._created)}\n"


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

"""What one series was over the last samples, or the series of one histogram; and what Prometheus makes of such samples in a window.

Names and results are those of PromQL's functions (prometheus/promql/functions.go). A window has no sample at its first instant, as in Prometheus 3.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan, nan

_FAR = 1.1
"""A series is taken to have begun, or ended, where the window's bound is further away than so many times the time between two samples."""


@dataclass(frozen=True, slots=True)
class Window:
    """The samples of the last `seconds` before `end`: the numbers of the first and of the last of them, and their instants."""

    seconds: float
    end: float
    first: int
    last: int
    instants: Sequence[float]

    def at(self, number: int) -> float:
        return self.instants[number - self.first]


class Course:
    """Rows of so many values, of which one is kept where its last value is another than before: a histogram's last is how much it has observed.

    Samples are numbered one after the other. Nothing is known of those before `oldest`.
    """

    __slots__ = ("_drops", "_gaps", "_numbers", "_rows", "_width")

    def __init__(self, width: int = 1) -> None:
        self._width = width
        self._numbers = array("I")
        self._rows = array("d")
        self._gaps = 0
        self._drops: list[tuple[int, list[float]]] | None = None

    def take(self, number: int, row: Sequence[float] | None, oldest: int) -> None:
        """What the sample of that number has, None where the series was not there."""
        if row is None or isnan(row[-1]):
            if not self._numbers or isnan(self._rows[-1]):
                return
            row = [nan] * self._width
            self._gaps += 1
        elif self._numbers:
            if self._rows[-1] == row[-1]:
                return
            self._note_drop(number, row)
        self._numbers.append(number)
        self._rows.extend(row)
        self._forget(oldest)

    def is_over(self, oldest: int) -> bool:
        """Whether there is nothing of it but that it is not there."""
        return not self._numbers or (isnan(self._rows[-1]) and self._numbers[-1] <= oldest)

    @property
    def now(self) -> float | None:
        """Its value in the newest sample."""
        value = self._rows[-1] if self._rows else nan
        return None if isnan(value) else value

    def increase(self, window: Window) -> float | None:
        """By how much a counter grew, or how much a histogram observed. None of fewer than two samples."""
        grown = self.increases(window)
        return None if grown is None else grown[-1]

    def increases(self, window: Window) -> Sequence[float] | None:
        """The same of each value of the rows."""
        if self._numbers and self._numbers[-1] <= window.first < window.last:
            return None if isnan(self._rows[-1]) else [0.0] * self._width
        found = self._between(window)
        if found is None or found[0] == found[1]:
            return None
        first, last, count = found
        begun, ended = self._row(first), self._row(last)
        grown = [after - before for before, after in zip(begun, ended, strict=True)]
        for number, lost in self._drops or ():
            if first < number <= last:
                grown = [one + more for one, more in zip(grown, lost, strict=True)]
        extrapolated = _Extrapolation(window, first, last, count)
        return [extrapolated(one, before) if one else 0.0 for one, before in zip(grown, begun, strict=True)]

    def minimum(self, window: Window) -> float | None:
        return min((value for value, _, _ in self._stretches(window)), default=None)

    def mean(self, window: Window) -> float | None:
        """Of all samples (`avg_over_time`)."""
        weighed = [(value * (end - begin), end - begin) for value, begin, end in self._stretches(window)]
        return sum(value for value, _ in weighed) / sum(weight for _, weight in weighed) if weighed else None

    def last(self, window: Window) -> float | None:
        """The newest value there is in the window."""
        found = self._between(window)
        return None if found is None else self._row(found[1])[-1]

    def slope(self, window: Window) -> float | None:
        """By how much it changes in a second: that of the straight line that is nearest to all samples (`deriv`)."""
        points = [(window.at(number), value) for value, begin, end in self._stretches(window) for number in range(begin, end)]
        if len(points) < 2:
            return None
        middle, mean = sum(at for at, _ in points) / len(points), sum(value for _, value in points) / len(points)
        spread: float = sum((at - middle) ** 2 for at, _ in points)
        return sum((at - middle) * (value - mean) for at, value in points) / spread

    def _note_drop(self, number: int, row: Sequence[float]) -> None:
        """A counter that falls has begun anew: what it had counts on."""
        place = len(self._numbers) - (2 if isnan(self._rows[-1]) else 1)
        if place < 0:
            return
        before = self._rows[place * self._width : (place + 1) * self._width]
        if row[-1] < before[-1]:
            lost = [old if new < old else 0.0 for old, new in zip(before, row, strict=True)]
            self._drops = [*(self._drops or ()), (number, lost)]

    def _forget(self, oldest: int) -> None:
        """Drop what ended before that sample."""
        place = bisect_right(self._numbers, oldest) - 1
        if place > 0:
            self._gaps -= sum(map(isnan, self._rows[: place * self._width : self._width]))
            del self._numbers[:place]
            del self._rows[: place * self._width]
            if self._drops:
                self._drops = [drop for drop in self._drops if drop[0] > oldest] or None

    def _row(self, number: int) -> Sequence[float]:
        place = bisect_right(self._numbers, number) - 1
        return self._rows[place * self._width : (place + 1) * self._width]

    def _between(self, window: Window) -> tuple[int, int, int] | None:
        """The numbers of the first and of the last sample that it is in, and how many there are."""
        if self._numbers and not self._gaps:
            first = max(self._numbers[0], window.first)
            return (first, window.last, window.last - first + 1) if first <= window.last else None
        stretches = [(begin, end) for _, begin, end in self._stretches(window)]
        return (stretches[0][0], stretches[-1][1] - 1, sum(end - begin for begin, end in stretches)) if stretches else None

    def _stretches(self, window: Window) -> Iterator[tuple[float, int, int]]:
        """The last column's values, each from one sample up to another."""
        numbers, rows, width = self._numbers, self._rows, self._width
        for place in range(max(0, bisect_right(numbers, window.first) - 1), len(numbers)):
            value = rows[(place + 1) * width - 1]
            begin = max(numbers[place], window.first)
            end = numbers[place + 1] if place + 1 < len(numbers) else window.last + 1
            if begin < end and not isnan(value):
                yield value, begin, end


def quantile(share: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """`histogram_quantile` of what was observed up to each bound, of which the last is infinite. NaN where that is nothing."""
    if not counts[-1] > 0:
        return nan
    rank = share * counts[-1]
    place = next((place for place, count in enumerate(counts[:-1]) if count >= rank), len(bounds) - 1)
    if place == len(bounds) - 1:
        return bounds[-2]
    begin, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return begin + (bounds[place] - begin) * (rank - below) / (counts[place] - below)


class _Extrapolation:
    """From what a counter grew by between its first and its last sample in a window to the whole of it."""

    def __init__(self, window: Window, first: int, last: int, count: int) -> None:
        begun, ended = window.at(first), window.at(last)
        apart = (ended - begun) / (count - 1)
        before, after = begun - (window.end - window.seconds), window.end - ended
        self._sampled = ended - begun
        self._before = before if before < _FAR * apart else apart / 2
        self._after = after if after < _FAR * apart else apart / 2

    def __call__(self, grown: float, begun: float) -> float:
        """No counter was ever below 0: `begun` is what it was at first."""
        before = self._before if begun < 0 else min(self._before, self._sampled * begun / grown)
        return grown * (self._sampled + before + self._after) / self._sampled

"""How many attempts a sliding window has, and how many of them were bad, in memory that does not grow."""

from __future__ import annotations

from array import array
from math import ceil, floor
from typing import NamedTuple

FINEST_SECONDS = 30.0
"""How exactly windows of half an hour to six hours are known, as rules are evaluated so often; longer ones are to a share of their length."""
FEWEST_SLICES, MOST_SLICES = 60, 720
_COUNT = "I"


class Attempts(NamedTuple):
    """How many there were, and how many of them were not good."""

    all: int = 0
    bad: int = 0

    @property
    def bad_share(self) -> float:
        return self.bad / self.all if self.all else 0.0


class Sliding:
    """Attempts in the last `seconds`. `now` is in seconds, on a clock that never goes back; what comes late is counted where it belongs."""

    def __init__(self, seconds: float) -> None:
        self._width = max(seconds / MOST_SLICES, min(seconds / FEWEST_SLICES, FINEST_SECONDS))
        self._slices = ceil(seconds / self._width)
        empty = bytes(self._slices * array(_COUNT).itemsize)
        self._all, self._bad = array(_COUNT, empty), array(_COUNT, empty)
        self._newest: int | None = None
        self._sum = self._sum_bad = 0

    def add(self, now: float, count: int, bad: int) -> None:
        """Count so many attempts of that instant, of which `bad` were not good."""
        self._forget(now)
        slice_ = floor(now / self._width)
        if self._newest is not None and slice_ <= self._newest - self._slices:
            return
        place = slice_ % self._slices
        self._all[place] += count
        self._bad[place] += bad
        self._sum += count
        self._sum_bad += bad

    def counted(self, now: float) -> Attempts:
        """What the window has now."""
        self._forget(now)
        return Attempts(self._sum, self._sum_bad)

    def _forget(self, now: float) -> None:
        """Empty the slices that have left the window since the last call."""
        newest = floor(now / self._width)
        if self._newest is not None:
            for slice_ in range(max(self._newest + 1, newest - self._slices + 1), newest + 1):
                place = slice_ % self._slices
                self._sum -= self._all[place]
                self._sum_bad -= self._bad[place]
                self._all[place] = self._bad[place] = 0
        self._newest = newest if self._newest is None else max(newest, self._newest)

"""How many attempts a sliding window has, and how many of them were bad, in memory that does not grow."""

from __future__ import annotations

from array import array
from typing import NamedTuple

SLICES = 60
"""A window is known to a sixtieth of its length."""


class Attempts(NamedTuple):
    """How many there were, and how many of them were not good."""

    all: int = 0
    bad: int = 0

    @property
    def bad_share(self) -> float:
        return self.bad / self.all if self.all else 0.0


class Sliding:
    """Attempts in the last `seconds`. `now` is in seconds, on a clock that never goes back."""

    def __init__(self, seconds: float) -> None:
        self._width = seconds / SLICES
        self._all, self._bad = array("L", bytes(SLICES * array("L").itemsize)), array("L", bytes(SLICES * array("L").itemsize))
        self._newest: int | None = None
        self._sum = self._sum_bad = 0

    def add(self, now: float, count: int, bad: int) -> None:
        """Count so many attempts now, of which `bad` were not good."""
        self._forget(now)
        place = int(now / self._width) % SLICES
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
        newest = int(now / self._width)
        if self._newest is not None:
            for slice_ in range(max(self._newest + 1, newest - SLICES + 1), newest + 1):
                place = slice_ % SLICES
                self._sum -= self._all[place]
                self._sum_bad -= self._bad[place]
                self._all[place] = self._bad[place] = 0
        self._newest = newest

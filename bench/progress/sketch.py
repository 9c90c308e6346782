"""Quantiles of values that come one by one, in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

ACCURACY = 0.01
_RATIO = (1 + ACCURACY) / (1 - ACCURACY)
_LOG = math.log(_RATIO)
_SMALLEST, _LARGEST = 1e-6, 1e5


@dataclass(slots=True)
class Sketch:
    """Counts values in bins that grow by 2 %, so that each quantile is right to 1 % of itself.

    After DDSketch (Masson, Rim, Lee: VLDB 12, 2019). Times from a microsecond to a day fill at most 1,300 bins, however
    many values come. What is smaller or larger counts as the nearest of these.
    """

    _bins: Counter[int] = field(default_factory=Counter)
    count: int = 0

    def add(self, value: float) -> None:
        bounded = min(max(value, _SMALLEST), _LARGEST)
        self._bins[math.ceil(math.log(bounded) / _LOG)] += 1
        self.count += 1

    def quantile(self, share: float) -> float | None:
        """By nearest rank; None of no values."""
        if not self.count:
            return None
        rank, seen = max(1, math.ceil(share * self.count)), 0
        for place in sorted(self._bins):
            seen += self._bins[place]
            if seen >= rank:
                return 2 * _RATIO**place / (_RATIO + 1)
        raise AssertionError("the bins hold all values")

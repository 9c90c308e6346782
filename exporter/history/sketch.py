"""Quantiles of many values in little room: counts in log-spaced buckets, which can be added to each other.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import ceil, log

RELATIVE_ERROR = 0.01
"""A quantile is off by no more than this share of itself."""
SMALLEST, LARGEST = 1e-6, 1e9
"""Values beyond are counted as these: no time and no rate of a chat lies there."""
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = log(_GAMMA)
_INDEX, _COUNT = "h", "Q"
_BYTES_A_BUCKET = array(_INDEX).itemsize + array(_COUNT).itemsize


class Sketch:
    """How often values of each size were seen."""

    __slots__ = ("_buckets", "count")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0

    def add(self, value: float, times: int = 1) -> None:
        """See a value so many times. One that is not above 0, as of two arrivals in one read, counts as the smallest."""
        self.add_all(((value, times),))

    def add_all(self, weighted: Iterable[tuple[float, int]]) -> None:
        """See each of these values so many times."""
        buckets = self._buckets
        for value, times in weighted:
            if not SMALLEST < value < LARGEST:
                value = min(max(value, SMALLEST), LARGEST)
            index = ceil(log(value) / _LOG_GAMMA)
            buckets[index] = buckets.get(index, 0) + times
            self.count += times

    def absorb(self, packed: bytes) -> None:
        """See all that another one saw. Raises `ValueError` for bytes that `packed` did not make."""
        buckets = self._buckets
        for index, count in _unpacked(packed):
            buckets[index] = buckets.get(index, 0) + count
            self.count += count

    def withdraw(self, packed: bytes) -> None:
        """See no more what was absorbed before."""
        buckets = self._buckets
        for index, count in _unpacked(packed):
            self.count -= count
            if buckets[index] == count:
                del buckets[index]
            else:
                buckets[index] -= count

    def merge(self, other: Sketch) -> None:
        """See all that another one saw."""
        if not self.count:
            self._buckets, self.count = other._buckets.copy(), other.count
            return
        buckets = self._buckets
        for index, count in other._buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        self.count += other.count

    def packed(self) -> bytes:
        """All of it, to be absorbed by another."""
        return array(_INDEX, self._buckets.keys()).tobytes() + array(_COUNT, self._buckets.values()).tobytes()

    def quantile(self, share: float) -> float | None:
        """The smallest value that at least `share` of all do not exceed, within the relative error; None without values."""
        wanted = share * self.count
        seen = 0
        for index in sorted(self._buckets):
            seen += self._buckets[index]
            if seen >= wanted:
                return float(2 * _GAMMA**index / (_GAMMA + 1))
        return None


def _unpacked(packed: bytes) -> Iterable[tuple[int, int]]:
    number, rest = divmod(len(packed), _BYTES_A_BUCKET)
    if rest:
        raise ValueError("is no sketch")
    indices, counts = array(_INDEX), array(_COUNT)
    indices.frombytes(packed[: number * indices.itemsize])
    counts.frombytes(packed[number * indices.itemsize :])
    return zip(indices, counts, strict=True)

"""How late the worker reads: what the numbers of a client without the kernel's stamps would be off by."""

from __future__ import annotations

from typing import NamedTuple

LATE_NS = 1_000_000


class Lateness(NamedTuple):
    """Reads that the kernel had stamped, how many of them came later than 1 ms after their newest segment, and by how much all of them did."""

    reads: int = 0
    late: int = 0
    delay_ns: int = 0

    def plus(self, other: Lateness) -> Lateness:
        return Lateness(self.reads + other.reads, self.late + other.late, self.delay_ns + other.delay_ns)


class Delays:
    """Adds up how late reads were."""

    __slots__ = ("_delay_ns", "_late", "_reads")

    def __init__(self) -> None:
        self._reads = self._late = self._delay_ns = 0

    def add(self, delay_ns: int) -> None:
        self._reads += 1
        self._delay_ns += delay_ns
        if delay_ns > LATE_NS:
            self._late += 1

    @property
    def so_far(self) -> Lateness:
        return Lateness(self._reads, self._late, self._delay_ns)

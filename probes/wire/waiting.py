"""Which worker has kept-alive connections that wait for a chat, as far as the main process knows."""

from __future__ import annotations

import time
from collections import Counter

from probes.wire.clock import Clock
from probes.wire.kept import IDLE_NS
from probes.wire.order import Address

_Place = tuple[Address, int | None]


class Waiting:
    """Counts connections that were kept, by their address and their worker's process, and not taken since.

    That one ended meanwhile is not heard of here. So each is forgotten after the time for which a worker keeps it, or twice that at most.
    """

    def __init__(self, clock: Clock = time.monotonic_ns) -> None:
        self._clock = clock
        self._turned_ns = clock()
        self._newer: Counter[_Place] = Counter()
        self._older: Counter[_Place] = Counter()

    def add(self, address: Address, pid: int | None) -> None:
        """One is kept from now on."""
        self._forget()
        self._newer[address, pid] += 1

    def has(self, address: Address, pid: int | None) -> bool:
        """Whether there should be one."""
        self._forget()
        return (address, pid) in self._newer or (address, pid) in self._older

    def take(self, address: Address, pid: int | None) -> None:
        """The newest is taken, if there is one."""
        self._forget()
        counts = self._newer if (address, pid) in self._newer else self._older
        counts[address, pid] -= 1
        if counts[address, pid] <= 0:
            del counts[address, pid]

    def _forget(self) -> None:
        now_ns = self._clock()
        if now_ns - self._turned_ns >= IDLE_NS:
            self._older = self._newer if now_ns - self._turned_ns < 2 * IDLE_NS else Counter()
            self._newer = Counter()
            self._turned_ns = now_ns

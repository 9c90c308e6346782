"""Time for the simulation that moves only when a test says so."""

from __future__ import annotations

import asyncio
import heapq


class FakeClock:
    """Time that moves only when a test says so; `late_ns` is by how much every wake-up is late."""

    def __init__(self, late_ns: int = 0) -> None:
        self.now = 0
        self._late_ns = late_ns
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []

    def now_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return self.now

    async def sleep_until(self, instant_ns: int) -> None:
        if instant_ns <= self.now:
            return
        event = asyncio.Event()
        sleeper = (instant_ns + self._late_ns, id(event), event)
        heapq.heappush(self._sleepers, sleeper)
        try:
            await event.wait()
        except asyncio.CancelledError:
            self._sleepers.remove(sleeper)
            heapq.heapify(self._sleepers)
            raise

    async def advance(self) -> None:
        """Go to the next wake-up, once everybody who can run has done so."""
        for _ in range(10):
            await asyncio.sleep(0)
        self.now, _, event = heapq.heappop(self._sleepers)
        event.set()
        for _ in range(10):
            await asyncio.sleep(0)

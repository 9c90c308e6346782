"""The clock that the simulation runs on; tests put a fake one in its place."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time in nanoseconds, wall-clock time, and a wait until an absolute instant."""

    def now_ns(self) -> int: ...

    def wall_ns(self) -> int: ...

    async def sleep_until(self, instant_ns: int) -> None:
        """Return at `instant_ns` or a little later; at once if it has passed."""
        ...


class MonotonicClock:
    """The machine's own clocks. Each wait has an absolute end, so that lateness never adds up."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep_until(self, instant_ns: int) -> None:
        # A wait of 0 still lets others run: an engine that cannot keep up with its own schedule must not block the loop.
        await asyncio.sleep(max(0, instant_ns - time.monotonic_ns()) / 1e9)

"""What every load shape is made with: the clock, the chat that is due, and shares that are the same in every run."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Protocol

NANOSECONDS = 1_000_000_000
FIRST_CHAT_WITHIN_NS = 5 * NANOSECONDS
SHARES = 1 << 64
"""`share` gives a number below this."""


class Clock(Protocol):
    """Time as the schedule sees it."""

    def monotonic_ns(self) -> int:
        """Nanoseconds on a clock that never goes back."""
        ...

    def epoch_seconds(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Return at that instant or after it, never before. Other tasks run in any case."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def epoch_seconds(self) -> float:
        return time.time()

    async def sleep_until(self, monotonic_ns: int) -> None:
        await asyncio.sleep(0)  # whoever is always late must not keep the loop from all others
        while (left_ns := monotonic_ns - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - again where the loop's timers, in milliseconds, fire early
            await asyncio.sleep(left_ns / NANOSECONDS)


SYSTEM_CLOCK = SystemClock()


async def sleep_unless(called: asyncio.Event, clock: Clock, until_ns: int) -> None:
    """Return at that instant, or as soon as the event is set."""
    either = [asyncio.ensure_future(waiting) for waiting in (clock.sleep_until(until_ns), called.wait())]
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in either:
            waiting.cancel()


@dataclass(frozen=True, slots=True)
class Due:
    """A chat is due at `at_ns` on the monotonic clock.

    `missed` chats were due before it, and nobody asked for them in time.
    """

    at_ns: int
    missed: int = 0


class Arrivals(Protocol):
    """When the chats of one scenario with one target are due, whatever became of those before them.

    `traffic.arrivals` makes them of a load.
    """

    def next(self, now_ns: int) -> Due | None:
        """The next chat that is due; None: there are no more.

        It may lie before `now_ns`: then it is late, and is to be started at once.
        """
        ...


def nanoseconds(seconds: float) -> int:
    return round(seconds * NANOSECONDS)


def share(*parts: object) -> int:
    """A number from 0 to below `SHARES` that looks like chance.

    It follows from the parts: the same in every run and on every machine.
    """
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "big")

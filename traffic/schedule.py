"""When chats are due."""

from __future__ import annotations

import asyncio
import hashlib
import time
from dataclasses import dataclass
from typing import Protocol

NANOSECONDS = 1_000_000_000
FIRST_CHAT_WITHIN_NS = 5 * NANOSECONDS


class Clock(Protocol):
    """Time as the schedule sees it."""

    def monotonic_ns(self) -> int: ...

    def epoch_seconds(self) -> float: ...

    async def sleep_until(self, monotonic_ns: int) -> None:
        """Returns at that instant or after it, never before."""
        ...


class SystemClock:
    """The machine's clocks."""

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def epoch_seconds(self) -> float:
        return time.time()

    async def sleep_until(self, monotonic_ns: int) -> None:
        while (left_ns := monotonic_ns - time.monotonic_ns()) > 0:  # noqa: ASYNC110 - again where the loop's timers, in milliseconds, fire early
            await asyncio.sleep(left_ns / NANOSECONDS)


@dataclass(frozen=True, slots=True)
class Due:
    """A chat is due at `at_ns` on the monotonic clock; `missed` chats that were due before it were never asked for in time."""

    at_ns: int
    missed: int = 0


class Arrivals(Protocol):
    """The shape of the load on one target by one scenario: a fixed rate now; open and closed loops are other implementations."""

    def next(self, now_ns: int) -> Due:
        """The next chat that is due. It may lie before `now_ns`: then it is late, and is to be started at once."""
        ...


class FixedRate:
    """Chats due on a grid that never drifts: chat k at `start + phase + k × interval`, in whole nanoseconds.

    The phase, a share of the interval, is a hash of target and scenario: the same in every run, and spread over the interval, so that the
    targets' chats do not come in bunches. Chat 0 alone comes earlier where the interval is long: its phase is the same share of the
    first five seconds, so that every target is heard of soon after the start.

    Where nobody asked until several chats were due, the newest of them is given out, late, and those before it count as missed.
    """

    def __init__(self, start_ns: int, interval_seconds: float, target: str, scenario: str) -> None:
        self._start_ns = start_ns
        self._interval_ns = round(interval_seconds * NANOSECONDS)
        self._share = int.from_bytes(hashlib.sha256(f"{target}\0{scenario}".encode()).digest()[:8], "big")
        self._number = 0

    def next(self, now_ns: int) -> Due:
        newest = max(self._number, (now_ns - self._phase_ns(self._interval_ns) - self._start_ns) // self._interval_ns)
        due = Due(self._at_ns(newest), missed=newest - self._number)
        self._number = newest + 1
        return due

    def _at_ns(self, number: int) -> int:
        if number == 0:
            return self._start_ns + self._phase_ns(min(self._interval_ns, FIRST_CHAT_WITHIN_NS))
        return self._start_ns + self._phase_ns(self._interval_ns) + number * self._interval_ns

    def _phase_ns(self, span_ns: int) -> int:
        return self._share * span_ns >> 64

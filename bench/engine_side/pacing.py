"""When a page is looked at during a run: at the edges of each block, and now and then in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from bench.engine_side.reading import Mark
from bench.level import Block
from traffic.schedule import NANOSECONDS, Clock, nanoseconds, sleep_unless

SHARE_OF_TIME = 50
"""A look that took so long is followed by so many times as long without one, so that an engine spends at most 2 % of its
time on them: vLLM writes its page in the process that hands out its tokens.
"""
LONGEST_REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A look that is due: of which block, and which one."""

    block: int
    mark: Mark
    due_ns: int


@dataclass(slots=True)
class Pace:
    """Says when one page is due. Blocks begin and end by `begin` and `end`, which never wait.

    With `every_seconds` None it is due at the edges of blocks alone.
    """

    clock: Clock
    every_seconds: float | None
    _block: int | None = None
    _marks: list[Wanted] = field(default_factory=list)
    _between_ns: int = 0
    _closing: bool = False
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _served: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._served.set()

    def begin(self, block: Block) -> None:
        now_ns = self.clock.monotonic_ns()
        self._block = block.number
        self._marks.append(Wanted(block.number, "begin", now_ns))
        if block.warm_up_seconds > 0:
            self._marks.append(Wanted(block.number, "measured", now_ns + nanoseconds(block.warm_up_seconds)))
        self._rest(0.0)
        self._call()

    def end(self, block: Block) -> None:
        """What was still to come of the block is not any more, but for its last look."""
        now_ns = self.clock.monotonic_ns()
        self._block = None
        self._marks = [mark for mark in self._marks if mark.due_ns <= now_ns]
        self._marks.append(Wanted(block.number, "end", now_ns))
        self._call()

    def close(self) -> None:
        """No block will begin any more. Looks that are due are still told."""
        self._closing = True
        self._wake.set()

    def took(self, seconds: float) -> None:
        """The last look was told, and took so long."""
        self._rest(seconds)
        if not any(mark.due_ns <= self.clock.monotonic_ns() for mark in self._marks):
            self._served.set()

    async def served(self) -> None:
        """Wait until every look that a block's beginning or end asked for has been told."""
        await self._served.wait()

    async def due(self) -> tuple[Wanted, ...]:
        """Wait for the next look, and say which ones it serves; empty when there is none any more."""
        while True:
            self._wake.clear()
            now_ns = self.clock.monotonic_ns()
            marks = tuple(mark for mark in self._marks if mark.due_ns <= now_ns)
            if marks:
                self._marks = [mark for mark in self._marks if mark.due_ns > now_ns]
                return marks
            if self._closing:
                return ()
            if self._block is not None and self.every_seconds is not None and self._between_ns <= now_ns:
                return (Wanted(self._block, "during", now_ns),)
            await self._sleep()

    def _call(self) -> None:
        self._served.clear()
        self._wake.set()

    def _rest(self, took_seconds: float) -> None:
        if self.every_seconds is not None:
            rest = min(max(self.every_seconds, SHARE_OF_TIME * took_seconds), max(LONGEST_REST_SECONDS, self.every_seconds))
            self._between_ns = self.clock.monotonic_ns() + round(rest * NANOSECONDS)

    async def _sleep(self) -> None:
        """Until the next look is due, or something was said."""
        dues = [mark.due_ns for mark in self._marks]
        if self._block is not None and self.every_seconds is not None:
            dues.append(self._between_ns)
        if dues:
            await sleep_unless(self._wake, self.clock, min(dues))
        else:
            await self._wake.wait()


Seen = TypeVar("Seen")


async def follow(pace: Pace, look: Callable[[], Awaitable[Seen]], tell: Callable[[Seen, Wanted], None]) -> None:
    """Look whenever it is due, and tell what was seen once for each look that it serves. Ends when the pace is closed."""
    while wanted := await pace.due():
        began_ns = pace.clock.monotonic_ns()
        seen = await look()
        for one in wanted:
            tell(seen, one)
        pace.took((pace.clock.monotonic_ns() - began_ns) / NANOSECONDS)

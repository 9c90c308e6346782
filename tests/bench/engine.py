"""An engine that is computed and not run: so many slots, each of which takes the same time for a chat, more or less."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bench.chat import Chat, Place
from bench.level import Block, Level, Measured
from config.load import ClosedLoop, OpenLoop
from tests.bench.chats import chat


@dataclass(frozen=True)
class Engine:
    """It can do `slots / serves_seconds` chats a second. A chat waits for a slot, and then `ttft_seconds`."""

    slots: int = 10
    serves_seconds: float = 1.0
    spread: float = 0.2
    ttft_seconds: float = 0.05

    def open_loop(self, per_second: float, seconds: float, chance: random.Random, *, poisson: bool = True) -> list[Chat]:
        """What becomes of chats that come at a rate. Those that are under way at the end are cut off."""
        free = [0.0] * self.slots
        found, at = [], 0.0
        while (at := at + (chance.expovariate(per_second) if poisson else 1 / per_second)) < seconds:
            begins = max(at, heapq.heappop(free))
            ends = begins + self._serves(chance)
            heapq.heappush(free, ends)
            found.append(self._chat(at, begins, ends, seconds))
        return found

    def closed_loop(self, users: int, seconds: float, chance: random.Random) -> list[Chat]:
        """What becomes of the chats of users who do not think. First come, first served."""
        free = [0.0] * self.slots
        due = [0.5 * number / users for number in range(users)]
        found = []
        while (at := heapq.heappop(due)) < seconds:
            begins = max(at, heapq.heappop(free))
            ends = begins + self._serves(chance)
            heapq.heappush(free, ends)
            heapq.heappush(due, ends)
            found.append(self._chat(at, begins, ends, seconds))
        return found

    def _serves(self, chance: random.Random) -> float:
        return self.serves_seconds * chance.uniform(1 - self.spread, 1 + self.spread)

    def _chat(self, at: float, begins: float, ends: float, seconds: float) -> Chat:
        ttft = begins - at + self.ttft_seconds
        if ends < seconds:
            return chat(at, ttft_seconds=ttft, e2e_seconds=ends - at)
        return chat(at, ttft_seconds=ttft if at + ttft < seconds else None, e2e_seconds=seconds - at, outcome="cut")


@dataclass
class Lab:
    """Measures levels on engines that are computed, by the target's name."""

    engines: dict[str, Engine]
    rounds: int = 3
    seconds: float = 60.0
    seed: int = 1

    def run(self, next_level: Callable[[list[Measured]], Level | None], most: int = 100) -> list[Measured]:
        """Measure what a course asks for, to its end."""
        measured: list[Measured] = []
        while (level := next_level(measured)) is not None:
            assert len(measured) < most, "the course has no end"
            measured.append(self.measure(level, number=len(measured)))
        return measured

    def measure(self, level: Level, number: int = 0) -> Measured:
        """All rounds of one level. A twelfth of each block is warm-up."""
        warm_up = self.seconds / 12
        blocks = [
            Block(number * 100 + round, level.name, round, tuple(level.loads), warm_up, self.seconds)
            for round in range(1, (level.rounds or self.rounds) + 1)
        ]
        chats = [
            replace(
                one, target=target, place=Place(level.name, block.round, block.number, one.place.since_seconds, one.place.since_seconds < warm_up)
            )
            for block in blocks
            for target in level.loads
            for one in self._held(level, target, block.number)
        ]
        return Measured(level, tuple(blocks), chats)

    def _held(self, level: Level, target: str, number: int) -> Iterable[Chat]:
        chance = random.Random(f"{self.seed}/{target}/{number}")
        load = level.loads[target]
        if isinstance(load, ClosedLoop):
            return self.engines[target].closed_loop(load.stages[0].users, self.seconds, chance)
        assert isinstance(load, OpenLoop)
        return self.engines[target].open_loop(float(load.stages[0].per_second), self.seconds, chance, poisson=load.arrivals == "poisson")

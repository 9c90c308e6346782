"""Plays recorded answers into lanes, at their own pace or another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bench.race.recorded import Recorded
from traffic.race.lane import Lane
from traffic.schedule import NANOSECONDS, Clock


class Pace:
    """A clock that runs `speed` times as fast as the machine's, from 0 on when something begins to play."""

    def __init__(self, clock: Clock, speed: float) -> None:
        self._clock = clock
        self._speed = speed
        self._began_ns = clock.monotonic_ns()

    def restart(self) -> None:
        """It is 0 again."""
        self._began_ns = self._clock.monotonic_ns()

    def now_ns(self) -> int:
        """The instant of the recording that it is."""
        return round((self._clock.monotonic_ns() - self._began_ns) * self._speed)

    def seconds_until(self, instant_ns: int) -> float:
        """How long it takes on the machine's clock until the recording has come so far."""
        return (instant_ns / self._speed - (self._clock.monotonic_ns() - self._began_ns)) / NANOSECONDS


async def play(answers: Sequence[Recorded], lanes: Mapping[str, Lane], pace: Pace, stop: asyncio.Event) -> None:
    """Play answers at once, each from the instant at which its request was sent, until all are over or `stop` is set."""
    acts: list[tuple[int, Callable[[], None]]] = []
    pace.restart()
    for answer in answers:
        lane = lanes[answer.target]
        lane.begin(0)
        acts += [(piece.arrived_ns, partial(lane.hear, piece)) for piece in answer.pieces]
        acts.append((answer.ended_ns, partial(lane.end, answer.figures)))
    for instant_ns, act in sorted(acts, key=lambda one: one[0]):
        if await _is_set_within(stop, pace.seconds_until(instant_ns)):
            return
        act()


async def _is_set_within(stop: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            return await stop.wait()
    except TimeoutError:
        return False

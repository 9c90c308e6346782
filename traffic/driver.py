"""Holds the chats of one watch when they are due, from its start until it is stopped."""

from __future__ import annotations

import asyncio

import structlog

from config.load import ClosedLoop, Every, OpenLoop, Trace
from traffic.arrivals import arrivals
from traffic.attempts import Attempts
from traffic.conversation import script
from traffic.events import SkipReason
from traffic.replaying import Replay
from traffic.schedule import NANOSECONDS, Arrivals, Clock
from traffic.users import Users
from traffic.watch import Watch

HELD_BACK_NS = NANOSECONDS
"""A user whose chat failed, or could not begin, tries again after the think time, but no sooner than this. So an
engine that refuses at once is not asked a thousand times a second. Each try counts once."""

_log = structlog.get_logger()


class Driver:
    """The schedule of one watch. Chats that it has started go on when it stops."""

    def __init__(self, watch: Watch, attempts: Attempts, clock: Clock) -> None:
        self.watch = watch
        self._attempts = attempts
        self._clock = clock
        self._script = script(watch.scenario)
        self._tasks: list[asyncio.Task[None]] = []
        self.due_ns: int | None = None
        """When the next chat is due, on the monotonic clock; None where that is not known: users think for as long as they like."""

    @property
    def broken(self) -> bool:
        """Whether a part of the schedule ended by an error. Chats are missing from then on."""
        return any(task.done() and not task.cancelled() and task.exception() is not None for task in self._tasks)

    def start(self) -> None:
        """Begin the schedule."""
        start_ns = self._clock.monotonic_ns()
        scenario = self.watch.scenario
        load = self.watch.load
        match load:
            case Every() | OpenLoop():
                due = arrivals(load, start_ns, target=self.watch.label, scenario=self.watch.name, seed=scenario.seed)
                self._tasks = [asyncio.create_task(self._hold_arrivals(due))]
            case Trace():
                replay = Replay(load, start_ns, cache=scenario.cache, seed=scenario.seed)
                self._script = replay.script
                self._tasks = [asyncio.create_task(self._hold_arrivals(replay))]
            case ClosedLoop():
                users = Users(load, start_ns, target=self.watch.label, scenario=self.watch.name, seed=scenario.seed)
                self._tasks = [asyncio.create_task(self._be_user(users, number, start_ns)) for number in range(users.most)]
        for task in self._tasks:
            task.add_done_callback(_report)

    def stop(self) -> None:
        """Start no more chats."""
        for task in self._tasks:
            task.cancel()

    async def stopped(self) -> None:
        """Wait for the end of the schedule. Chats that it has started may go on."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hold_arrivals(self, schedule: Arrivals) -> None:
        while (due := schedule.next(self._clock.monotonic_ns())) is not None:
            if due.missed:
                self._attempts.skip(self.watch, SkipReason.MISSED, due.missed)
            self.due_ns = due.at_ns
            await self._clock.sleep_until(due.at_ns)
            if self._inactive():
                continue
            turn = self._script.next()
            chat = self._attempts.start(self.watch, self._script, turn, due.at_ns)
            if chat is None:
                self._script.done(turn)
            else:
                chat.add_done_callback(lambda _chat, turn=turn: self._script.done(turn))  # type: ignore[misc]
        self.due_ns = None

    async def _be_user(self, users: Users, number: int, start_ns: int) -> None:
        turn = None
        earliest_ns = start_ns
        while (due_ns := users.due_ns(number, earliest_ns)) is not None:
            await self._clock.sleep_until(due_ns)
            pause_ns = users.think_ns(number)
            went_well = False
            if not self._inactive():
                turn = self._script.following(turn)
                chat = self._attempts.start(self.watch, self._script, turn, due_ns)
                went_well = chat is not None and await asyncio.shield(chat)
            earliest_ns = self._clock.monotonic_ns() + (pause_ns if went_well else max(pause_ns, HELD_BACK_NS))

    def _inactive(self) -> bool:
        """Whether the calendar has the scenario rest now. Then the chat that is due is skipped, and told."""
        calendar = self.watch.scenario.active
        if calendar is None or calendar.holds(self._clock.epoch_seconds()):
            return False
        self._attempts.skip(self.watch, SkipReason.INACTIVE)
        return True


def _report(task: asyncio.Task[None]) -> None:
    """Log why a schedule broke: it starts no more chats, and readiness says no."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a schedule broke", exc_info=error)

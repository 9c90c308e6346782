"""Chats that somebody asks for: held at once, within the same limits as those on schedule."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.model import Scenario
from exporter.web.room import Room, TooOftenError
from probes.record import ChatRecord
from traffic.admission import Admission
from traffic.attempts import Attempts
from traffic.conversation import script
from traffic.events import Event, Skip
from traffic.race.overhearing import WatchedProber
from traffic.roster import Roster
from traffic.runner import CANCEL_SECONDS
from traffic.schedule import Clock
from traffic.served import Served
from traffic.watch import Watch


class Outcome(StrEnum):
    """What became of a request for a chat."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The limits of the load did not let it be sent."""
    REFUSED = "refused"
    """It was asked for too often."""


class NoSuchNameError(ValueError):
    """It is no name of a target or scenario. The text says which there are."""


class UnclearError(ValueError):
    """It does not say which scenario is meant. The text says which there are."""


class StandingByError(Exception):
    """This process chats with nobody: another one does, or it is starting or stopping."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of a chat that was asked for. `seconds` is how long all of it took, asking the engine for its model included."""

    target: str
    scenario: str
    settings: Scenario
    event: ChatRecord | Skip
    seconds: float

    @property
    def outcome(self) -> Outcome:
        """Whether it went well."""
        if isinstance(self.event, Skip):
            return Outcome.SKIPPED
        return Outcome.OK if self.event.outcome == "ok" else Outcome.FAILED


@dataclass(frozen=True, slots=True)
class Means:
    """With what chats are held, the same as for those on schedule. `engines` and `roster` are asked anew for each."""

    prober: WatchedProber
    admission: Admission
    clock: Clock
    engines: Callable[[], Mapping[str, Served]]
    roster: Callable[[], Roster]
    chats: Callable[[], bool]
    """Whether this process may chat."""

    def check_turn(self) -> None:
        """Raises `StandingByError` where this process may not chat."""
        if not self.chats():
            raise StandingByError("this process does not chat: it is starting or stopping, or another replica holds the lease")


class Probing:
    """Holds chats on request, and tells `count` what became of each."""

    def __init__(self, means: Means, room: Room, count: Callable[[Outcome], None]) -> None:
        self._means = means
        self._room = room
        self._count = count
        self._held: set[asyncio.Task[Probed]] = set()

    def scenario_of(self, target: str, scenario: str | None) -> str:
        """The scenario that is meant; left out, the only one that is for the target. Raises `NoSuchNameError` and `UnclearError`."""
        roster = self._means.roster()
        if target not in roster.members:
            raise NoSuchNameError(f"{shown(target)} is no target; give a name that is configured or was discovered, never a URL")
        fitting = [name for name, settings in roster.config.scenarios.items() if settings.covers(target)]
        if scenario is None:
            if len(fitting) != 1:
                raise UnclearError(f"{len(fitting)} scenarios are for this target; name one: {', '.join(fitting) or 'none is'}")
            return fitting[0]
        if scenario not in fitting:
            raise NoSuchNameError(f"{shown(scenario)} is no scenario for this target; there are {', '.join(fitting) or 'none'}")
        return scenario

    async def probe(self, target: str, scenario: str | None, at_most_seconds: float | None = None) -> Probed:
        """Hold one chat: the first of the scenario's, with this target alone, ended after so many seconds at most.

        Raises `NoSuchNameError`, `UnclearError`, `TooOftenError` and `StandingByError`.
        """
        name = self.scenario_of(target, scenario)
        self._means.check_turn()
        settings = _within(self._means.roster().config.scenarios[name], at_most_seconds)
        try:
            self._room.take([target])
        except TooOftenError:
            self._count(Outcome.REFUSED)
            raise
        held = asyncio.create_task(self._hold(target, name, settings))
        self._held.add(held)
        held.add_done_callback(self._held.discard)
        return await asyncio.shield(held)  # whoever asked may go away: the chat goes on, holds its place and is counted

    async def close(self) -> None:
        """Cut off the chats that are under way."""
        if self._held:
            self._means.prober.cancel_all()
            await asyncio.wait(self._held, timeout=CANCEL_SECONDS)

    async def _hold(self, target: str, name: str, settings: Scenario) -> Probed:
        try:
            probed = await self._chat(target, name, settings)
        finally:
            self._room.leave([target])
        self._count(probed.outcome)
        return probed

    async def _chat(self, target: str, name: str, settings: Scenario) -> Probed:
        means, events = self._means, list[Event]()
        watch = Watch(name, settings, (means.engines()[target],), settings.checks)
        attempts = Attempts(means.prober, means.admission, means.clock, events.append, means.chats)
        words = script(settings)
        begin = time.perf_counter()
        chat = attempts.start(watch, words, words.following(None), means.clock.monotonic_ns())
        if chat is not None:
            await chat
        seconds = time.perf_counter() - begin
        event = next((event for event in events if isinstance(event, (ChatRecord, Skip))), None)
        if event is None:
            raise StandingByError("chatprobe stopped before the chat could be sent")
        return Probed(target, name, settings, event, seconds)


def shown(name: str) -> str:
    """A name as it was given, short enough and without what no name has."""
    return repr(name if len(name) <= 64 else f"{name[:64]}…")


def _within(settings: Scenario, at_most_seconds: float | None) -> Scenario:
    """The scenario for one target alone, whose chat as a whole ends by then."""
    changed: dict[str, object] = {"pair": False}
    if at_most_seconds is not None:
        changed["timeout_seconds"] = min(settings.timeout_seconds, at_most_seconds)
    return settings.model_copy(update=changed)

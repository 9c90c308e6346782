"""Lets chats be seen while they come: each answer goes to its engine's lane, and is measured all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, Unpack

from probes.ask import Ask, Endpoint
from probes.piece import Onlooker
from probes.record import ChatRecord
from traffic.attempts import How, Prober
from traffic.events import Event, Facts, Skip
from traffic.race.figures import of_record, of_skip
from traffic.race.lane import Lane, Now


class WatchedProber(Prober, Protocol):
    """A prober whose chats may be looked at while they come."""

    async def chat(self, endpoint: Endpoint, ask: Ask, *, onlooker: Onlooker | None = None, **how: Unpack[How]) -> ChatRecord:
        """Hold one chat, tell the onlooker of it, and give its record."""
        ...


class Overheard:
    """A prober whose answers go to the lanes while they come, the lanes by their targets' names."""

    def __init__(self, prober: WatchedProber, lanes: Mapping[str, Lane], now: Now) -> None:
        self._prober = prober
        self._lanes = lanes
        self._now = now

    async def chat(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord:
        """The prober's chat."""
        lane = self._lanes[endpoint.name]
        lane.begin(self._now())
        return await self._prober.chat(endpoint, ask, onlooker=lane, **how)

    async def reach(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord | None:
        """The prober's own."""
        return await self._prober.reach(endpoint, ask, **how)

    def cancel_all(self) -> None:
        """The prober's own."""
        self._prober.cancel_all()


def show(event: Event, lanes: Mapping[str, Lane]) -> None:
    """Have the lanes show what an event tells of their engines: an answer that is over, or why there is none."""
    match event:
        case Facts():
            lanes[event.target].model = event.model
        case ChatRecord():
            lanes[event.target].end(of_record(event))
        case Skip():
            lanes[event.target].end(of_skip(event.reason))

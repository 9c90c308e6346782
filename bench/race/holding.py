"""Asks several engines the same at the same instant, as a scenario with `pair: true` does, and lets their answers be seen while they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from config.model import Limits, Scenario
from probes.ask import Endpoint
from probes.load import LoadError
from probes.probing import Prober
from traffic.admission import Admission
from traffic.attempts import Attempts
from traffic.conversation import Script, Turn
from traffic.events import Event, Pair, Sink, SkipReason, to_all
from traffic.population import Population
from traffic.race.lane import Lane
from traffic.race.overhearing import Overheard, show
from traffic.schedule import SYSTEM_CLOCK
from traffic.served import Questions, Served
from traffic.watch import Watch


class Race:
    """Holds one prompt after another with all engines. `lanes` show what each of them says; `tell` is told every event."""

    def __init__(
        self, name: str, scenario: Scenario, endpoints: Mapping[str, Endpoint], limits: Limits, prober: Prober, control: Questions, tell: Sink
    ) -> None:
        self.lanes = {target: Lane(target, endpoint.backend, endpoint.model or "") for target, endpoint in endpoints.items()}
        self._pair: Pair | None = None
        self._prober = prober
        unseen, seen = to_all((self._keep, tell)), to_all((self._show, self._keep, tell))
        self._population = Population(control, SYSTEM_CLOCK, seen)
        self._population.update(endpoints)
        self._watch = Watch(name, scenario.model_copy(update={"pair": True}), tuple(self._population.engines.values()), None)
        admission = Admission(limits, SYSTEM_CLOCK, tell)
        self._seen = Attempts(Overheard(prober, self.lanes, SYSTEM_CLOCK.monotonic_ns), admission, SYSTEM_CLOCK, seen, lambda: True)
        self._unseen = Attempts(prober, admission, SYSTEM_CLOCK, unseen, lambda: True)

    async def ready(self) -> Sequence[str]:
        """Ask the engines for their models, and have those loaded that may be. Gives what went wrong with that, a sentence each."""
        return [words for words in await asyncio.gather(*map(_made_ready, self._watch.engines)) if words]

    async def hold(self, script: Script, turn: Turn) -> Pair | None:
        """Ask all engines one turn, and wait until each of them has answered, or failed. None where it was broken off."""
        for lane in self.lanes.values():
            lane.begin(SYSTEM_CLOCK.monotonic_ns())
        return await self._hold(self._seen, script, turn)

    async def hold_unseen(self, script: Script, turn: Turn) -> Pair | None:
        """The same, and the lanes go on to show what they showed before."""
        return await self._hold(self._unseen, script, turn)

    async def _hold(self, attempts: Attempts, script: Script, turn: Turn) -> Pair | None:
        self._pair = None
        chats = attempts.start(self._watch, script, turn, SYSTEM_CLOCK.monotonic_ns())
        if chats is not None:
            await chats
        pair = self._pair
        if pair is None or any(side.record is not None and side.record.outcome == "cancelled" for side in pair.sides):
            return None
        return pair

    def stop(self) -> None:
        """Break off what is under way, and ask nothing more."""
        for attempts in (self._seen, self._unseen):
            attempts.close()
        self._prober.cancel_all()

    async def close(self) -> None:
        """Ask the engines nothing any more."""
        self.stop()
        await asyncio.gather(*self._seen.running, *self._unseen.running, return_exceptions=True)
        await self._population.close()

    def _keep(self, event: Event) -> None:
        if isinstance(event, Pair):
            self._pair = event

    def _show(self, event: Event) -> None:
        show(event, self.lanes)


async def _made_ready(engine: Served) -> str:
    """Its model known, and in memory where that is allowed; else what went wrong with loading it."""
    await engine.model()
    if not engine.must_load(await engine.place()):
        return ""
    match await engine.load(engine.name):
        case LoadError() as error:
            return f"{engine.name} could not load its model: {error.detail}"
        case SkipReason() as reason:
            return f"{engine.name} did not load its model: {reason}"
    return ""

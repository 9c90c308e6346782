"""The engines that are chatted with, kept over changes of the configuration and of what is discovered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from probes.ask import UNKNOWN_MODEL, Endpoint
from traffic.events import Sink
from traffic.schedule import Clock
from traffic.served import Questions, Served


class Population:
    """One `Served` for each target. One whose engine and model stay the same keeps what is known of it, whatever else changes."""

    def __init__(self, control: Questions, clock: Clock, tell: Sink) -> None:
        self._control = control
        self._clock = clock
        self._tell = tell
        self._engines: dict[str, Served] = {}

    @property
    def engines(self) -> Mapping[str, Served]:
        return self._engines

    def update(self, endpoints: Mapping[str, Endpoint]) -> tuple[str, ...]:
        """These are the targets now. Gives the names under which an engine was that is none of them any more."""
        gone = [name for name in self._engines if name not in endpoints]
        for name in gone:
            self._engines.pop(name).leave()
        for name, endpoint in endpoints.items():
            before = self._engines.get(name)
            if before is not None and before.use(endpoint):
                continue
            model = UNKNOWN_MODEL
            if before is not None:
                before.leave()
                gone.append(name)
                model = before.facts.model if before.endpoint.backend == endpoint.backend else UNKNOWN_MODEL
            self._engines[name] = Served(endpoint, self._control, self._clock, self._tell, model=model)
            self._tell(self._engines[name].facts)
        return tuple(gone)

    async def close(self) -> None:
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))

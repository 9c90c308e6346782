"""The engines of all targets, as the targets come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from weakref import WeakValueDictionary

from probes.ask import UNKNOWN_MODEL, Endpoint
from traffic.events import Sink
from traffic.schedule import Clock
from traffic.served import Questions, Served


class Population:
    """One `Served` for each target.

    As long as a target's engine and model stay the same, what is known of it is kept.
    """

    def __init__(self, control: Questions, clock: Clock, tell: Sink) -> None:
        self._control = control
        self._clock = clock
        self._tell = tell
        self._engines: dict[str, Served] = {}
        self._load_turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def engines(self) -> Mapping[str, Served]:
        """By the target's name."""
        return self._engines

    def update(self, endpoints: Mapping[str, Endpoint]) -> tuple[str, ...]:
        """Have these targets from now on.

        Gives the names whose engine is gone: the target is gone, or another engine has its name now.
        """
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
            turn = self._load_turns.setdefault(endpoint.url.rstrip("/"), asyncio.Lock())
            self._engines[name] = Served(endpoint, self._control, self._clock, self._tell, model=model, load_turn=turn)
            self._tell(self._engines[name].facts)
        return tuple(gone)

    async def close(self) -> None:
        """Ask no engine anything any more."""
        await asyncio.gather(*(engine.close() for engine in self._engines.values()))

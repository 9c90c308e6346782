"""Which models are in memory: cold loads, one at a time, and their end when nobody asks for them any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from simulator.clock import Clock

FOR_EVER_NS = 100 * 365 * 86_400 * 1_000_000_000


class Residence:
    """Models in memory, by full name. A model in use never expires; an idle one does after its keep-alive.

    `pending` is how many requests wait for a model to be loaded.
    """

    def __init__(self, clock: Clock, *, load_seconds: float, keep_alive_seconds: float) -> None:
        self._clock = clock
        self._load_seconds = load_seconds
        self._keep_alive_seconds = keep_alive_seconds
        self._expires_ns: dict[str, int] = {}
        self._users: dict[str, int] = {}
        self._loading = asyncio.Lock()
        self.pending = 0

    def preload(self, model: str) -> None:
        """Have a model in memory from the start."""
        self._expires_ns[model] = self._expiry(None)

    def loaded(self) -> Iterator[tuple[str, int]]:
        """(model, when it expires) for each model in memory; one that is still loading is not."""
        now_ns = self._clock.now_ns()
        for model, expires_ns in self._expires_ns.items():
            if self._users.get(model) or expires_ns > now_ns:
                yield model, expires_ns

    @asynccontextmanager
    async def use(self, model: str, keep_alive_seconds: float | None) -> AsyncIterator[None]:
        """Hold a model in memory, loading it first if need be; `keep_alive_seconds`, if given, replaces the server's own."""
        self.pending += 1
        try:
            await self._load(model)
        finally:
            self.pending -= 1
        self._users[model] = self._users.get(model, 0) + 1
        try:
            yield
        finally:
            self._users[model] -= 1
            self._expires_ns[model] = self._expiry(keep_alive_seconds)

    async def _load(self, model: str) -> None:
        if model in dict(self.loaded()):
            return
        async with self._loading:
            if model not in dict(self.loaded()):
                await self._clock.sleep_until(self._clock.now_ns() + round(self._load_seconds * 1e9))
                self._expires_ns[model] = self._expiry(None)

    def _expiry(self, keep_alive_seconds: float | None) -> int:
        seconds = self._keep_alive_seconds if keep_alive_seconds is None else keep_alive_seconds
        return self._clock.now_ns() + (FOR_EVER_NS if seconds < 0 else round(seconds * 1e9))

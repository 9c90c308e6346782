"""Which models are in memory: one runner a blob, loaded one at a time, anew for another context, until nobody asks for it any more.

Rules: Ollama `server/sched.go`, and seen with Ollama 0.33.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from simulator.batch_loop import BatchLoop
from simulator.clock import Clock
from simulator.library import Installed
from simulator.truth import ChatTruth

FOR_EVER_NS = 2**63 - 1
"""What a negative keep-alive means: Go's longest duration."""
MAX_LOADED = 3
"""`OLLAMA_MAX_LOADED_MODELS` where nobody set it, with one device."""


class LoadError(Exception):
    """A model could not be loaded."""


@dataclass(eq=False)
class Runner:
    """One model in memory, under the name that had it loaded, with slots and a cache of its own."""

    model: Installed
    context_tokens: int
    batches: BatchLoop
    keep_alive_ns: int
    expires_ns: int
    users: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    working: asyncio.Task[None] | None = None

    def enter(self, keep_alive_ns: int | None) -> None:
        self.users += 1
        self.idle.clear()
        if keep_alive_ns is not None:
            self.keep_alive_ns = keep_alive_ns
        if self.working is None:
            self.working = asyncio.create_task(self.batches.run(), name=f"runner of {self.model.name}")

    def leave(self, now_ns: int) -> None:
        self.users -= 1
        if self.users:
            return
        self.expires_ns = now_ns + self.keep_alive_ns
        self.idle.set()
        if self.working is not None:
            self.working.cancel()
            self.working = None


class Residence:
    """The runners. One in use never expires; an idle one does after its keep-alive, which is that of the latest chat that gave one.

    `pending` is how many requests wait for a model to be loaded. `start` makes the batch of a runner with that context.
    """

    def __init__(self, clock: Clock, start: Callable[[int], BatchLoop], *, load_seconds: float, keep_alive_seconds: float) -> None:
        self._clock = clock
        self._start = start
        self._load_seconds = load_seconds
        self._keep_alive_ns = duration_ns(keep_alive_seconds)
        self._runners: dict[str, Runner] = {}
        self._loading = asyncio.Lock()
        self.pending = 0

    def preload(self, model: Installed, context_tokens: int) -> None:
        """Have a model in memory from the start."""
        self._add(model, context_tokens, None)

    def loaded(self) -> list[Runner]:
        """The runners in memory, that which stays longest first. One that is still loading is not among them."""
        now_ns = self._clock.now_ns()
        self._runners = {blob: runner for blob, runner in self._runners.items() if runner.users or runner.expires_ns > now_ns}
        return sorted(self._runners.values(), key=lambda runner: -runner.expires_ns)

    def unload(self, model: Installed) -> None:
        """Let a model go, once nobody uses it any more."""
        runner = self._runners.get(model.blob)
        if runner is not None:
            runner.keep_alive_ns = 0
            runner.expires_ns = self._clock.now_ns()

    @asynccontextmanager
    async def use(
        self, model: Installed, context_tokens: int, keep_alive_seconds: float | None, truth: ChatTruth, *, fails: bool = False
    ) -> AsyncIterator[Runner]:
        """Hold a model in memory, loading it first if need be.

        A load whose request is given up is thrown away, and the next one that waits begins anew. A keep-alive that is
        given replaces the runner's. With `fails` a load ends in `LoadError`.
        """
        keep_alive_ns = None if keep_alive_seconds is None else duration_ns(keep_alive_seconds)
        runner = self._fitting(model, context_tokens)
        if runner is None:
            self.pending += 1
            try:
                async with self._loading:
                    runner = self._fitting(model, context_tokens) or await self._load(model, context_tokens, keep_alive_ns, truth, fails=fails)
            finally:
                self.pending -= 1
        runner.enter(keep_alive_ns)
        try:
            yield runner
        finally:
            runner.leave(self._clock.now_ns())

    def _fitting(self, model: Installed, context_tokens: int) -> Runner | None:
        runner = next((one for one in self.loaded() if one.model.blob == model.blob), None)
        return runner if runner is not None and runner.context_tokens == context_tokens else None

    async def _load(self, model: Installed, context_tokens: int, keep_alive_ns: int | None, truth: ChatTruth, *, fails: bool) -> Runner:
        """Load, in place of a runner of the same blob if there is one, with its pin; else of the one that would go first, where there are many."""
        while (loaded := self.loaded()) and (model.blob in self._runners or len(loaded) >= MAX_LOADED):
            first = min(loaded, key=lambda runner: (runner.users > 0, runner.keep_alive_ns))
            leaving = self._runners.get(model.blob, first)
            self.unload(leaving.model)
            if leaving.users:
                await leaving.idle.wait()
        truth.loading_ns = self._clock.now_ns()
        await self._clock.sleep_until(truth.loading_ns + round(self._load_seconds * 1e9))
        if fails:
            raise LoadError
        truth.loaded_ns = self._clock.now_ns()
        return self._add(model, context_tokens, keep_alive_ns)

    def _add(self, model: Installed, context_tokens: int, keep_alive_ns: int | None) -> Runner:
        keep = self._keep_alive_ns if keep_alive_ns is None else keep_alive_ns
        runner = Runner(model, context_tokens, self._start(context_tokens), keep, self._clock.now_ns() + keep)
        self._runners[model.blob] = runner
        return runner


def duration_ns(seconds: float) -> int:
    """A keep-alive in nanoseconds; one below 0 is for ever."""
    return FOR_EVER_NS if seconds < 0 else round(seconds * 1e9)

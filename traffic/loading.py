"""Has a target's engine load its model where its owner gave leave: apart from the chats that are measured, and one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from probes.ask import Endpoint
from probes.load import LoadError
from traffic.events import ModelLoad, SkipReason
from traffic.schedule import NANOSECONDS, Clock

FIRST_REST_SECONDS = 60
"""After a load that failed: each may cost others the models that are in memory."""
LONGEST_REST_SECONDS = 600

_log = structlog.get_logger()


class Loader(Protocol):
    """Has an engine load a model; `probes.control.Control` asks it over HTTP."""

    async def load(self, endpoint: Endpoint, model: str, timeout_seconds: float) -> None:
        """Return once the model is in memory. Raises `LoadError`."""
        ...


class Loading:
    """The loads of one target's model.

    While one is under way one chat of each scenario waits for it, and whatever else is due is skipped. After one that
    failed there is a minute without another, then two, ten at most, until one succeeds. Targets of one engine share its
    `turn`, so that each of them waits for the others' loads: they may be of the same model.
    """

    def __init__(
        self,
        target: str,
        loader: Loader,
        clock: Clock,
        tell: Callable[[ModelLoad | bool], None],
        *,
        turn: asyncio.Lock,
        is_needed: Callable[[], Awaitable[bool]],
    ) -> None:
        """`tell` is told True when a load begins, and then how it ended, or False where it was given up or came to be needless.

        `is_needed` is asked where another target's load was waited for.
        """
        self._target = target
        self._loader = loader
        self._clock = clock
        self._tell = tell
        self._turn = turn
        self._is_needed = is_needed
        self._load: asyncio.Task[LoadError | None] | None = None
        self._waiting: set[str] = set()
        self._rest_seconds = 0
        self._rests_until_ns = 0

    @property
    def under_way(self) -> bool:
        """Whether the engine loads the model now."""
        return self._load is not None

    def has_room(self, scenario: str) -> bool:
        """Whether a chat of the scenario may wait for the load that is under way."""
        return scenario not in self._waiting

    async def load(self, endpoint: Endpoint, model: str, scenario: str | None) -> LoadError | SkipReason | None:
        """Have the model loaded, by the load that is under way if there is one, and wait for its end as a chat of the scenario.

        None once the model is in memory. A skip where the chat is not to wait, or does not have to: with no scenario, it
        never waits.
        """
        if self._load is None:
            if self._clock.monotonic_ns() < self._rests_until_ns:
                return SkipReason.LOAD_FAILED
            self._load = asyncio.create_task(self._hold(endpoint, model))
            self._load.add_done_callback(self._forget)
        if scenario is None or not self.has_room(scenario):
            return SkipReason.LOADING
        load = self._load
        self._waiting.add(scenario)
        try:
            await asyncio.wait({load})
        finally:
            self._waiting.discard(scenario)
        return SkipReason.LOADING if load.cancelled() else load.result()

    def give_up(self) -> None:
        """End the load that is under way: the engine throws it away."""
        if self._load is not None:
            self._load.cancel()

    async def ended(self) -> None:
        """Wait until no load is under way."""
        if self._load is not None:
            await asyncio.wait({self._load})

    def _forget(self, _: asyncio.Task[LoadError | None]) -> None:
        self._load = None

    async def _hold(self, endpoint: Endpoint, model: str) -> LoadError | None:
        """Have the model loaded once it is this target's turn, unless it came into memory meanwhile."""
        self._tell(True)
        try:
            others_load = self._turn.locked()
            async with self._turn:
                if not others_load or await self._is_needed():
                    return await self._have_it_loaded(endpoint, model)
        except asyncio.CancelledError:
            self._tell(False)
            raise
        self._tell(False)
        return None

    async def _have_it_loaded(self, endpoint: Endpoint, model: str) -> LoadError | None:
        began_ns = self._clock.monotonic_ns()
        _log.info("the engine loads the model, which was allowed", target=self._target, model=model)
        error: LoadError | None = None
        try:
            await self._loader.load(endpoint, model, endpoint.load_timeout_seconds)
        except LoadError as failed:
            error = failed
        seconds = (self._clock.monotonic_ns() - began_ns) / NANOSECONDS
        if error is None:
            self._rest_seconds = 0
            _log.info("the engine has loaded the model", target=self._target, model=model, seconds=round(seconds, 3))
        else:
            self._rest_seconds = min(max(2 * self._rest_seconds, FIRST_REST_SECONDS), LONGEST_REST_SECONDS)
            self._rests_until_ns = self._clock.monotonic_ns() + self._rest_seconds * NANOSECONDS
            _log.warning(
                "the engine has not loaded the model",
                target=self._target,
                model=model,
                cause=error.cause.value,
                detail=error.detail,
                seconds=round(seconds, 3),
                again_after_seconds=self._rest_seconds,
            )
        self._tell(ModelLoad(self._target, seconds, None if error is None else error.cause, "" if error is None else error.detail))
        return error

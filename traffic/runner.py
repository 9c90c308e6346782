"""Has the chats held that are due: around the clock, within the limits, and tells what became of each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Protocol

import structlog

from probes.ask import Ask, ConnectionPolicy, Endpoint, Timeouts
from probes.failure import Failure, Reason
from probes.record import ChatRecord
from traffic.events import Event, Sink, Skip, SkipReason
from traffic.limits import Limits
from traffic.schedule import Clock
from traffic.watch import Watch

GRACE_SECONDS = 15.0
"""How long chats that are under way may take to end when the runner stops."""
CANCEL_SECONDS = 5.0
"""How long cancelled ones may take to come back."""

_log = structlog.get_logger()


class Prober(Protocol):
    """Holds chats; `probes.probing.Prober` does so on the measuring worker. A chat that fails is a record, not an exception."""

    async def chat(
        self, endpoint: Endpoint, ask: Ask, *, scenario: str, timeouts: Timeouts, connection: ConnectionPolicy, due_ns: int | None
    ) -> ChatRecord: ...

    def cancel_all(self) -> None: ...


class Runner:
    """Starts each watch's chats when they are due. Every chat that was due becomes one record or one skip.

    Lateness is never hidden: a chat that starts late carries its due time, and chats that could not even start late are skipped as `missed`.
    """

    def __init__(self, watches: Sequence[Watch], prober: Prober, limits: Limits, clock: Clock, sink: Sink) -> None:
        self._watches = tuple(watches)
        self._prober = prober
        self._limits = limits
        self._clock = clock
        self._tell = sink
        self._schedules: list[asyncio.Task[None]] = []
        self._chats: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running(self) -> bool:
        """Whether chats are being started."""
        return bool(self._schedules) and not self._stopping and not any(task.done() for task in self._schedules)

    def start(self) -> None:
        self._schedules = [asyncio.create_task(self._follow(watch)) for watch in self._watches]
        for schedule in self._schedules:
            schedule.add_done_callback(_report)

    async def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Start no more chats; let those under way end within the grace time, and cancel what is left of them then."""
        self._stopping = True
        for schedule in self._schedules:
            schedule.cancel()
        await asyncio.gather(*self._schedules, return_exceptions=True)
        if self._chats:
            _log.info("waiting for chats to end", chats=len(self._chats), at_most_seconds=grace_seconds)
            await asyncio.wait(self._chats, timeout=grace_seconds)
        if self._chats:
            self._prober.cancel_all()
            await asyncio.wait(self._chats, timeout=CANCEL_SECONDS)
        for chat in self._chats:
            chat.cancel()
        await asyncio.gather(*self._chats, return_exceptions=True)
        for watch in self._watches:
            await watch.served.close()

    async def _follow(self, watch: Watch) -> None:
        while True:
            due = watch.arrivals.next(self._clock.monotonic_ns())
            for _ in range(due.missed):
                self._tell(self._skipped(watch, SkipReason.MISSED))
            await self._clock.sleep_until(due.at_ns)
            self._start(watch, due.at_ns)

    def _start(self, watch: Watch, due_ns: int) -> None:
        refusal = self._limits.admit(watch.endpoint.name)
        if refusal is not None:
            self._tell(self._skipped(watch, refusal))
            return
        chat = asyncio.create_task(self._attempt(watch, due_ns))
        self._chats.add(chat)
        chat.add_done_callback(self._chats.discard)

    async def _attempt(self, watch: Watch, due_ns: int) -> None:
        try:
            event = await self._chat(watch, due_ns)
        except Exception as error:  # noqa: BLE001 - the edge of a probe: whatever breaks is our fault, is counted as such, and probing goes on
            _log.exception("a probe broke", target=watch.endpoint.name, scenario=watch.name)
            event = self._broken(watch, due_ns, error)
        finally:
            self._limits.release(watch.endpoint.name)
        if event is not None:
            self._tell(event)

    async def _chat(self, watch: Watch, due_ns: int) -> Event | None:
        """One chat, to an engine of which perhaps nothing is known but its address: then the chat itself finds out what is wrong with it.

        None if the runner was stopped before the chat could be sent.
        """
        model = await watch.served.model()
        if await watch.served.loaded() is False and not watch.endpoint.load_model:
            return self._skipped(watch, SkipReason.MODEL_NOT_LOADED)
        if self._stopping:
            return None
        record = await self._prober.chat(
            watch.endpoint,
            watch.ask(model),
            scenario=watch.name,
            timeouts=watch.scenario.timeouts,
            connection=watch.scenario.connection,
            due_ns=due_ns,
        )
        if record.input_tokens is not None:
            watch.prompter.learn(record.input_tokens)
        if record.outcome == "failed":
            watch.served.ask_soon()
        return record

    def _skipped(self, watch: Watch, reason: SkipReason) -> Skip:
        return Skip(watch.endpoint.name, watch.name, reason, at=self._clock.epoch_seconds())

    def _broken(self, watch: Watch, due_ns: int, error: Exception) -> ChatRecord:
        now_ns = self._clock.monotonic_ns()
        return ChatRecord(
            target=watch.endpoint.name,
            backend=watch.endpoint.backend,
            model=watch.served.facts.model,
            scenario=watch.name,
            request_id=uuid.uuid4().hex,
            prompt_id="",
            cache=watch.scenario.cache,
            started_at=self._clock.epoch_seconds(),
            started_ns=now_ns,
            ended_ns=now_ns,
            outcome="failed",
            failure=Failure(Reason.INTERNAL, type(error).__name__, now_ns),
            due_ns=due_ns,
        )


def _report(schedule: asyncio.Task[None]) -> None:
    """A schedule that broke starts no more chats: not ready any more, and it has to be said why."""
    if not schedule.cancelled() and (error := schedule.exception()) is not None:
        _log.error("a schedule broke", exc_info=error)

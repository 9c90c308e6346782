"""Holds the chats that are due, as far as they are admitted, and tells what became of each."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypedDict, Unpack

import structlog

from probes import backends
from probes.ask import Ask, ConnectionPolicy, Endpoint, Timeouts
from probes.failure import Failure, Reason
from probes.load import LoadError
from probes.loading import Memory, Place, unanswered
from probes.record import ChatRecord
from traffic.admission import Admission, Ticket
from traffic.conversation import Script, Turn
from traffic.events import Pair, Side, Sink, Skip, SkipReason
from traffic.schedule import Clock
from traffic.served import Served
from traffic.watch import Watch

PAIR_WAITS_SECONDS = 0.5
"""How long the sides of a pair wait for one that does not say which model it has, or where that is: a healthy engine's
chat is not to be late because its peer is silent."""

_log = structlog.get_logger()


class How(TypedDict):
    """How one chat is held. `due_ns` is when its schedule wanted it, `pair_id` what it shares with the chats that it is
    compared with; None where there is none.
    """

    scenario: str
    timeouts: Timeouts
    connection: ConnectionPolicy
    due_ns: int | None
    pair_id: str | None


class Prober(Protocol):
    """Holds chats.

    `probes.probing.Prober` does so on the measuring worker. A chat that fails is a record, not an exception.
    """

    async def chat(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord:
        """Hold one chat, and give its record."""
        ...

    async def reach(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord | None:
        """See whether the engine can be reached, in place of a chat.

        Gives the record of a chat that failed by that, None where the engine can be reached.
        """
        ...

    def cancel_all(self) -> None:
        """End all chats that are under way; their records say `cancelled`."""
        ...


@dataclass(frozen=True, slots=True)
class _Ready:
    """What a chat asks for. `place` is where the model is."""

    model: str
    place: Place


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A chat whose model had to be loaded before, admitted and made ready again."""

    ticket: Ticket
    ready: _Ready


@dataclass(frozen=True, slots=True)
class _Due:
    """One turn that is due: what is to be said, in which scenario, and when."""

    watch: Watch
    script: Script
    turn: Turn
    due_ns: int
    pair_id: str | None


class Attempts:
    """Makes one record or one skip of each chat that is due, for each of its targets.

    A paired chat becomes a `Pair` besides. `leads` says whether this replica may chat. While it may not, chats that are
    due leave no trace here: another replica holds them.
    """

    def __init__(self, prober: Prober, admission: Admission, clock: Clock, tell: Sink, leads: Callable[[], bool]) -> None:
        self._prober = prober
        self._admission = admission
        self._clock = clock
        self._tell = tell
        self._leads = leads
        self._running: set[asyncio.Task[bool]] = set()
        self._waiting: set[asyncio.Task[LoadError | SkipReason | None]] = set()
        self._closed = False

    @property
    def running(self) -> set[asyncio.Task[bool]]:
        """The chats that are under way. All sides of a pair are one of them."""
        return self._running

    def close(self) -> None:
        """Send no more chats. A chat that is not sent yet leaves no trace."""
        self._closed = True
        for waiting in self._waiting:
            waiting.cancel()

    def skip(self, watch: Watch, reason: SkipReason, count: int = 1) -> None:
        """Tell that so many chats of the watch were due and are held with none of its targets."""
        if self._leads():
            for engine in watch.engines:
                self._tell(self._skipped(watch, engine, reason, count))

    def start(self, watch: Watch, script: Script, turn: Turn, due_ns: int) -> asyncio.Task[bool] | None:
        """Send what may be sent now.

        The task's result is whether the chat went well with all targets. None is given where the chat is held with no
        target at all.
        """
        if not self._leads():
            return None
        admitted: list[tuple[Served, Ticket]] = []
        refused: list[Side] = []
        pair_id = uuid.uuid4().hex if watch.scenario.pair else None
        for engine in _in_order(watch.engines, pair_id):
            verdict = self._admit(watch, turn, engine)
            if isinstance(verdict, SkipReason):
                self._tell(self._skipped(watch, engine, verdict))
                refused.append(Side(engine.name, None, verdict))
            else:
                admitted.append((engine, verdict))
        due = _Due(watch, script, turn, due_ns, pair_id)
        if not admitted:
            self._tell_pair(due, refused)
            return None
        chat = asyncio.create_task(self._hold(due, admitted, refused))
        self._running.add(chat)
        chat.add_done_callback(self._running.discard)
        return chat

    def _admit(self, watch: Watch, turn: Turn, engine: Served) -> Ticket | SkipReason:
        """Leave to send a chat to one engine. While that loads its model, this is why none is sent."""
        if engine.loading.under_way and (watch.scenario.pair or not engine.loading.has_room(watch.name)):
            return SkipReason.LOADING
        tokens = turn.input_tokens + backends.get(engine.endpoint.backend).longest_answer(watch.max_tokens(turn))
        verdict = self._admission.admit(engine.name, watch.name, tokens=tokens, yields=watch.scenario.yields)
        return SkipReason.LOADING if isinstance(verdict, SkipReason) and engine.loading.under_way else verdict

    async def _hold(self, due: _Due, admitted: Sequence[tuple[Served, Ticket]], refused: Sequence[Side]) -> bool:
        """Hold the chat with all that are admitted.

        All sides are made ready first, so that those of a pair are sent at one instant.
        """
        patience = None if due.pair_id is None else PAIR_WAITS_SECONDS
        ready = await asyncio.gather(*(_make_ready(engine, patience) for engine, _ in admitted), return_exceptions=True)
        sides = await asyncio.gather(*(self._attempt(due, engine, ticket, one) for (engine, ticket), one in zip(admitted, ready, strict=True)))
        ended = [*(side for side in sides if side is not None), *refused]
        self._tell_pair(due, ended)
        return len(ended) == len(due.watch.engines) and all(side.record is not None and side.record.outcome == "ok" for side in ended)

    async def _attempt(self, due: _Due, engine: Served, ticket: Ticket, ready: _Ready | SkipReason | BaseException) -> Side | None:
        """One target's side of the chat.

        None if chatprobe stopped, or lost its lease, before the chat could be sent.
        """
        if isinstance(ready, _Ready) and engine.must_load(ready.place):
            self._admission.release(ticket, None)  # a chat that waits for a load takes no other chat's place
            loaded = await self._after_loading(due, engine)
            if not isinstance(loaded, _Loaded):
                return self._ended(engine, loaded)
            due, ticket, ready = replace(due, due_ns=self._clock.monotonic_ns()), loaded.ticket, loaded.ready
        event: ChatRecord | Skip | None = None
        try:
            match ready:
                case BaseException():
                    raise ready
                case SkipReason():
                    event = self._skipped(due.watch, engine, ready)
                case _Ready() if not self._closed and self._leads():
                    event = await self._chat(due, engine, ready)
        except Exception as error:  # noqa: BLE001 - the edge of a probe: whatever breaks is our fault, is counted as such, and probing goes on
            _log.exception("a probe broke", target=engine.name, scenario=due.watch.name)
            event = self._unsent(due, engine, Reason.INTERNAL, type(error).__name__)
        finally:
            self._admission.release(ticket, event if isinstance(event, ChatRecord) else None)
        return self._ended(engine, event)

    async def _after_loading(self, due: _Due, engine: Served) -> _Loaded | ChatRecord | Skip | None:
        """Have the model loaded, and make the chat ready again once it is; else what becomes of the chat.

        None as of `_attempt`.
        """
        loading = asyncio.create_task(engine.load(due.watch.name if due.pair_id is None else None))
        self._waiting.add(loading)
        try:
            await asyncio.wait({loading})
        finally:
            self._waiting.discard(loading)
            loading.cancel()
        if loading.cancelled() or self._closed or not self._leads():
            return None
        match loading.result():
            case LoadError() as error:
                return self._unsent(replace(due, due_ns=self._clock.monotonic_ns()), engine, Reason.MODEL_LOAD, error.detail)
            case SkipReason() as reason:
                return self._skipped(due.watch, engine, reason)
        ready = await _make_ready(engine, None)
        if isinstance(ready, SkipReason):
            return self._skipped(due.watch, engine, ready)
        gone_already = engine.must_load(ready.place)
        verdict = SkipReason.LOADING if gone_already else self._admit(due.watch, due.turn, engine)
        return self._skipped(due.watch, engine, verdict) if isinstance(verdict, SkipReason) else _Loaded(verdict, ready)

    def _ended(self, engine: Served, event: ChatRecord | Skip | None) -> Side | None:
        """Tell of a chat that is over at one target."""
        if event is None:
            return None
        self._tell(event)
        return Side(engine.name, event, None) if isinstance(event, ChatRecord) else Side(engine.name, None, event.reason)

    async def _chat(self, due: _Due, engine: Served, ready: _Ready) -> ChatRecord | Skip:
        silent = ready.place.memory is Memory.SILENT and not engine.endpoint.load_model
        record = await (self._prober.reach if silent else self._prober.chat)(
            engine.endpoint,
            due.watch.ask(engine, ready.model, due.turn, ready.place.context_tokens),
            scenario=due.watch.name,
            timeouts=due.watch.scenario.timeouts,
            connection=due.watch.scenario.connection,
            due_ns=due.due_ns,
            pair_id=due.pair_id,
        )
        if record is None:
            return self._skipped(due.watch, engine, SkipReason.MODEL_NOT_LOADED)
        if not silent:
            engine.took(record)
            engine.went_without(record.left_out)
        if record.input_tokens is not None and not record.prompt_cut:
            due.script.learn(due.turn, record.input_tokens)
        if record.outcome == "ok":
            due.turn.answered(engine.name, record.text)
        elif record.outcome == "failed":
            engine.ask_soon()
        return record

    def _tell_pair(self, due: _Due, sides: Sequence[Side]) -> None:
        """Tell of a pair that is over at all its targets.

        It is not where chatprobe stopped before all sides were sent.
        """
        if due.pair_id is not None and len(sides) == len(due.watch.engines):
            self._tell(Pair(due.watch.name, due.pair_id, tuple(sides)))

    def _skipped(self, watch: Watch, engine: Served, reason: SkipReason, count: int = 1) -> Skip:
        return Skip(engine.name, watch.name, reason, at=self._clock.epoch_seconds(), count=count)

    def _unsent(self, due: _Due, engine: Served, reason: Reason, detail: str) -> ChatRecord:
        """The record of a chat that failed before anything of it was sent."""
        now_ns = self._clock.monotonic_ns()
        return ChatRecord(
            target=engine.name,
            backend=engine.endpoint.backend,
            model=engine.facts.model,
            scenario=due.watch.name,
            request_id=uuid.uuid4().hex,
            pair_id=due.pair_id,
            prompt_id=due.turn.prompt_id,
            cache=due.watch.scenario.cache,
            started_at=self._clock.epoch_seconds(),
            started_ns=now_ns,
            ended_ns=now_ns,
            outcome="failed",
            failure=Failure(reason, detail, now_ns),
            due_ns=due.due_ns,
        )


def _in_order(engines: Sequence[Served], pair_id: str | None) -> Sequence[Served]:
    """The order in which the engines are sent to.

    It is by chance for the sides of a pair: none is always the first, while the others are still being sent.
    """
    return engines if pair_id is None else random.Random(pair_id).sample(engines, len(engines))


async def _make_ready(engine: Served, patience_seconds: float | None) -> _Ready | SkipReason:
    """What to ask for, or why the chat is not to be sent.

    Where the engine does not answer within the patience, the model is the one that is known so far, perhaps none, and
    nothing is known of its place. `patience_seconds` is None where only the questions' own timeouts count.
    """
    try:
        async with asyncio.timeout(patience_seconds):
            model = await engine.model()
            place = await engine.place()
    except TimeoutError:
        model, place = engine.facts.model, unanswered(engine.endpoint)
    return engine.refusal(place) or _Ready(model, place)

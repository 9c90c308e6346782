"""An engine, its control calls and the time, all under the test's hand."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TypeVar, Unpack

import orjson

from config.model import Config
from config.reader import parse
from probes import backends
from probes.ask import Ask, Endpoint
from probes.backends.backend import Backend
from probes.control import ControlError, NoAnswerError
from probes.failure import Failure, Reason
from probes.load import LoadError
from probes.numbers.loaded import ListedModel, LoadedModel, ModelDetails
from probes.own_account import Native
from probes.record import ChatRecord, Load
from traffic.attempts import How
from traffic.events import Event

SECOND_NS = 1_000_000_000
T = TypeVar("T")


@dataclass
class FakeClock:
    """Stands still until the test moves it. `settle` lets whatever can run come to rest."""

    now_ns: int = 0
    sleepers: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)

    def monotonic_ns(self) -> int:
        return self.now_ns

    def epoch_seconds(self) -> float:
        return 1_800_000_000 + self.now_ns / SECOND_NS

    async def sleep_until(self, monotonic_ns: int) -> None:
        if monotonic_ns > self.now_ns:
            future = asyncio.get_running_loop().create_future()
            self.sleepers.append((monotonic_ns, future))
            await future

    async def advance(self, seconds: float) -> None:
        """Move on, and wake everyone whose time has come, in order and each at their own time."""
        until_ns = self.now_ns + round(seconds * SECOND_NS)
        await settle()
        while due := [sleeper for sleeper in self.sleepers if sleeper[0] <= until_ns]:
            first = min(due, key=lambda sleeper: sleeper[0])
            self.sleepers.remove(first)
            self.now_ns = max(self.now_ns, first[0])
            if not first[1].done():
                first[1].set_result(None)
            await settle()
        self.now_ns = until_ns

    async def jump(self, seconds: float) -> None:
        """Move on at once, as when the process was held: everyone wakes late."""
        self.now_ns += round(seconds * SECOND_NS)
        await self.advance(0)


async def settle() -> None:
    """Every task that can run has run."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class FakeProber:
    """Answers each chat at once or after `takes_seconds`, or holds all chats until `let_go` or `cancel_all`. Targets that are `dead` refuse."""

    clock: FakeClock
    hold: bool = False
    reason: Reason | None = None
    asks: list[tuple[str, Ask]] = field(default_factory=list)
    endpoints: list[Endpoint] = field(default_factory=list)
    takes_seconds: float = 0
    text: str = "An answer."
    input_tokens: int = 1
    failed_check: str | None = None
    dead: set[str] = field(default_factory=set)
    cancelled: bool = False
    heeds_cancel: bool = True
    load: Load | None = None
    """What its chats say of loads, which take a second."""
    answers: bool = False
    """Whether an engine that is reached for answers."""
    reached: list[str] = field(default_factory=list)
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def chat(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord:
        self.asks.append((endpoint.name, ask))
        self.endpoints.append(endpoint)
        request_id = f"{len(self.asks):032}"
        started_ns = self.clock.now_ns
        if self.hold:
            await self._gate.wait()
        elif self.takes_seconds:
            await self.clock.sleep_until(started_ns + round(self.takes_seconds * SECOND_NS))
        reason = Reason.CONNECT if endpoint.name in self.dead else self.reason
        outcome = "cancelled" if self.cancelled else "failed" if reason else "ok"
        return ChatRecord(
            target=endpoint.name,
            backend=endpoint.backend,
            model=ask.model,
            scenario=how["scenario"],
            request_id=request_id,
            prompt_id=ask.prompt_id,
            cache=ask.cache,
            started_at=self.clock.epoch_seconds(),
            started_ns=started_ns,
            ended_ns=self.clock.now_ns,
            outcome=outcome,  # type: ignore[arg-type]
            failure=Failure(reason, "", self.clock.now_ns) if outcome == "failed" and reason else None,
            due_ns=how["due_ns"],
            pair_id=how["pair_id"],
            text=self.text if outcome == "ok" else "",
            input_tokens=self.input_tokens,
            failed_check=self.failed_check,
            output_tokens=1,
            load=self.load,
            native=Native(load_seconds=1 if self.load else 0.001),
        )

    async def reach(self, endpoint: Endpoint, ask: Ask, **how: Unpack[How]) -> ChatRecord | None:
        self.reached.append(endpoint.name)
        if self.answers:
            return None
        return ChatRecord(
            target=endpoint.name,
            backend=endpoint.backend,
            model=ask.model,
            scenario=how["scenario"],
            request_id="0" * 32,
            prompt_id=ask.prompt_id,
            cache=ask.cache,
            started_at=self.clock.epoch_seconds(),
            started_ns=self.clock.now_ns,
            ended_ns=self.clock.now_ns,
            outcome="failed",
            failure=Failure(Reason.CONNECT, "", self.clock.now_ns),
            due_ns=how["due_ns"],
            pair_id=how["pair_id"],
        )

    def let_go(self) -> None:
        self._gate.set()

    def cancel_all(self) -> None:
        self.cancelled = True
        if self.heeds_cancel:
            self._gate.set()


@dataclass
class FakeControl:
    """Answers from its fields; None for what it is asked means no answer."""

    listed: tuple[str, ...] | None = ("tiny",)
    in_memory: bool = False
    """Whether all that it lists is in memory."""
    context_tokens: float | None = 4096
    release: str | None = "1.0"
    longest: int | None = 4096
    silent: bool = False
    is_ollama: bool = False
    known_as: dict[str, str] = field(default_factory=dict)
    """Digests of models that it lists."""
    loaded_as: dict[str, str] = field(default_factory=dict)
    """Digests of models in memory."""
    untold: bool = False
    """Whether it does not say what is in memory."""
    load_error: LoadError | None = None
    """How loads end; None: well."""
    loading: int = 0
    """Loads that are under way. They are until `let_load`."""
    questions: list[str] = field(default_factory=list)
    _gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]:
        self._asked("models")
        if self.listed is None:
            raise ControlError("no list")
        return self.listed

    async def answering(self, endpoint: Endpoint, model: str) -> str:
        listed = await self.models(endpoint)
        backend = backends.get(endpoint.backend)
        body = orjson.dumps({"data": [{"id": name} for name in listed]})
        return backend.answering(model, body) if backend.ignores_names else model

    async def loaded_models(self, endpoint: Endpoint) -> tuple[LoadedModel, ...]:
        self._asked("loaded")
        if self.untold:
            raise ControlError("status 403")
        names = self.loaded_as or (self.listed if self.in_memory else None) or ()
        return tuple(LoadedModel(name, context_tokens=self.context_tokens, digest=self.loaded_as.get(name)) for name in names)

    async def listed_models(self, endpoint: Endpoint) -> tuple[ListedModel, ...]:
        self._asked("listed")
        if self.listed is None:
            raise ControlError("no list")
        return tuple(ListedModel(name, self.known_as.get(name)) for name in self.listed)

    async def details(self, endpoint: Endpoint, model: str, digest: str | None = None) -> ModelDetails | None:
        self._asked("details")
        return None

    def remembered(self, digest: str | None) -> ModelDetails | None:
        return None

    async def load(self, endpoint: Endpoint, model: str, timeout_seconds: float) -> None:
        self._asked("load")
        self.loading += 1
        try:
            await self._gate.wait()
        finally:
            self.loading -= 1
        if self.load_error is not None:
            raise self.load_error
        self.in_memory = True

    def let_load(self) -> None:
        """End the load that is under way."""
        self._gate.set()

    async def version(self, endpoint: Endpoint) -> str | None:
        self._asked("version")
        return self.release

    async def longest_chat(self, endpoint: Endpoint, model: str) -> int | None:
        self._asked("longest_chat")
        return self.longest

    async def loader_behind(self, endpoint: Endpoint) -> Backend | None:
        return backends.get("ollama") if self.is_ollama and backends.get(endpoint.backend).generic else None

    def _asked(self, question: str) -> None:
        self.questions.append(question)
        if self.silent:
            raise NoAnswerError("connection refused")


@dataclass
class Heard:
    """A sink that keeps what it hears."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


def config(
    targets: str = "vllm: {backend: vllm, url: 'http://engine:8000', model: tiny}",
    scenario: str = "every: 10s",
    limits: str = "{}",
    prompt: str = "prompt: {text: Hello}",
) -> Config:
    said = f"{scenario}, {prompt}" if prompt else scenario
    return parse(f"targets:\n  {targets}\nscenarios:\n  heartbeat: {{{said}}}\nlimits: {limits}\n").config

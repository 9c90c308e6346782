"""What each target's engine serves: the model that chats ask for, its version, whether the model is in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from probes import backends, loading
from probes.ask import UNKNOWN_MODEL, Endpoint
from probes.backends.backend import Backend
from probes.control import ControlError
from probes.failure import Reason
from probes.load import LoadError
from probes.loading import Memory, Namesake, Place, chosen, must_load, place, remember
from probes.record import ChatRecord
from probes.spare import told
from traffic.events import Facts, ModelLoad, Sink, SkipReason
from traffic.holding import Holding
from traffic.loading import Loading
from traffic.schedule import NANOSECONDS, Clock

SURELY_LOADED_SECONDS = 1.0
"""An engine that is short of CPU takes a part of a second to answer. So one shorter load is told, and a second one within
an hour holds chats back."""
LATELY_NS = 3600 * NANOSECONDS
ASK_AGAIN_AFTER_NS = 60 * NANOSECONDS

_log = structlog.get_logger()


class Questions(loading.Questions, Protocol):
    """Questions to engines, which `probes.control.Control` asks over HTTP.

    Each raises `ControlError` where no usable answer came.
    """

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]: ...

    async def answering(self, endpoint: Endpoint, model: str) -> str: ...

    async def version(self, endpoint: Endpoint) -> str | None: ...

    async def longest_chat(self, endpoint: Endpoint, model: str) -> int | None: ...

    async def load(self, endpoint: Endpoint, model: str, timeout_seconds: float) -> None: ...

    async def loader_behind(self, endpoint: Endpoint) -> Backend | None: ...


class Served:
    """Keeps the facts of one target, and tells `sink` when they change.

    The engine's list of models is read when the first chat is due, again once a minute, and after a chat that failed.
    Chats wait for it only while no model's name is known. Where a question gets no answer, the facts stay as they were:
    the chat itself shows what is wrong.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        control: Questions,
        clock: Clock,
        sink: Sink,
        *,
        model: str = UNKNOWN_MODEL,
        load_turn: asyncio.Lock | None = None,
    ) -> None:
        """`model` is the name that was known before. It is kept until the engine does not list it any more, where none is configured.

        `load_turn` is held while the engine loads a model, and shared by all its targets.
        """
        self._endpoint = endpoint
        self._control = control
        self._clock = clock
        self._sink = sink
        self._facts = Facts(endpoint.name, model=model if endpoint.configured_model == UNKNOWN_MODEL else endpoint.configured_model)
        self._is_named = endpoint.model is None or not backends.get(endpoint.backend).ignores_names
        self._holding = Holding(clock)
        self._loaded_ns: int | None = None
        self._proven: Namesake | None = None
        self._loaded_while_untold = False
        self._loading = Loading(endpoint.name, control, clock, self._loads, turn=load_turn or asyncio.Lock(), is_needed=self._still_must_load)
        self._ended_without_answer = False
        self._context_is_untold = False
        self._untold = ""
        self._looked_behind = False
        self._asking: asyncio.Task[None] | None = None
        self._ask_again_ns: int | None = None
        self._gone = False

    @property
    def name(self) -> str:
        """The target's name."""
        return self._endpoint.name

    @property
    def endpoint(self) -> Endpoint:
        """How the engine is reached now. Keys and certificates may change from one chat to the next."""
        return self._endpoint

    @property
    def facts(self) -> Facts:
        """What is known now."""
        return self._facts

    def use(self, endpoint: Endpoint) -> bool:
        """Reach the engine like this from now on.

        False if it may be another engine or another model: then nothing is changed.
        """
        if _engine(endpoint) != _engine(self._endpoint):
            return False
        if (endpoint.load_model, endpoint.adaptation) != (self._endpoint.load_model, self._endpoint.adaptation):
            self._let_go()
        if not endpoint.load_model:
            self._loading.give_up()
        self._endpoint = endpoint
        return True

    @property
    def loading(self) -> Loading:
        """The loads that chats of this target have to wait for."""
        return self._loading

    def must_load(self, found: Place) -> bool:
        """Whether the model has to be loaded before a chat is sent, and may be."""
        return must_load(self._endpoint, found) and not (found.memory is Memory.UNTOLD and self._loaded_while_untold)

    async def load(self, scenario: str | None) -> LoadError | SkipReason | None:
        """Have the model loaded (`Loading.load`)."""
        ended = await self._loading.load(self._endpoint, self._facts.model, scenario)
        if ended is None:
            found = await place(self._control, self._endpoint, self._facts.model)
            self._proven, self._loaded_while_untold = found.namesake, found.memory is Memory.UNTOLD
        return ended

    async def model(self) -> str:
        """The name of the model to chat with: the configured one, or the one that the engine listed first.

        Where the engine ignores the configured name, it is that of the model which answers: chats ask for that, and are
        told by it. So they wait for its answer until it has told that once.

        Of an engine that loads on demand it is one in memory, if there is one that can chat (`probes.loading.chosen`). It
        is `unknown` if the engine listed none.
        """
        unknown = self._facts.model == UNKNOWN_MODEL
        if self._asking is None and (unknown or self._ask_again_ns is None or self._clock.monotonic_ns() >= self._ask_again_ns):
            self._asking = asyncio.create_task(self._ask())
        if (unknown or not self._is_named) and self._asking is not None:
            await asyncio.shield(self._asking)
        return self._facts.model

    async def place(self) -> Place:
        """Where the model is right now, asked anew each time."""
        found = await self._found()
        self._tell_untold(found)
        match found.memory:
            case Memory.LOADED:
                self._is_loaded(found.context_tokens)
            case Memory.UNLOADED:
                self._learn(replace(self._facts, model_loaded=False, context_tokens=None))
                if self._ended_without_answer and not self._endpoint.load_model:
                    self._hold_back("a chat ended without an answer, and the model was not in memory any more: the load that it began ended with it")
            case Memory.ALWAYS | Memory.UNTOLD:
                self._learn(replace(self._facts, model_loaded=None, context_tokens=None))
        if found.memory not in (Memory.UNTOLD, Memory.SILENT):
            self._ended_without_answer = self._loaded_while_untold = False
        return found

    async def _found(self) -> Place:
        found = await place(self._control, self._endpoint, self._facts.model)
        if found.namesake is not None and found.namesake == self._proven:
            return found.namesake.place
        return found

    async def _still_must_load(self) -> bool:
        return self.must_load(await self._found())

    def _tell_untold(self, found: Place) -> None:
        """Say, once for each cause, why it is not known where the model is, while the engine answers."""
        detail = found.detail if found.memory is Memory.UNTOLD else ""
        if detail and detail != self._untold:
            _log.warning(
                "the engine does not tell whether the model is in memory",
                target=self.name,
                model=self._facts.model,
                detail=detail,
                cost="it is loaded before the first chat, in memory or not"
                if self._endpoint.load_model
                else "no chat is sent, as it might load it; load_model: true allows it",
            )
        self._untold = detail

    def refusal(self, found: Place) -> SkipReason | None:
        """Why no chat may be sent with the model in this place; None where one may, or where nobody answers."""
        if self._endpoint.load_model:
            return None
        if found.memory in (Memory.UNLOADED, Memory.UNTOLD):
            return SkipReason.MODEL_NOT_LOADED
        return SkipReason.LOADS_MODEL if found.memory is Memory.LOADED and self._holding.holds else None

    def took(self, record: ChatRecord) -> None:
        """A chat that was sent has ended: what it tells of loads.

        Where the model has to be loaded for longer than a chat waits, the load ends with the chat, and the model is gone.
        """
        if record.load == "unwanted":
            seconds = record.native.load_seconds or 0
            if self._has_loaded_lately() or seconds >= SURELY_LOADED_SECONDS:
                self._hold_back(f"a chat had the engine load the model anew, for {seconds:.2g} s")
            self._loaded_ns = self._clock.monotonic_ns()
        elif record.outcome == "ok" and self._holding.end_by(record.started_ns):
            self._learn(replace(self._facts, held_back=None))
        self._ended_without_answer = record.reason in (Reason.FIRST_TOKEN_TIMEOUT, Reason.TIMEOUT) and record.headers_ns is None
        self._loaded_while_untold &= not self._ended_without_answer

    def _loads(self, told: ModelLoad | bool) -> None:
        self._learn(replace(self._facts, loading_since=self._clock.epoch_seconds() if told is True else None))
        if isinstance(told, ModelLoad) and not self._gone:
            self._sink(told)

    def _is_loaded(self, context_tokens: int | None) -> None:
        if context_tokens is None and not self._context_is_untold:
            self._context_is_untold = True
            _log.warning(
                "the engine does not tell the context of the model in memory: chats go without it",
                target=self.name,
                cost="where its users chat with another context than its default, each chat loads the model anew",
            )
        self._learn(replace(self._facts, model_loaded=True, context_tokens=context_tokens))

    def _has_loaded_lately(self) -> bool:
        """Whether chats were held back until this one, or one before it had the model loaded a while ago."""
        if self._facts.held_back is not None:
            return True
        return self._loaded_ns is not None and self._clock.monotonic_ns() - self._loaded_ns < LATELY_NS

    def _hold_back(self, cause: str) -> None:
        seconds = self._holding.begin()
        _log.warning("chats have the model loaded, which nobody allowed, and are held back", target=self.name, cause=cause, seconds=seconds)
        self._learn(replace(self._facts, held_back=cause))

    def _let_go(self) -> None:
        self._holding.end()
        self._loaded_ns = None
        self._learn(replace(self._facts, held_back=None))

    def went_without(self, left_out: tuple[str, ...]) -> None:
        """A chat's request went without these fields, as the engine had refused them."""
        if new := set(left_out) - set(self._facts.left_out):
            _log.warning("the target refuses fields, and chats go without them", target=self.name, cost=told(new))
        self._learn(replace(self._facts, left_out=left_out))

    def ask_soon(self) -> None:
        """A chat failed, so the engine may not be what it was: ask it before the next one."""
        self._ask_again_ns = None

    def leave(self) -> None:
        """Tell nothing more of this engine: the target is gone, or another engine took its name.

        Chats under way are not held up. A load that is under way is given up.
        """
        self._gone = True
        self._loading.give_up()

    async def close(self) -> None:
        """Tell nothing more, and ask nothing more."""
        self.leave()
        await self._loading.ended()
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        try:
            models = await self._control.models(self._endpoint)
            model = await self._choose(models)
            served = backends.get(self._endpoint.backend).listed(model, models) or _only(models)
            self._learn(replace(self._facts, model=model, served_model=served))
            longest = await self._control.longest_chat(self._endpoint, model)
            self._learn(replace(self._facts, max_model_len=longest))
            version = await self._control.version(self._endpoint)
            self._learn(replace(self._facts, backend_version=version))
            await self._look_behind()
            await remember(self._control, self._endpoint, model)
        except ControlError as error:
            _log.debug("no answer on models and version", target=self._endpoint.name, detail=str(error))
        finally:
            self._ask_again_ns = self._clock.monotonic_ns() + ASK_AGAIN_AFTER_NS
            self._asking = None

    async def _look_behind(self) -> None:
        """Say once, of an engine that loads on demand, that it is spoken to by a form that cannot keep it from that."""
        if self._looked_behind:
            return
        self._looked_behind = True
        loader = await self._control.loader_behind(self._endpoint)
        if loader is not None:
            _log.warning(
                "the target may load the model for each chat, or load it anew for others",
                target=self.name,
                cause=f"{loader.title} answers there, and the backend {self._endpoint.backend} cannot say how the model is to be",
                remedy=f"write backend: {loader.name}",
            )

    async def _choose(self, models: Sequence[str]) -> str:
        held = self._facts.model
        if self._endpoint.model is not None:
            return await self._answering(self._endpoint.model)
        if self._endpoint.adapter is not None or not models:
            return held
        if backends.get(self._endpoint.backend).on_demand is not None:
            return await chosen(self._control, self._endpoint, None if held == UNKNOWN_MODEL else held) or held
        return held if held in models else models[0]

    async def _answering(self, wanted: str) -> str:
        model = await self._control.answering(self._endpoint, wanted)
        self._is_named = True
        if model not in (wanted, self._facts.model):
            _log.warning(
                "the engine does not have the configured model, and answers by the one that it has: chats ask for that, and are told by its name",
                target=self.name,
                configured=wanted,
                model=model,
                remedy=backends.get(self._endpoint.backend).naming_remedy(wanted, model),
            )
        return model

    def _learn(self, facts: Facts) -> None:
        if facts.model != self._facts.model:
            self._holding.end()
            self._loaded_while_untold = False
            facts = replace(facts, held_back=None)
        if facts != self._facts:
            self._facts = facts
            if not self._gone:
                self._sink(facts)


def _engine(endpoint: Endpoint) -> tuple[object, ...]:
    way = endpoint.adaptation
    return endpoint.backend, endpoint.url, endpoint.api, endpoint.model, endpoint.adapter, way.chat_path, way.query


def _only(models: Sequence[str]) -> str | None:
    """The one model that the engine lists, under its own name for it. None if it lists several."""
    return models[0] if len(models) == 1 else None

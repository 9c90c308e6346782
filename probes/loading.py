"""Whether a chat would have its engine load a model: asked before each chat, since nobody but the engine's owner gives leave to that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from probes import backends
from probes.ask import Endpoint
from probes.backends.backend import Backend
from probes.control import ControlError, MissingError, NoAnswerError
from probes.numbers.loaded import ListedModel, LoadedModel, ModelDetails

T = TypeVar("T")


class Memory(Enum):
    """Where a model is. Only of `ALWAYS`, `LOADED` and `ABSENT` it is known that a chat loads nothing."""

    ALWAYS = "always"
    """The engine serves only what it has in memory, or what another server has."""
    LOADED = "loaded"
    UNLOADED = "unloaded"
    ABSENT = "absent"
    """The engine does not have it at all, and says so to a chat."""
    SILENT = "silent"
    """The engine answers nothing: it is down, or it hangs."""
    UNTOLD = "untold"
    """It answers, but not this."""


@dataclass(frozen=True, slots=True)
class Namesake:
    """A model in memory that is listed no more: its name was given to another since it was loaded, or deleted.

    It serves chats with the other too where that has the same files, as after a change of its prompt alone. Nobody tells
    that, since there is no name left to ask by. It is so where a load of the other went through and this is
    what is in memory still.
    """

    digest: str
    model_digest: str
    """Of the other."""
    context_tokens: int | None

    @property
    def place(self) -> Place:
        """That of the other, once it is known that this one serves it."""
        return Place(Memory.LOADED, self.context_tokens)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model is right now.

    `context_tokens` is the context that a loaded one has: a chat that says another, or none, may load it anew. It is
    None where the engine does not tell it, or where it does not matter. `detail` says why it could not be told where
    the model is. `namesake` is set for one that is not in memory by what the engine tells, and may be.
    """

    memory: Memory
    context_tokens: int | None = None
    detail: str = ""
    namesake: Namesake | None = None


class Questions(Protocol):
    """Questions to engines that load on demand; `probes.control.Control` asks them over HTTP.

    Each raises `ControlError` where no usable answer came.
    """

    async def loaded_models(self, endpoint: Endpoint) -> tuple[LoadedModel, ...]: ...

    async def listed_models(self, endpoint: Endpoint) -> tuple[ListedModel, ...]: ...

    async def details(self, endpoint: Endpoint, model: str, digest: str | None = None) -> ModelDetails | None: ...

    def remembered(self, digest: str | None) -> ModelDetails | None:
        """The details of the model with this digest if they were asked for once: by its name of now they may be another's."""
        ...


async def place(control: Questions, endpoint: Endpoint, model: str) -> Place:
    """Where the model is, by this name or another that the engine takes for the same. Raises nothing."""
    backend = backends.get(endpoint.backend)
    if backend.on_demand is None:
        return Place(Memory.ALWAYS)
    listed, loaded = await asyncio.gather(_answer(control.listed_models(endpoint)), _answer(control.loaded_models(endpoint)))
    entry = None if isinstance(listed, ControlError) else _entry(backend, model, listed)
    if entry is not None and entry.remote:
        return Place(Memory.ALWAYS)
    if isinstance(loaded, ControlError):
        silent = isinstance(loaded, NoAnswerError) and isinstance(listed, NoAnswerError)
        return Place(Memory.SILENT if silent else Memory.UNTOLD, detail=str(loaded))
    if isinstance(listed, ControlError):
        return _placed(_called(backend, model, loaded))
    try:
        if entry is None:
            return await _unlisted(control, endpoint, backend, model, loaded, listed)
        runner = await _runner(control, endpoint, backend, entry, loaded, listed)
        return _placed(runner) if runner is not None else Place(Memory.UNLOADED, namesake=_namesake(backend, entry, loaded, listed))
    except ControlError as error:
        return Place(Memory.UNTOLD, detail=str(error))


def must_load(endpoint: Endpoint, found: Place) -> bool:
    """Whether a model in this place is to be loaded before a chat with it is sent: it may be, and its engine can without one.

    Where it is not told whether it is in memory, a load does nothing to one that is, and has more patience than a chat with one that is not.
    """
    on_demand = backends.get(endpoint.backend).on_demand
    return found.memory in (Memory.UNLOADED, Memory.UNTOLD) and endpoint.load_model and on_demand is not None and on_demand.load is not None


def unanswered(endpoint: Endpoint) -> Place:
    """The place of a model after which nobody could be asked."""
    return Place(Memory.ALWAYS if backends.get(endpoint.backend).on_demand is None else Memory.SILENT)


async def remember(control: Questions, endpoint: Endpoint, model: str) -> None:
    """Have `control` know the model's details, for the time when its name means another and this one is in memory still. Raises `ControlError`."""
    backend = backends.get(endpoint.backend)
    if backend.on_demand is None or backend.on_demand.details is None:
        return
    entry = _entry(backend, model, await control.listed_models(endpoint))
    if entry is not None and entry.digest is not None and not entry.remote:
        await control.details(endpoint, entry.name, entry.digest)


async def chosen(control: Questions, endpoint: Endpoint, held: str | None) -> str | None:
    """The model to chat with where none is configured, of an engine that loads on demand; `held` is the one so far.

    It is one that can chat: `held` while that is in memory, else another that is, else `held` while it is listed, else
    the newest, those of other servers last. None where nothing is listed. Raises `ControlError`.
    """
    backend = backends.get(endpoint.backend)
    listed, loaded = await asyncio.gather(control.listed_models(endpoint), _answer(control.loaded_models(endpoint)))
    in_memory = [] if isinstance(loaded, ControlError) else [one for runner in loaded for one in listed if _is_of(backend, one, runner)]
    known = [one for one in listed if held is not None and _is_called(backend, one.name, held)]
    here = [one for one in listed if not one.remote]
    for one in dict.fromkeys((*(one for one in known if one in in_memory), *in_memory, *known, *here, *listed)):
        if await _chats(control, endpoint, one):
            return one.name
    return listed[0].name if listed else None


async def _answer(asked: Awaitable[T]) -> T | ControlError:
    try:
        return await asked
    except ControlError as error:
        return error


def _is_called(backend: Backend, name: str, model: str) -> bool:
    return backend.model_key(name) == backend.model_key(model)


def _entry(backend: Backend, model: str, listed: Sequence[ListedModel]) -> ListedModel | None:
    return next((one for one in listed if _is_called(backend, one.name, model)), None)


def _called(backend: Backend, model: str, loaded: Sequence[LoadedModel]) -> LoadedModel | None:
    return next((one for one in loaded if _is_called(backend, one.name, model)), None)


def _is_of(backend: Backend, model: ListedModel, runner: LoadedModel) -> bool:
    """Whether a model in memory is this one. Its name may mean another model since it was loaded."""
    if model.digest is None or runner.digest is None:
        return _is_called(backend, model.name, runner.name)
    return model.digest == runner.digest


def _placed(runner: LoadedModel | None) -> Place:
    if runner is None:
        return Place(Memory.UNLOADED)
    return Place(Memory.LOADED, _context_tokens(runner))


def _context_tokens(runner: LoadedModel) -> int | None:
    return int(runner.context_tokens) if runner.context_tokens else None


def _namesake(backend: Backend, model: ListedModel, loaded: Sequence[LoadedModel], listed: Sequence[ListedModel]) -> Namesake | None:
    """The one in memory by what was the model's name, else the only one there that is listed no more."""
    known = {one.digest for one in listed}
    gone = [one for one in loaded if one.digest is not None and one.digest not in known]
    runner = _called(backend, model.name, gone) or (gone[0] if len(gone) == 1 else None)
    if runner is None or runner.digest is None or model.digest is None:
        return None
    return Namesake(runner.digest, model.digest, _context_tokens(runner))


async def _runner(
    control: Questions, endpoint: Endpoint, backend: Backend, model: ListedModel, loaded: Sequence[LoadedModel], listed: Sequence[ListedModel]
) -> LoadedModel | None:
    """The one in memory that serves chats with this model: itself, or one that is made of the same."""
    for runner in loaded:
        if _is_of(backend, model, runner):
            return runner
    if not loaded or model.digest is None:
        return None
    return await _made_alike(control, endpoint, await control.details(endpoint, model.name, model.digest), loaded, listed)


async def _made_alike(
    control: Questions, endpoint: Endpoint, own: ModelDetails | None, loaded: Sequence[LoadedModel], listed: Sequence[ListedModel]
) -> LoadedModel | None:
    if own is None or not own.made_of:
        return None
    async for runner, details in _details_of(control, endpoint, loaded, listed):
        if details.made_of == own.made_of:
            return runner
    return None


async def _details_of(
    control: Questions, endpoint: Endpoint, loaded: Sequence[LoadedModel], listed: Sequence[ListedModel]
) -> AsyncIterator[tuple[LoadedModel, ModelDetails]]:
    """What is told of those in memory that are listed still, and was told of others: of those there is no name to ask by."""
    for runner in loaded:
        model = next((one for one in listed if one.digest is not None and one.digest == runner.digest), None)
        details = control.remembered(runner.digest) if model is None else await control.details(endpoint, model.name, model.digest)
        if details is not None:
            yield runner, details


async def _unlisted(
    control: Questions, endpoint: Endpoint, backend: Backend, model: str, loaded: Sequence[LoadedModel], listed: Sequence[ListedModel]
) -> Place:
    """Where a model is that is not listed by its name: the engine may know it by that name all the same."""
    if backend.on_demand is not None and backend.on_demand.elsewhere(model):
        return Place(Memory.ALWAYS)
    runner = _called(backend, model, loaded)
    if runner is not None:
        return _placed(runner)
    try:
        own = await control.details(endpoint, model)
    except MissingError:
        return Place(Memory.ABSENT)
    if own is None:
        return Place(Memory.ABSENT)
    return _placed(await _made_alike(control, endpoint, own, loaded, listed))


async def _chats(control: Questions, endpoint: Endpoint, model: ListedModel) -> bool:
    """Whether the model can chat. One of which that is not told may."""
    if model.chats is not None:
        return model.chats
    details = await _answer(control.details(endpoint, model.name, model.digest))
    return details is None or isinstance(details, ControlError) or details.chats is not False

"""Whether a chat would have its engine load a model: asked before the chat, since nobody but the engine's owner gives leave to that."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from probes import backends
from probes.ask import Endpoint
from probes.control import ControlError, NoAnswerError


class Memory(Enum):
    """Where a model is. Only of `UNLOADED` and `UNTOLD` a chat may load it."""

    ALWAYS = "always"
    """The engine serves only what it has in memory."""
    LOADED = "loaded"
    UNLOADED = "unloaded"
    ABSENT = "absent"
    """The engine does not have it at all, and says so to a chat."""
    SILENT = "silent"
    """The engine answers nothing: the chat is to show what is wrong with it."""
    UNTOLD = "untold"
    """It answers, but not this."""


class Questions(Protocol):
    """Questions to engines; `probes.control.Control` asks them over HTTP. Each raises `ControlError` where no usable answer came."""

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]: ...

    async def loaded(self, endpoint: Endpoint, model: str) -> bool | None: ...


async def memory(control: Questions, endpoint: Endpoint, model: str) -> Memory:
    """Where the model is right now, by this name or another that the engine takes for the same. Raises nothing."""
    try:
        loaded = await control.loaded(endpoint, model)
    except NoAnswerError:
        return await _without_answer(control, endpoint)
    except ControlError:
        return Memory.UNTOLD
    if loaded is not False:
        return Memory.ALWAYS if loaded is None else Memory.LOADED
    try:
        listed = await control.models(endpoint)
    except ControlError:
        return Memory.UNLOADED
    return Memory.ABSENT if backends.get(endpoint.backend).listed(model, listed) is None else Memory.UNLOADED


async def _without_answer(control: Questions, endpoint: Endpoint) -> Memory:
    """An engine that answers something else is not down: it may be the one question that hangs."""
    try:
        await control.models(endpoint)
    except NoAnswerError:
        return Memory.SILENT
    except ControlError:
        pass
    return Memory.UNTOLD

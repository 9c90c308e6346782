"""The engines: one file each, and the one line here that names it."""

from __future__ import annotations

from collections.abc import Callable

from probes.backends.backend import Backend
from probes.backends.base import WireForm
from probes.backends.ollama import Ollama
from probes.backends.openai import OpenAi
from probes.backends.tgi import Tgi
from probes.backends.vllm import Vllm

BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Vllm(),
        Tgi(),
        Ollama(),
        OpenAi(),
    )
}
"""By name. A server that nobody has named is asked in this order, so that one which answers as others do too stands behind them."""


def names() -> tuple[str, ...]:
    """Every backend's name."""
    return tuple(BACKENDS)


def apis() -> tuple[str, ...]:
    """The value of `api` of every wire form, each once."""
    return tuple(dict.fromkeys(api for backend in BACKENDS.values() for api in backend.forms))


def chat_paths() -> tuple[str, ...]:
    """Where any wire form posts its chats, each once."""
    return tuple(dict.fromkeys(form.path for backend in BACKENDS.values() for form in backend.forms.values()))


def get(name: str) -> Backend:
    """The engine of this name. Raises `ValueError`, with the ones there are, where there is none."""
    if name not in BACKENDS:
        raise ValueError(f"no backend {name!r}; there are: {', '.join(BACKENDS)}")
    return BACKENDS[name]


def form(name: str, api: str = "chat") -> WireForm:
    """The wire form of an engine's API. Raises `ValueError`, with the ones there are, where there is none."""
    if name not in BACKENDS or api not in BACKENDS[name].forms:
        known = ", ".join(name if api == "chat" else f"{name} ({api})" for name, backend in BACKENDS.items() for api in backend.forms)
        raise ValueError(f"no backend {name!r} with the API {api!r}; there are: {known}")
    return BACKENDS[name].forms[api]


def unnamed() -> str:
    """The backend of a server of which nothing is known yet."""
    return next(name for name, backend in BACKENDS.items() if backend.generic)


def meant_by(label: str) -> str | None:
    """The backend that a label's value names; None if it names none."""
    return next((name for name, backend in BACKENDS.items() if label in (name, *backend.aliases)), None)


def mentioned_in(text: str) -> str | None:
    """The engine whose name, or one like it, is a part of this name of something else; None if there is none."""
    words = text.lower()
    engines = (backend for backend in BACKENDS.values() if not backend.generic)
    return next((engine.name for engine in engines if any(name in words for name in (engine.name, *engine.aliases))), None)


def own_apis() -> tuple[tuple[Backend, str, WireForm], ...]:
    """Each API beside `chat`, with the engine whose own it is."""
    return tuple((backend, api, form) for backend in BACKENDS.values() for api, form in backend.forms.items() if api != "chat")


def titles(which: Callable[[Backend], object]) -> tuple[str, ...]:
    """How people write the engines of which this is true."""
    return tuple(backend.title for backend in BACKENDS.values() if which(backend))

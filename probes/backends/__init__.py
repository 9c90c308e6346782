"""The registry of engines: each has a file here, and one line in the list below."""

from __future__ import annotations

from collections.abc import Callable

from probes.backends.backend import Backend
from probes.backends.base import FrameError, WireForm
from probes.backends.complaint import complaint
from probes.backends.fields import parse
from probes.backends.llamacpp import Llamacpp
from probes.backends.ollama import Ollama
from probes.backends.openai import OpenAi
from probes.backends.sglang import Sglang
from probes.backends.tgi import Tgi
from probes.backends.vllm import Vllm

BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Vllm(),
        Tgi(),
        Ollama(),
        Sglang(),
        Llamacpp(),
        OpenAi(),
    )
}
"""Every backend by its name.

A server that nobody has named is asked in this order. So an engine whose server answers like another's too stands
before that one.
"""


def names() -> tuple[str, ...]:
    """The names of all backends."""
    return tuple(BACKENDS)


def apis() -> tuple[str, ...]:
    """The values of `api` that there are, each once."""
    return tuple(dict.fromkeys(api for backend in BACKENDS.values() for api in backend.forms))


def chat_paths() -> tuple[str, ...]:
    """The paths that chats are posted to, each once."""
    return tuple(dict.fromkeys(form.path for backend in BACKENDS.values() for form in backend.forms.values()))


def get(name: str) -> Backend:
    """The backend of this name. Raises `ValueError`, which lists the names there are."""
    if name not in BACKENDS:
        raise ValueError(f"no backend {name!r}; there are: {', '.join(BACKENDS)}")
    return BACKENDS[name]


def form(name: str, api: str = "chat") -> WireForm:
    """The wire form of a backend's API. Raises `ValueError`, which lists the backends and APIs there are."""
    if name not in BACKENDS or api not in BACKENDS[name].forms:
        known = ", ".join(name if api == "chat" else f"{name} ({api})" for name, backend in BACKENDS.items() for api in backend.forms)
        raise ValueError(f"no backend {name!r} with the API {api!r}; there are: {known}")
    return BACKENDS[name].forms[api]


def unnamed() -> str:
    """The name of the backend that stands for a server of which nothing is known yet."""
    return next(name for name, backend in BACKENDS.items() if backend.generic)


def meant_by(label: str) -> str | None:
    """The name of the backend that a label's value names: by its own name, or by an alias. None if it names none."""
    return next((name for name, backend in BACKENDS.items() if label in (name, *backend.aliases)), None)


def mentioned_in(text: str) -> str | None:
    """The engine that the name of an image or of a runtime speaks of; None if it speaks of none.

    It does if it contains the engine's name or an alias, in upper or lower case.
    """
    words = text.lower()
    engines = (backend for backend in BACKENDS.values() if not backend.generic)
    return next((engine.name for engine in engines if any(name in words for name in (engine.name, *engine.aliases))), None)


def own_apis() -> tuple[tuple[Backend, str, WireForm], ...]:
    """Every API besides `chat`: (the engine that has it, its value of `api`, its wire form)."""
    return tuple((backend, api, form) for backend in BACKENDS.values() for api, form in backend.forms.items() if api != "chat")


def usual_ports() -> tuple[int, ...]:
    """The ports that engines listen on unless told otherwise, each once."""
    return tuple(dict.fromkeys(port for backend in BACKENDS.values() for port in backend.usual_ports))


def titles(which: Callable[[Backend], object]) -> tuple[str, ...]:
    """The titles of the backends for which this is true."""
    return tuple(backend.title for backend in BACKENDS.values() if which(backend))


def resemblance(answer: bytes, asked: WireForm) -> str | None:
    """Which other engine an answer looks like that was not what `asked` expects, and how that one is asked for.

    None if it looks like no other: what any server of OpenAI's form sends is no surprise to whoever asked any such one.
    """
    value = _first_value(answer)
    if _is_own(asked, value):
        return None
    for name, backend in BACKENDS.items():
        own = backend.own_form(value)
        if own is not None and _is_other(backend.forms[own], asked):
            return f"this looks like {backend.title}: --backend {name}" + (f" --api {own}" if own != "chat" else "")
        # an Ollama has the common path too: there this is some other server's that is written in Go
        served = (backend.forms["chat"].path, BACKENDS[unnamed()].forms["chat"].path)
        if answer.strip() == backend.unknown_path != b"" and asked.path not in served:
            return f"this looks like {backend.title}: --backend {name}"
    return None


def _is_own(asked: WireForm, value: object) -> bool:
    """Whether the engine that was asked sends this too: two may have one form of errors, and an engine has one for all its APIs."""
    is_error = complaint(value) is not None
    own = [(backend.forms, found) for backend in BACKENDS.values() if (found := backend.own_form(value)) is not None]
    return any(forms[found] is asked or (is_error and asked in forms.values()) for forms, found in own)


def _is_other(found: WireForm, asked: WireForm) -> bool:
    takes_any = asked in BACKENDS[unnamed()].forms.values()
    return found is not asked and not (takes_any and found.path == asked.path)


def _first_value(answer: bytes) -> object:
    """The JSON that an answer is, or that its first line is, with or without the framing of an event; None where there
    is none.
    """
    for text in (answer, answer.lstrip().partition(b"\n")[0].removeprefix(b"data:")):
        try:
            return parse(text)
        except FrameError:
            continue
    return None

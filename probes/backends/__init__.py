"""The engines: one small file each, and the one line here that names it."""

from __future__ import annotations

from probes.backends.base import Backend, FrameError
from probes.backends.fields import parse
from probes.backends.ollama import Ollama
from probes.backends.openai import OpenAi
from probes.backends.tgi import Tgi, TgiGenerate
from probes.backends.vllm import Vllm

_BACKENDS: dict[tuple[str, str], Backend] = {
    ("vllm", "chat"): Vllm(),
    ("tgi", "chat"): Tgi(),
    ("tgi", "generate"): TgiGenerate(),
    ("ollama", "chat"): Ollama(),
    ("openai", "chat"): OpenAi(),
}


def names() -> tuple[str, ...]:
    """Every backend's name, once."""
    return tuple(dict.fromkeys(name for name, _ in _BACKENDS))


def get(name: str, api: str = "chat") -> Backend:
    """The adapter of an engine's API. Raises `ValueError`, with the ones there are, where there is none."""
    backend = _BACKENDS.get((name, api))
    if backend is None:
        known = ", ".join(name if api == "chat" else f"{name} ({api})" for name, api in _BACKENDS)
        raise ValueError(f"no backend {name!r} with the API {api!r}; there are: {known}")
    return backend


def resemblance(answer: bytes, asked: Backend) -> str | None:
    """Which other engine an answer looks like that was not what `asked` expects, and how that one is asked for; None if
    it looks like none.

    What a server of OpenAI's form can be asked for by that name is no other engine.
    """
    for (name, api), engine in _BACKENDS.items():
        is_other = engine is not asked and not (asked.name == "openai" and engine.path == asked.path)
        if is_other and (engine.is_own(_first_value(answer)) or (engine.path != asked.path and answer.strip() == engine.unknown_path != b"")):
            return f"this looks like {engine.title}: --backend {name}" + (f" --api {api}" if api != "chat" else "")
    return None


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

"""The engines: one small file each, and the one line here that names it."""

from __future__ import annotations

from probes.backends.base import Backend
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

"""What only some engines have, and what is said where another is asked for it: adapters, APIs of their own, loading on demand."""

from __future__ import annotations

from collections.abc import Iterator

from config.rules import Finding
from probes import backends
from probes.backends.backend import Backend
from probes.wording import listed

ADAPTERS = backends.titles(lambda backend: backend.takes_adapters)


def whose_api(api: str) -> str:
    """Says of an API other than `chat` which engine has it."""
    return f"is {owners(api)}'s own API"


def check_adapter(adapter: str | None, model: str | None, backend: Backend) -> Iterator[Finding]:
    """What is wrong with a named LoRA adapter."""
    if adapter is None:
        return
    if not backend.takes_adapters:
        instead = (backend.names_adapters or "model: NAME").replace("NAME", adapter)
        yield ("adapter",), f"is for {listed(ADAPTERS, 'or')}; with {backend.title} write {instead}"
    elif model is not None:
        yield ("model",), "stands beside adapter, which is chatted with in its place; leave one of them out"


def owners(api: str) -> str:
    """The titles of the engines that have an API."""
    return listed(backends.titles(lambda backend: api in backend.forms), "or")


def who_loads() -> str:
    """Says of the leave to load a model which engines need it."""
    engines = backends.titles(lambda backend: backend.on_demand)
    return f"is for {listed(engines)}, the only engine{' that loads' if len(engines) == 1 else 's that load'} models on demand"

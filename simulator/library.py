"""Which models an Ollama has: their names, the blob that each is made of, what they can do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from simulator.options import Library

REGISTRY = "registry.ollama.ai"
NAMESPACE = "library"
TAG = "latest"


def full_name(model: str) -> str:
    """A model's name as Ollama shows it: with its tag, without the registry and the namespace that are its own."""
    name, tag = _tagged(model)
    short = name.removeprefix(f"{REGISTRY}/").removeprefix(f"{NAMESPACE}/")
    return f"{short}:{tag}"


def _tagged(model: str) -> tuple[str, str]:
    name, colon, tag = model.rpartition(":")
    # A colon before the last slash is a registry's port.
    return (name, tag or TAG) if colon and "/" not in tag else (model, TAG)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Installed:
    """One name in the library. Models of one `blob` share a runner, those of one `digest` are the same in all."""

    name: str
    blob: str
    digest: str
    capabilities: tuple[str, ...]
    parent: str = ""
    remote: bool = False

    def can(self, capability: str) -> bool:
        return capability in self.capabilities


class Installation:
    """The models by name. Names that differ in letter case only are one, and parts that are left out are filled in (`types/model/name.go`)."""

    def __init__(self, models: Sequence[str], library: Library) -> None:
        self._library = library
        self.models = tuple(self._installed(full_name(model)) for model in models)
        self._by_key = {_key(one.name): one for one in self.models}

    def find(self, model: str) -> Installed | None:
        """The model that is meant by a name; None if there is none."""
        return self._by_key.get(_key(model))

    def _installed(self, name: str) -> Installed:
        copied = {full_name(copy): full_name(of) for copy, of in self._library.copies.items()}
        derived = {full_name(one): full_name(of) for one, of in self._library.derived.items()}
        made_of = copied.get(name, name)
        parent = derived.get(made_of, "")
        base = copied.get(parent, parent) or made_of
        kind = "embedding" if _among(base, self._library.embedding) else "completion"
        thinks = ("thinking",) if _among(base, self._library.thinking) else ()
        return Installed(name, _digest(f"blob {base}"), _digest(made_of), (kind, *thinks), parent, _among(base, self._library.remote))


def _key(model: str) -> str:
    return full_name(model.lower().rpartition("://")[2])


def _among(name: str, models: Sequence[str]) -> bool:
    return name in map(full_name, models)

"""The prompt sets that come with chatprobe: `sets/<name>.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

_SETS = resources.files(__package__).joinpath("sets")


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts of one kind: `prompts` stand alone, `conversation` holds the user's turns of one chat of several turns."""

    name: str
    description: str
    prompts: tuple[str, ...]
    conversation: tuple[str, ...]


@cache
def names() -> tuple[str, ...]:
    """Those of the files there are."""
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in _SETS.iterdir()))


@cache
def load(name: str) -> PromptSet:
    """The set of this name. Raises `ValueError`, with the names there are, for another."""
    if name not in names():
        raise ValueError(f"no prompt set {name!r}; there are: {', '.join(names())}")
    told = yaml.safe_load(_SETS.joinpath(f"{name}.yaml").read_text("utf-8"))
    return PromptSet(name, told["description"], tuple(told["prompts"]), tuple(told["conversation"]))

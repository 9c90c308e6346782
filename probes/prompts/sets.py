"""The prompt sets that come with chatprobe: `sets/<name>.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

_NAMES = ("short-question", "customer-support", "code-review", "creative", "educational")


@dataclass(frozen=True, slots=True)
class PromptSet:
    """Prompts of one kind: `prompts` stand alone, `conversation` holds the user's turns of one chat of several turns."""

    name: str
    description: str
    prompts: tuple[str, ...]
    conversation: tuple[str, ...]


def names() -> tuple[str, ...]:
    return _NAMES


@cache
def load(name: str) -> PromptSet:
    """The set of this name. Raises `ValueError`, with the names there are, for another."""
    if name not in _NAMES:
        raise ValueError(f"no prompt set {name!r}; there are: {', '.join(_NAMES)}")
    told = yaml.safe_load(resources.files(__package__).joinpath("sets", f"{name}.yaml").read_text("utf-8"))
    return PromptSet(name, told["description"], tuple(told["prompts"]), tuple(told["conversation"]))

"""One thing that can be explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """`kind` says what it is, as a heading of a list. `text` makes what is told of it, in Markdown without a heading.

    Two topics of different kinds may have one name.
    """

    name: str
    kind: str
    text: Callable[[], str]

    @property
    def markdown(self) -> str:
        """All of it, under its name."""
        return f"# {self.name}\n\n*{self.kind}*\n\n{self.text()}\n"

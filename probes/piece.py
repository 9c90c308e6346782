"""What one frame added to an answer, for whoever looks on while it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol


class Piece(NamedTuple):
    """A part of an answer that has just come: when it arrived, the tokens that it bears as far as they are known by now, and its text.

    What is known at the end (the engine's total) may shift tokens among the chunks: the record tells, and not the pieces.
    """

    arrived_ns: int
    tokens: int
    text: str
    reasoning: str = ""


Hear = Callable[[Piece], None]
"""Takes each piece as it comes."""


class Onlooker(Protocol):
    """Looks on while an answer comes. It is told on the event loop, and must not block."""

    def sent(self, sent_ns: int) -> None:
        """The request's first byte was handed to the kernel at this instant."""
        ...

    def hear(self, piece: Piece) -> None:
        """A piece has come."""
        ...


def joined(texts: Iterable[str]) -> str:
    """The text of pieces. Halves of a character that came apart are put together; one that stayed alone is U+FFFD."""
    text = "".join(texts)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

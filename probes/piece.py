"""What one frame added to an answer, for whoever looks on while it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Piece(NamedTuple):
    """A part of an answer that has just come: when it arrived, the tokens that it bears as far as they are known by now, and its text.

    What is known at the end (the engine's total) may shift tokens among the chunks: the record tells, and not the pieces.
    """

    arrived_ns: int
    tokens: int
    text: str
    reasoning: str = ""


Hear = Callable[[Piece], None]
"""Takes each piece as it comes, on the event loop. It must not block."""


def joined(texts: Iterable[str]) -> str:
    """The text of pieces. Halves of a character that came apart are put together; one that stayed alone is U+FFFD."""
    text = "".join(texts)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

"""A piece of an answer, as it arrived."""

from __future__ import annotations

from typing import NamedTuple


class Chunk(NamedTuple):
    """A chunk that bears tokens: when it arrived, how many tokens it bears, and how much earlier than `arrived_ns` it
    may have come.

    `tokens` is None where their number cannot be told: the engine counts tokens that it did not show. `shared` says
    that something stood behind it in the same read, so that the kernel's stamp is that of a later segment.
    """

    arrived_ns: int
    tokens: int | None
    error_ns: int = 0
    shared: bool = False

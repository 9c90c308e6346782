"""The values of one engine, round by round, and how rounds are cut into parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PARTS = 8
"""Into so many parts is each round cut, with equally many chats in each: enough to see how much values vary within a
round, and long enough that what happened to one chat rarely matters in the next part."""


class TooFewError(ValueError):
    """The sample is too small for what was asked. The message says how much is needed, in words for people."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one engine showed in one round, a value for each chat, or several.

    A failed chat is `inf`: worse than all. `since_seconds` is when the value's chat began, counted from the beginning
    of this engine's load in this round (over both of its blocks, where it has two). `chats` says which values belong to
    the same chat; without it each value is a chat of its own.
    """

    values: Floats
    since_seconds: Floats
    chats: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.values), len(self.since_seconds), *([] if self.chats is None else [len(self.chats)])}
        if len(lengths) > 1:
            raise ValueError("values, since_seconds and chats have unlike lengths; each value has one of each")
        if np.isnan(self.values).any():
            raise ValueError("a value is not a number; leave out chats that have no such value")

    def parts(self) -> NDArray[np.int64]:
        """For each value the part of the round, 0 to `PARTS` - 1, in which its chat began."""
        if self.chats is None:
            order = np.argsort(self.since_seconds, kind="stable")
            rank = np.empty(len(order), dtype=np.int64)
            rank[order] = np.arange(len(order))
            return rank * PARTS // max(len(order), 1)
        _, first, which = np.unique(self.chats, return_index=True, return_inverse=True)
        order = np.argsort(self.since_seconds[first], kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return rank[which] * PARTS // max(len(order), 1)


def chats_of(rounds: Sequence[Round]) -> int:
    """How many chats the rounds have."""
    return sum(len(one.values) if one.chats is None else len(np.unique(one.chats)) for one in rounds)

"""Requests of other tools as chats of ours."""

from __future__ import annotations

from collections.abc import Iterable

from bench.chat import Chat, Place
from bench.level import Block
from bench.summary.sample import BlockSample, Sample

_BEYOND_SECONDS = 1e-6


def place(level: str, since_seconds: float, *, warm_up: bool = False) -> Place:
    """Where a request stands: other tools know no rounds and no blocks."""
    return Place(level, 1, 1, since_seconds, warm_up)


def sampled(chats: Iterable[Chat], level: str) -> Sample | None:
    """All requests of a run at one level as one block of one round; None without any."""
    kept = tuple(chats)
    if not kept:
        return None
    seconds = max(chat.ended_seconds for chat in kept) + _BEYOND_SECONDS
    return Sample("", (BlockSample(Block(1, level, 1, ("",), 0.0, seconds), kept, 0.0, seconds),))


def closed(streams: float) -> str:
    """The level at which so many requests are always under way."""
    return f"{streams:g} at once"


def opened(rate: float, at_most: float | None = None) -> str:
    """The level at which so many requests come in a second."""
    return f"{rate:g}/s" if at_most is None else f"{rate:g}/s, at most {at_most:g} at once"


ALL_AT_ONCE = "all at once"
"""The level at which every request is sent at the start."""

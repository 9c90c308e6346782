"""Requests of other tools as chats of ours."""

from __future__ import annotations

from collections.abc import Iterable

from bench.chat import Chat, Place


def place(level: str, since_seconds: float, *, warm_up: bool = False) -> Place:
    """Where a request stands: other tools know no rounds and no blocks."""
    return Place(level, 1, 1, since_seconds, warm_up)


def in_order(chats: Iterable[Chat]) -> tuple[Chat, ...]:
    """Those that count, in the order in which they began."""
    return tuple(sorted((chat for chat in chats if chat.counts), key=lambda chat: chat.place.since_seconds))


def closed(streams: float) -> str:
    """The level at which so many requests are always under way."""
    return f"{streams:g} at once"


def opened(rate: float, at_most: float | None = None) -> str:
    """The level at which so many requests come in a second."""
    return f"{rate:g}/s" if at_most is None else f"{rate:g}/s, at most {at_most:g} at once"


ALL_AT_ONCE = "all at once"
"""The level at which every request is sent at the start."""

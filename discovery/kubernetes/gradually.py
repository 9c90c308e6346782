"""Changes of many targets in steps: each costs the event loop a moment, and chats with those that stay are not to wait for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from discovery.kubernetes.enrolling import Found

MOST_AT_ONCE = 5
"""Targets that come, go or change in one step: about 1 ms each, most of it for their series."""


def one_step(before: Sequence[Found], now: Sequence[Found], most: int = MOST_AT_ONCE) -> tuple[Found, ...]:
    """The engines of `before`, with so many of their differences to `now` made at most: those first that are gone, then those that are new."""
    had = {one.candidate.name: one for one in before}
    has = {one.candidate.name: one for one in now}
    gone = [name for name in had if name not in has]
    other = [name for name, one in has.items() if had.get(name) != one]
    changed = {*gone[:most], *other[: max(0, most - len(gone))]}
    found = [one if name in changed or had.get(name) == one else had.get(name) for name, one in has.items()]
    return (*(one for one in found if one is not None), *(had[name] for name in gone if name not in changed))

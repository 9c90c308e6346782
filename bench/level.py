"""The words of a run: levels of load, rounds and blocks.

A run measures one *level* after another: "10 users", "4/s". Each level is measured in *rounds*, each with all targets.
A round is made of *blocks*: one for all targets at once where each has its own hardware, else one for each target in
turn, A B B A.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.chat import Chat
from config.load import Load, Trace


@dataclass(frozen=True, slots=True)
class Level:
    """One load at which engines are measured. `loads` are the targets' own: the same for all, but in a search.

    A target that is not in `loads` is not measured at this level. `rounds` and `seconds` (of one block) are None where
    the run's own stand.
    """

    name: str
    loads: Mapping[str, Load | Trace]
    rounds: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A time in which one target is chatted with, or all of them at once, at one level.

    `number` counts through the run, from 1, and so does `round` within its level.
    """

    number: int
    level: str
    round: int
    targets: tuple[str, ...]
    warm_up_seconds: float
    seconds: float
    """How long chats begin, the warm-up included."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A level that has been measured, and its chats."""

    level: Level
    blocks: tuple[Block, ...]
    chats: Sequence[Chat]


class Course(Protocol):
    """Which levels are measured."""

    def next(self, measured: Sequence[Measured]) -> Level | None:
        """The level after those that have been measured; None when the run is over."""
        ...

"""A trace that is held again: one level, whose chats come when they came, with prompts and answers of their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.design import LAST_CHAT_SECONDS
from bench.level import Level, Measured
from config.load import Trace


@dataclass(frozen=True)
class Replay:
    """The trace with all targets, once in each round. A block lasts as long as the trace at its speed."""

    targets: tuple[str, ...]
    trace: Trace

    def next(self, measured: Sequence[Measured]) -> Level | None:
        """The level after those that have been measured, as `bench.level.Course` has it."""
        if measured:
            return None
        return Level(words(self.trace), dict.fromkeys(self.targets, self.trace), seconds=self.trace.seconds + LAST_CHAT_SECONDS)


def words(trace: Trace) -> str:
    """What people call the load of a trace."""
    at_speed = "" if trace.speed == 1 else f" at {trace.speed:g} times its speed"
    return f"trace of {len(trace.arrivals)} chat{'' if len(trace.arrivals) == 1 else 's'}{at_speed}"

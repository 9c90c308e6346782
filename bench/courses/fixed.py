"""The levels that were asked for, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.design import DesignError
from bench.level import Level, Measured
from config.durations import write_duration
from config.load import ClosedLoop, Every, Load
from config.quantities import write_rate


@dataclass(frozen=True, slots=True)
class Fixed:
    """A course of levels that were known from the start."""

    levels: tuple[Level, ...]

    def next(self, measured: Sequence[Measured]) -> Level | None:
        """The first level that has not been measured."""
        return self.levels[len(measured)] if len(measured) < len(self.levels) else None


def fixed(loads: Sequence[Load], targets: Sequence[str]) -> Fixed:
    """Each load with all these targets. Raises `DesignError` where two loads would have one name."""
    names = [name_of(load) for load in loads]
    if twice := next((name for index, name in enumerate(names) if name in names[:index]), None):
        raise DesignError(f"the level {twice} is there twice; write it once, and more rounds to measure it more often")
    return Fixed(tuple(Level(name, dict.fromkeys(targets, load)) for name, load in zip(names, loads, strict=True)))


def name_of(load: Load) -> str:
    """What people call a load: `10 users`, `4/s`, `10, 50, 0 users`."""
    match load:
        case Every(seconds):
            return f"every {write_duration(seconds)}"
        case ClosedLoop(stages):
            users = [stage.users for stage in stages]
            return f"{', '.join(map(str, users))} {'user' if users == [1] else 'users'}"
        case _:
            return ", ".join(write_rate(stage.per_second) for stage in load.stages)

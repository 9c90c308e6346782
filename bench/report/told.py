"""What several charts say or choose alike: levels, values, and who failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from bench.measures import Floats, Measure, values_of
from bench.report.loads import level_said
from bench.report.seen import Seen
from bench.summary.shape import LevelSummary, TargetAtLevel
from bench.summary.words import percent
from probes.wording import listed


def levels_shown(seen: Seen, most: int) -> list[LevelSummary]:
    """The levels that the engines shared, or of more than so many the lightest, the one in focus, and the heaviest."""
    levels = seen.shared
    if len(levels) <= most:
        return levels
    chosen = [levels[0], seen.focus, levels[-1]]
    return [level for level in levels if level in chosen]


def values(seen: Seen, measure: Measure, target: TargetAtLevel, level: LevelSummary) -> Floats:
    """Those of the chats that the summary counts."""
    return values_of(measure, seen.samples[target.target, level.name].attempts).values


def failed_note(levels: Sequence[LevelSummary]) -> Iterator[str]:
    """Of whom so many chats failed that a picture of the others flatters: a sentence, where there is any."""
    told = [
        f"{percent(lost / target.counts.attempts)} of the chats with {target.target} at {level_said(level.name)}"
        for level in levels
        for target in level.targets
        if (lost := target.counts.failed + target.counts.unsent)
    ]
    if told:
        yield f"What failed is not in the picture: {listed(told)}."


_DRAWN = {"knee": {"at", "low", "high", "carried_per_second"}, "wait": {"low", "high"}, "capacity": {"users"}}
"""The figures of each kind of outcome that charts draw."""


def outcome(seen: Seen, kind: str, target: str) -> Mapping[str, Any] | None:
    """The figures of what the run's course has found of a target, as `bench.courses.outcome` names them; None where it has nothing.

    Nor has it anything where the summary, which may be another version's, lacks a figure that charts draw.
    """
    for found in seen.summary.outcomes:
        if found["kind"] == kind and found["target"] == target and isinstance(figures := found["figures"], Mapping):
            return figures if figures.keys() >= _DRAWN[kind] else None
    return None


def finite(value: float) -> float | None:
    """None for infinity, which lies among the chats that failed and has no place on an axis."""
    return value if isfinite(value) else None

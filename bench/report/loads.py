"""The load along an axis: users, or chats a second, wherever the levels of a run differ in that alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bench.courses.varying import amount_of
from bench.level import Level
from bench.report.seen import Seen
from bench.summary.shape import TargetAtLevel
from config.load import ClosedLoop, OpenLoop

Kind = Literal["users", "rate"]
_TITLES: Mapping[Kind, str] = {"users": "users at once", "rate": "chats that begin a second"}
_LOGARITHMS_FROM = 8.0
_TICK_ROOM = 0.1
"""How far apart ticks are at least, as a share of the axis."""
_NUMBERED = re.compile(r"^probe \d+: ")
"""Before the load of a level of `bench.courses.search`."""
_ROOM = 0.07
"""What is left free at both ends of the axis, as a share of it."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a target did at a level, and the load that it had there."""

    amount: float
    level: str
    target: TargetAtLevel


@dataclass(frozen=True, slots=True)
class LoadAxis:
    """`points` are the levels of each target, the lightest first. Where one amount was measured more often, that with most chats."""

    kind: Kind
    points: Mapping[str, tuple[Point, ...]]

    @property
    def title(self) -> str:
        """For the axis."""
        return _TITLES[self.kind]

    @property
    def attributes(self) -> dict[str, Any]:
        """Plotly's, of an axis with a tick at each level; in logarithms where loads are far apart."""
        amounts = sorted({point.amount for points in self.points.values() for point in points})
        wide = amounts[-1] >= _LOGARITHMS_FROM * amounts[0]
        places = np.log10(amounts) if wide else np.array(amounts)
        span = float(places[-1] - places[0])
        shown = [len(amounts) - 1]
        for number in range(len(amounts) - 1):
            if all(abs(places[number] - places[other]) >= _TICK_ROOM * span for other in shown):
                shown.append(number)
        return {
            "type": "log" if wide else "linear",
            "range": [float(places[0]) - _ROOM * span, float(places[-1]) + _ROOM * span],
            "tickvals": [amounts[number] for number in sorted(shown)],
            "ticktext": [f"{amounts[number]:.3g}" for number in sorted(shown)],
            "tickangle": 0,
        }

    def said(self, amount: float) -> str:
        """An amount for people: `1 user`, `8 users`, `2.5/s`."""
        if self.kind == "rate":
            return f"{amount:.3g}/s"
        return f"{amount:.3g} user{'' if amount == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target at a level stands along an axis of categories. `label` is for the axis, `said` for sentences."""

    label: str
    said: str
    level: str
    target: TargetAtLevel


def places(seen: Seen) -> tuple[str, list[Place]]:
    """(the title of the axis, all targets at all levels in its order): by load, where there is an axis of that, else by level."""
    axis = load_axis(seen)
    if axis is None:
        return "level", [
            Place(level_said(level.name), level_said(level.name), level.name, target) for level in seen.levels.values() for target in level.targets
        ]
    points = [point for points in axis.points.values() for point in points]
    return axis.title, [
        Place(f"{point.amount:.3g}", axis.said(point.amount), point.level, point.target) for point in sorted(points, key=lambda point: point.amount)
    ]


def level_said(level: str) -> str:
    """A level for people: its load, of a search too, whose levels are numbered."""
    return _NUMBERED.sub("", level)


def load_axis(seen: Seen) -> LoadAxis | None:
    """The axis of the run; None where loads differ in kind or change within a block, or where there is only one."""
    levels = {one.level.name: one.level for one in seen.measured if one.level.name in seen.levels}
    kinds = {kind for level in levels.values() for kind in _kinds(level)}
    if len(kinds) != 1:
        return None
    kind = kinds.pop()
    points = {target: _points(seen, levels, target) for target in seen.backends}
    amounts = {point.amount for each in points.values() for point in each}
    return LoadAxis(kind, {target: each for target, each in points.items() if each}) if kind is not None and len(amounts) > 1 else None


def _kinds(level: Level) -> set[Kind | None]:
    found: set[Kind | None] = set()
    for load in level.loads.values():
        match load:
            case ClosedLoop(stages=(_,)):
                found.add("users")
            case OpenLoop(stages=(_,)):
                found.add("rate")
            case _:
                found.add(None)
    return found


def _points(seen: Seen, levels: Mapping[str, Level], target: str) -> tuple[Point, ...]:
    best: dict[float, Point] = {}
    for summary in seen.levels.values():
        amount = amount_of(levels[summary.name], target)
        at = next((each for each in summary.targets if each.target == target), None)
        if amount is None or at is None:
            continue
        point = Point(float(amount), summary.name, at)
        known = best.get(point.amount)
        if known is None or known.target.counts.attempts <= at.counts.attempts:
            best[point.amount] = point
    return tuple(best[amount] for amount in sorted(best))

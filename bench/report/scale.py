"""Times on axes: in milliseconds or seconds, straight or in logarithms, whichever a reader takes in at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import Any

SECONDS_FROM = 2.0
"""Axes that reach so far are in seconds."""
LOGARITHMS_FROM = 30.0
"""An axis is in logarithms where its largest value is so many times the smallest."""
_STEPS = (1, 2, 5)
_ABOVE = 1.35
_NEAR_ONE = (1.5, 0.75, 1.2, 0.8, 1.1, 0.9, 1.05, 0.95)
_TICK_ROOM = 0.12
"""How far apart ticks of a ratio are at least, as a share of the axis."""


@dataclass(frozen=True, slots=True)
class Scale:
    """`unit` is `ms` or `s`, and a second is `factor` of them."""

    unit: str
    factor: float
    logarithmic: bool

    def of(self, seconds: float) -> float:
        """The value on the axis."""
        return seconds * self.factor

    @property
    def said(self) -> str:
        """For the title of the axis: the unit, and that the axis is none of equal steps."""
        return f"{self.unit}, logarithmic" if self.logarithmic else self.unit


def scale_of(seconds: Iterable[float], *, logarithmic: bool | None = None) -> Scale:
    """The scale on which these are read best. `logarithmic` says outright whether it is."""
    known = [value for value in seconds if isfinite(value) and value > 0]
    largest, smallest = max(known, default=1.0), min(known, default=1.0)
    wide = largest >= LOGARITHMS_FROM * smallest if logarithmic is None else logarithmic
    return Scale("s", 1.0, wide) if largest >= SECONDS_FROM else Scale("ms", 1000.0, wide)


def logarithmic_axis(low: float, high: float) -> dict[str, Any]:
    """An axis in logarithms from one value to another, with ticks at 1, 2 and 5 of each power of ten, or at these alone."""
    low, high = max(low, 1e-9), max(high, low * 1.01, 1e-9)
    steps = _STEPS if log10(high / low) < 2.5 else (1,)
    ticks = [step * 10.0**power for power in range(floor(log10(low)), floor(log10(high)) + 1) for step in steps]
    inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
    return {"type": "log", "range": [log10(low), log10(high)], "tickvals": inside, "ticktext": [f"{tick:,.10g}" for tick in inside]}


def from_zero(values: Iterable[float | None]) -> dict[str, Any]:
    """An axis from 0 to somewhat above the largest of these. Of an interval that is much wider the end is cut off."""
    largest = max((value for value in values if value is not None and isfinite(value)), default=0.0)
    return {"range": [0, _ABOVE * largest]} if largest > 0 else {"rangemode": "tozero"}


def ratio_axis(low: float, high: float) -> dict[str, Any]:
    """An axis of ratios from one to another, on which twice and half are as far from the same, with as many ticks as have room."""
    span = log10(high / low)
    powers = [10.0**power for power in range(floor(log10(low)), floor(log10(high)) + 1)]
    wanted = [1.0, *powers, *(step * power for power in powers for step in (2, 5)), *_NEAR_ONE]
    ticks: list[float] = []
    for tick in wanted:
        if low <= tick <= high and all(abs(log10(tick / other)) >= _TICK_ROOM * span for other in ticks):
            ticks.append(tick)
    return {"type": "log", "range": [log10(low), log10(high)], "tickvals": sorted(ticks), "ticktext": [f"{tick:g}×" for tick in sorted(ticks)]}

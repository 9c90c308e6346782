"""What values mean: thresholds that colour them, and texts that stand for them."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.dash.colours import Colour


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A colour for the lowest values, and others from a value upwards, lowest first."""

    base: Colour
    steps: tuple[tuple[float, Colour], ...] = ()

    def __post_init__(self) -> None:
        values = [value for value, _ in self.steps]
        if values != sorted(set(values)):
            raise ValueError(f"thresholds {values} are not in order; each must be above the one before it")


def high_is_bad(warning: float, bad: float) -> Thresholds:
    """Green below the first value, yellow below the second, red from there on."""
    return Thresholds(Colour.GREEN, ((warning, Colour.YELLOW), (bad, Colour.RED)))


def low_is_bad(warning: float, good: float) -> Thresholds:
    """Red below the first value, yellow below the second, green from there on."""
    return Thresholds(Colour.RED, ((warning, Colour.YELLOW), (good, Colour.GREEN)))


@dataclass(frozen=True, slots=True)
class ValueText:
    """What is shown for one value, a number or a label's."""

    value: float | str
    text: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class RangeText:
    """What is shown for values from one to another, both included."""

    lowest: float
    highest: float
    text: str
    colour: Colour


@dataclass(frozen=True, slots=True)
class NothingText:
    """What is shown for null and NaN."""

    text: str
    colour: Colour


Mapping = ValueText | RangeText | NothingText

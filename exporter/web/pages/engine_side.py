"""What an engine tells of itself, as pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalogue.metric import Metric
from catalogue.troubles.scrapes import SCRAPES
from catalogue.unified import PREFIX
from exporter.native.unified import Unified
from exporter.native.up import Ups
from exporter.wording import day, duration, percent, three_digits, whole, words

_GIB = 1 << 30
_MEANINGS = {trouble.name: trouble.meaning for trouble in SCRAPES}


@dataclass(frozen=True, slots=True)
class EngineNumber:
    """One number that an engine tells of itself: its name in words, the replica where there are several, its value with the unit."""

    name: str
    meaning: str
    replica: str
    value: str


@dataclass(frozen=True, slots=True)
class EngineSide:
    """What an engine tells of itself. `troubles` say why a page of its metrics could not be read."""

    numbers: Sequence[EngineNumber] = ()
    troubles: Sequence[str] = ()


def engine_side(target: str, unified: Unified, ups: Ups) -> EngineSide:
    """What a target tells now."""
    numbers = tuple(EngineNumber(_words(metric), metric.help, replica, _valued(metric, value)) for metric, replica, value in unified.told_of(target))
    troubles = tuple(
        f"{f'{replica}: ' if replica else ''}its metrics cannot be read ({reason}): {_MEANINGS.get(reason, '')}"
        for replica, reason in ups.reasons_of(target)
    )
    return EngineSide(numbers, troubles)


def _words(metric: Metric) -> str:
    name = words(metric.name.removeprefix(PREFIX).removesuffix("_total").removesuffix("_seconds").removesuffix("_ratio").removesuffix("_bytes"))
    return f"{name}, mean" if metric.type == "histogram" else name


def _valued(metric: Metric, value: float) -> str:
    name = metric.name.removesuffix("_total")
    if name.endswith("_timestamp_seconds"):
        return day(value)
    if name.endswith("_seconds"):
        return duration(value)
    if name.endswith("_bytes"):
        return f"{three_digits(value / _GIB)} GiB"
    return percent(value) if name.endswith("_ratio") else three_digits(value) if value % 1 else whole(value)

"""Writes the engines' series as lines, which are the same in the plain text format and in OpenMetrics."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from exporter.native.series import FamilySeries, PointedSeries

_SPECIAL = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


@dataclass(frozen=True, slots=True)
class Written:
    """The series of one family as lines. `series` counts the lines; `malformed` counts the samples that were left out."""

    lines: bytes
    series: int
    malformed: int


def write(family: FamilySeries) -> Written:
    """The family's lines. The samples of one histogram or summary stand together."""
    match family.type:
        case "histogram":
            lines = [line for labels, series in family.pointed.items() for line in _histogram(family.name, labels, series)]
        case "summary":
            lines = [line for labels, series in family.pointed.items() for line in _summary(family.name, labels, series)]
        case _:
            lines = [f"{family.name}{{{labels}}} {_number(value)}\n" for labels, value in family.singles.items()]
    return Written("".join(lines).encode(), len(lines), family.samples - len(lines))


def _number(value: float) -> str:
    written = repr(value)
    return _SPECIAL.get(written, written)


def _histogram(name: str, labels: str, series: PointedSeries) -> Iterator[str]:
    for upper, (as_written, value) in series.points.items():
        yield f'{name}_bucket{{{labels},le="{"+Inf" if upper == math.inf else as_written}"}} {_number(value)}\n'
    for total in (f"{name}_count", f"{name}_sum"):
        yield f"{total}{{{labels}}} {_number(series.totals[total])}\n"


def _summary(name: str, labels: str, series: PointedSeries) -> Iterator[str]:
    for as_written, value in series.points.values():
        yield f'{name}{{{labels},quantile="{as_written}"}} {_number(value)}\n'
    for total in (f"{name}_sum", f"{name}_count"):
        if total in series.totals:
            yield f"{total}{{{labels}}} {_number(series.totals[total])}\n"

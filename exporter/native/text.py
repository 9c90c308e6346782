"""Writes samples of engines as lines that every parser of Prometheus's formats takes.

The plain text format and OpenMetrics differ in the lines above a family's samples, not in the samples. What OpenMetrics
forbids (a negative counter, a histogram without its last bucket) is written in neither, so that both hold the same
series.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from probes.numbers import family as families
from probes.numbers.bound import bound
from probes.numbers.family import Family

_SPECIAL = {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}


@dataclass(frozen=True, slots=True)
class Written:
    """The series of one family as lines. `series` counts the lines; `malformed` counts the samples that were left out."""

    lines: bytes
    series: int
    malformed: int


class Labels:
    """Writes the labels of relayed series: `ours` first, then the engine's own, sorted by name.

    A label of the engine with a `reserved` name gets the prefix `exported_`, more than once if the engine has that name
    too. Prometheus does the same.
    """

    def __init__(self, ours: Mapping[str, str], reserved: frozenset[str]) -> None:
        self._ours = tuple(ours.items())
        self._reserved = reserved
        self._written: dict[families.Labels, str] = {}
        self._pairs: dict[str, tuple[tuple[str, str], ...]] = {}
        self._points: dict[tuple[families.Labels, str], tuple[str, str, float]] = {}

    def write(self, labels: families.Labels) -> str:
        """What stands between the braces of a sample with these labels."""
        written = self._written.get(labels)
        if written is None:
            pairs = (*self._ours, *sorted(self._renamed(dict(labels)).items()))
            written = self._written[labels] = ",".join(f'{name}="{escaped(value)}"' for name, value in pairs)
            self._pairs[written] = pairs
        return written

    def pairs(self, written: str) -> tuple[tuple[str, str], ...]:
        """What `write` has written so, by name and value."""
        return self._pairs[written]

    def write_point(self, labels: families.Labels, of: str) -> tuple[str, str, float]:
        """The labels but for `of` (`le` or `quantile`), as `write` gives them; that one as written, and the number that it holds.

        Several families have the same buckets.
        """
        found = self._points.get((labels, of))
        if found is None:
            point = next((value for name, value in labels if name == of), "")
            written = self.write(tuple(pair for pair in labels if pair[0] != of))
            found = self._points[labels, of] = written, point, _position(point)
        return found

    def _renamed(self, labels: dict[str, str]) -> dict[str, str]:
        for name in sorted(self._reserved & labels.keys()):
            free = f"exported_{name}"
            while free in labels:
                free = f"exported_{free}"
            labels[free] = labels.pop(name)
        return labels


def write(family: Family, labels: Labels) -> Written:
    """The family's lines. Each series is written once. The samples of one histogram or summary stand together."""
    match family.type:
        case "histogram":
            lines = [line for written, series in histograms(family, labels) for line in _histogram(family.name, written, series)]
        case "summary":
            lines = [line for written, series in summaries(family, labels) for line in _summary(family.name, written, series)]
        case _:
            lines = [f"{family.name}{{{written}}} {_number(value)}\n" for written, value in singles(family, labels)]
    return Written("".join(lines).encode(), len(lines), len(family.samples) - len(lines))


def escaped(text: str) -> str:
    """The text as it stands in a label's value, and in a HELP line of OpenMetrics."""
    return escaped_help(text).replace('"', r"\"")


def escaped_help(text: str) -> str:
    """The text as it stands in a HELP line of the plain text format."""
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    written = repr(value)
    return _SPECIAL.get(written, written)


def singles(family: Family, labels: Labels) -> Iterable[tuple[str, float]]:
    """The series of a family that have one sample each, which is written: their labels, and their values."""
    found: dict[str, float] = {}
    for sample in family.samples:
        if sample.value >= 0 or family.type != "counter":
            found.setdefault(labels.write(sample.labels), sample.value)
    return found.items()


@dataclass(slots=True)
class PointedSeries:
    """One histogram or summary: its buckets or quantiles by position, each with its label as written, and its sum and
    count by name.
    """

    points: dict[float, tuple[str, float]] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)


def histograms(family: Family, labels: Labels) -> Iterator[tuple[str, PointedSeries]]:
    """The family's histograms that are written, by their labels: not those that are incomplete, or contradict themselves."""
    return ((written, series) for written, series in _gathered(family, labels, "_bucket", "le") if _is_histogram(family.name, series))


def summaries(family: Family, labels: Labels) -> Iterator[tuple[str, PointedSeries]]:
    """The family's summaries that are written, by their labels: not those of which a value cannot be."""
    return ((written, series) for written, series in _gathered(family, labels, "", "quantile") if _is_summary(family.name, series))


def _gathered(family: Family, labels: Labels, suffix: str, label: str) -> Iterable[tuple[str, PointedSeries]]:
    """The family's samples by series. `label` (`le` or `quantile`) tells the samples of one series apart, and is left
    out of its labels.
    """
    found: dict[str, PointedSeries] = {}
    pointed = family.name + suffix
    for sample in family.samples:
        if sample.name == pointed:
            written, point, position = labels.write_point(sample.labels, label)
            _series(found, written).points[position] = (point, sample.value)
        else:
            _series(found, labels.write(sample.labels)).totals[sample.name] = sample.value
    return found.items()


def _series(found: dict[str, PointedSeries], labels: str) -> PointedSeries:
    series = found.get(labels)
    if series is None:
        series = found[labels] = PointedSeries()
    return series


def _is_histogram(name: str, series: PointedSeries) -> bool:
    points = sorted(series.points.items())
    bounds = [upper for upper, _ in points]
    counts = [value for _, (_, value) in points]
    return (
        bounds[-1:] == [math.inf]
        and bounds[0] >= 0
        and _are_counts(counts)
        and counts == sorted(counts)
        and series.totals.get(f"{name}_count") == counts[-1]
        and series.totals.get(f"{name}_sum", -1) >= 0
    )


def _histogram(name: str, labels: str, series: PointedSeries) -> Iterator[str]:
    """The lines of one histogram, buckets in ascending order."""
    for upper, (as_written, value) in sorted(series.points.items()):
        yield f'{name}_bucket{{{labels},le="{"+Inf" if upper == math.inf else as_written}"}} {_number(value)}\n'
    for total in (f"{name}_count", f"{name}_sum"):
        yield f"{total}{{{labels}}} {_number(series.totals[total])}\n"


def _is_summary(name: str, series: PointedSeries) -> bool:
    return (
        all(0 <= quantile <= 1 and not value < 0 for quantile, (_, value) in series.points.items())
        and _are_counts([series.totals.get(f"{name}_count", 0)])
        and series.totals.get(f"{name}_sum", 0) >= 0
    )


def _summary(name: str, labels: str, series: PointedSeries) -> Iterator[str]:
    """The lines of one summary, quantiles in ascending order."""
    for _, (as_written, value) in sorted(series.points.items()):
        yield f'{name}{{{labels},quantile="{as_written}"}} {_number(value)}\n'
    for total in (f"{name}_sum", f"{name}_count"):
        if total in series.totals:
            yield f"{total}{{{labels}}} {_number(series.totals[total])}\n"


def _position(point: str) -> float:
    """The number that a bucket's or quantile's label holds. A label that is no number comes before all others."""
    found = bound(point)
    return -math.inf if math.isnan(found) else found


def _are_counts(values: Iterable[float]) -> bool:
    return all(value >= 0 and value % 1 == 0 for value in values)

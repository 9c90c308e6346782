"""The series of engines' families that every parser of Prometheus's formats takes.

The plain text format and OpenMetrics differ in the lines above a family's samples, not in the samples. What OpenMetrics
forbids (a negative counter, a histogram without its last bucket) is written in no form, so that all hold the same
series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from exporter.native.labels import Labels
from probes.numbers.family import Family, FamilyType


@dataclass(slots=True)
class PointedSeries:
    """One histogram or summary: its buckets or quantiles by position, in ascending order, each with its label as written,
    and its sum and count by name.
    """

    points: dict[float, tuple[str, float]] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FamilySeries:
    """What is written of one family, by its labels as `Labels.write` gives them: `pointed` of histograms and summaries,
    `singles` of all others. `samples` is how many the engine wrote, with those that are left out.
    """

    name: str
    type: FamilyType
    labels: Labels
    samples: int
    singles: Mapping[str, float] = field(default_factory=dict)
    pointed: Mapping[str, PointedSeries] = field(default_factory=dict)


def series_of(family: Family, labels: Labels) -> FamilySeries:
    """The family's series, each once: not those that are incomplete, contradict themselves, or have a value that cannot be."""
    name, kind, samples = family.name, family.type, len(family.samples)
    match kind:
        case "histogram":
            return FamilySeries(name, kind, labels, samples, pointed=_gathered(family, labels, "_bucket", "le", _is_histogram))
        case "summary":
            return FamilySeries(name, kind, labels, samples, pointed=_gathered(family, labels, "", "quantile", _is_summary))
        case _:
            return FamilySeries(name, kind, labels, samples, singles=_singles(family, labels))


def _singles(family: Family, labels: Labels) -> Mapping[str, float]:
    found: dict[str, float] = {}
    for sample in family.samples:
        if sample.value >= 0 or family.type != "counter":
            found.setdefault(labels.write(sample.labels), sample.value)
    return found


def _gathered(family: Family, labels: Labels, suffix: str, label: str, is_whole: Callable[[str, PointedSeries], bool]) -> Mapping[str, PointedSeries]:
    """The family's samples by series, of those that are whole. `label` (`le` or `quantile`) tells the samples of one
    series apart, and is left out of its labels.
    """
    found: dict[str, PointedSeries] = {}
    pointed = family.name + suffix
    for sample in family.samples:
        if sample.name == pointed:
            written, point, position = labels.write_point(sample.labels, label)
            _series(found, written).points[position] = (point, sample.value)
        else:
            _series(found, labels.write(sample.labels)).totals[sample.name] = sample.value
    for series in found.values():
        series.points = dict(sorted(series.points.items()))
    return {written: series for written, series in found.items() if is_whole(family.name, series)}


def _series(found: dict[str, PointedSeries], labels: str) -> PointedSeries:
    series = found.get(labels)
    if series is None:
        series = found[labels] = PointedSeries()
    return series


def _is_histogram(name: str, series: PointedSeries) -> bool:
    bounds = list(series.points)
    counts = [value for _, value in series.points.values()]
    return (
        bounds[-1:] == [math.inf]
        and bounds[0] >= 0
        and _are_counts(counts)
        and counts == sorted(counts)
        and series.totals.get(f"{name}_count") == counts[-1]
        and series.totals.get(f"{name}_sum", -1) >= 0
    )


def _is_summary(name: str, series: PointedSeries) -> bool:
    return (
        all(0 <= quantile <= 1 and not value < 0 for quantile, (_, value) in series.points.items())
        and _are_counts([series.totals.get(f"{name}_count", 0)])
        and series.totals.get(f"{name}_sum", 0) >= 0
    )


def _are_counts(values: Iterable[float]) -> bool:
    return all(value >= 0 and value % 1 == 0 for value in values)

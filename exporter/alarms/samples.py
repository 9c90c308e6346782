"""Samples of those of chatprobe's metrics that the rules of its alerts look at, for as long as these look back."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Literal

from catalogue.metric import Metric
from exporter.alarms.course import Course, Window, quantile

Labels = tuple[str, ...]
Vector = dict[Labels, float]
"""A value for each set of labels."""
Bounds = Sequence[float]
"""Upper bounds of buckets, the last of which is infinite; none of what is no histogram."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is sampled of a metric. `within` says which of a histogram's bounds are: one, the last that is finite, or all. `only` are the values of
    labels without which a series is left out."""

    metric: Metric
    within: float | Literal["last", "all"] = "last"
    only: Mapping[str, Collection[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Present:
    """The series of a metric that there are now, by the values of their labels: a value, or of a histogram how much was observed up to each bound."""

    rows: Iterable[tuple[Labels, Sequence[float]]]
    bounds: Bounds = ()


Source = Callable[[Metric], Present]
Read = Callable[[Callable[[], None]], None]
"""Calls what reads the source, so that nothing changes meanwhile."""


class Samples:
    """What was sampled. Sums, minima and the like are by the labels that they are asked for by.

    Instants are on the monotonic clock. Series that end stay known for as long as the longest window, `longest_seconds`.
    """

    def __init__(self, source: Source, wanted: Iterable[Wanted], longest_seconds: float, read: Read) -> None:
        self._source = source
        self._read = read
        self._longest_seconds = longest_seconds
        self._families = {one.metric.name: _Family(one) for one in wanted}
        self._recorded: dict[tuple[str, Labels], Course] = {}
        self._instants = array("d")
        self._first = 0

    def take(self, now: float) -> None:
        """Sample everything."""
        self._instants.append(now)
        gone = bisect_right(self._instants, now - self._longest_seconds)
        del self._instants[:gone]
        self._first += gone
        self._read(self._take)

    def _take(self) -> None:
        for family in self._families.values():
            family.take(self._source(family.wanted.metric), self._number, self._first)

    def record(self, name: str, values: Vector) -> None:
        """Keep what was reckoned from this sample, as a recording rule does."""
        for labels in values.keys() | {labels for known, labels in self._recorded if known == name}:
            course = self._recorded.setdefault((name, labels), Course())
            value = values.get(labels)
            course.take(self._number, None if value is None else (value,), self._first)
            if course.is_over(self._first):
                del self._recorded[name, labels]

    def mean(self, name: str, seconds: float) -> Vector:
        """The average over time of what is kept under this name."""
        window = self._window(seconds)
        found = ((labels, course.mean(window)) for (known, labels), course in self._recorded.items() if known == name)
        return {labels: value for labels, value in found if value is not None}

    def now(self, metric: Metric, by: Labels, **only: Collection[str]) -> dict[Labels, list[float]]:
        """The values in the newest sample."""
        found: dict[Labels, list[float]] = {}
        for labels, course in self._of(metric, by, only):
            if (value := course.now) is not None:
                found.setdefault(labels, []).append(value)
        return found

    def gone(self, metric: Metric, by: Labels) -> set[Labels]:
        """Of which there were series, and are none now."""
        there = self.now(metric, by).keys()
        return {labels for labels, _ in self._of(metric, by, {}) if labels not in there}

    def increase(self, metric: Metric, seconds: float, by: Labels, *, within: float | None = None, **only: Collection[str]) -> Vector:
        """The growth of counters, or of how much histograms observed, of up to `within` where that is told."""
        bounds = self.bounds(metric)
        if within is not None and within not in bounds:
            return {}
        column = -1 if within is None else bounds.index(within)
        return {labels: grown[column] for labels, grown in self._summed(metric, by, only, seconds).items()}

    def rate(self, metric: Metric, seconds: float, by: Labels) -> Vector:
        """By how much counters grew in a second."""
        return {labels: grown / seconds for labels, grown in self.increase(metric, seconds, by).items()}

    def quantile(self, share: float, metric: Metric, seconds: float, by: Labels) -> Vector:
        """Of what a histogram observed, of which all bounds are sampled."""
        bounds = self.bounds(metric)
        return {labels: quantile(share, bounds, counts) for labels, counts in self._summed(metric, by, {}, seconds).items()}

    def highest(self, metric: Metric, by: Labels, over: Callable[[Course, Window], float | None], seconds: float) -> Vector:
        """The highest of what each series has in the window."""
        window, found = self._window(seconds), Vector()
        for labels, course in self._of(metric, by, {}):
            if (value := over(course, window)) is not None:
                found[labels] = max(found.get(labels, -inf), value)
        return found

    def bounds(self, metric: Metric) -> Bounds:
        """Those that are sampled."""
        return self._families[metric.name].bounds

    @property
    def _number(self) -> int:
        return self._first + len(self._instants) - 1

    def _window(self, seconds: float) -> Window:
        """Of the newest sample."""
        end = self._instants[-1]
        before = bisect_right(self._instants, end - seconds)
        return Window(seconds, end, self._first + before, self._number, self._instants[before:])

    def _summed(self, metric: Metric, by: Labels, only: Mapping[str, Collection[str]], seconds: float) -> dict[Labels, Sequence[float]]:
        """The growth of each column."""
        window, found = self._window(seconds), dict[Labels, Sequence[float]]()
        for labels, course in self._of(metric, by, only):
            if (grown := course.increases(window)) is not None:
                known = found.get(labels)
                found[labels] = grown if known is None else [one + more for one, more in zip(known, grown, strict=True)]
        return found

    def _of(self, metric: Metric, by: Labels, only: Mapping[str, Collection[str]]) -> Iterable[tuple[Labels, Course]]:
        """The series of a metric, each by some of its labels."""
        courses = self._families[metric.name].courses
        for name, values in only.items():
            place = metric.labels.index(name)
            courses = {labels: course for labels, course in courses.items() if labels[place] in values}
        if by == metric.labels[: len(by)]:
            return [(labels[: len(by)], course) for labels, course in courses.items()]
        places = [metric.labels.index(name) for name in by]
        return [(tuple([labels[place] for place in places]), course) for labels, course in courses.items()]


class _Family:
    """The series of one metric."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.bounds: Bounds = ()
        self.courses: dict[Labels, Course] = {}
        self._all_bounds: Bounds = ()
        self._chosen = [(wanted.metric.labels.index(name), values) for name, values in wanted.only.items()]

    def take(self, present: Present, number: int, oldest: int) -> None:
        """Other boundaries than before are those of a histogram that has begun anew."""
        if present.bounds != self._all_bounds:
            self._all_bounds, self.bounds = present.bounds, _kept(present.bounds, self.wanted.within)
            self.courses.clear()
        places = [self._all_bounds.index(bound) for bound in self.bounds]
        missing = self.courses.keys() - self._take_rows(present, places, number, oldest)
        for labels in missing:
            self.courses[labels].take(number, None, oldest)
            if self.courses[labels].is_over(oldest):
                del self.courses[labels]

    def _take_rows(self, present: Present, places: Sequence[int], number: int, oldest: int) -> set[Labels]:
        seen = set()
        for labels, row in present.rows:
            if all(labels[place] in values for place, values in self._chosen):
                course = self.courses.get(labels)
                if course is None:
                    course = self.courses[labels] = Course(len(places) or 1)
                course.take(number, [row[place] for place in places] if places else row, oldest)
                seen.add(labels)
        return seen


def _kept(bounds: Bounds, within: float | Literal["last", "all"]) -> Bounds:
    """Those of a histogram's bounds that are sampled."""
    match within:
        case "all":
            return bounds
        case "last":
            return bounds[-2:]
        case bound:
            return tuple(one for one in bounds if one in (bound, inf))

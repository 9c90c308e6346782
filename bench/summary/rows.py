"""What the tables of a summary have in common, on a terminal and in a report: which rows, in which unit, and what they do not say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.measures import E2E, FAILURES_WORST, FIRST_CONTENT, TTFT, Measure
from bench.summary.shape import LevelSummary, TargetAtLevel

_WITH_FAILURES = (TTFT.name, E2E.name)
"""Measures of which failed chats are shown as the worst; the JSON has all."""


def rows_of(level: LevelSummary, measure: Measure) -> Iterator[tuple[str, list[TargetAtLevel]]]:
    """(name among `measures`, the engines that have it): the measure, and with failed chats as the worst, where there are any."""
    for name in (measure.name, *([measure.name + FAILURES_WORST] if measure.name in _WITH_FAILURES else [])):
        yield name, [target for target in level.targets if name in target.measures and _worth_showing(target, name)]


def in_milliseconds(level: LevelSummary, measure: Measure) -> bool:
    """Whether a measure's values are shown so: times, where all medians are below 1 s."""
    medians = [target.known(measure.name, 0.5).value for target in level.targets]
    return measure.unit == "s" and all((median or 0.0) < 1 for median in medians)


def refusals(level: LevelSummary) -> Iterable[str]:
    """Why quantiles are not known, each reason once."""
    refused = (known.refused for target in level.targets for spread in target.measures.values() for known in spread.quantiles.values())
    return {reason.partition(";")[0]: reason for reason in refused if reason}.values()


def _worth_showing(target: TargetAtLevel, name: str) -> bool:
    """Of what would be the same as in another row nothing is shown."""
    if name == FIRST_CONTENT.name:
        return target.measures[name] != target.measures.get(TTFT.name)
    return not name.endswith(FAILURES_WORST) or target.counts.failed + target.counts.unsent > 0

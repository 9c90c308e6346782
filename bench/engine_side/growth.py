"""What an engine's counters and histograms grew by between two looks at one process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce

from bench.engine_side.reading import Reading
from catalogue import unified
from probes.numbers.histogram import Histogram, added
from probes.numbers.number import Number
from probes.numbers.page import Numbers, Value

GAUGES = frozenset(number for number, metric in unified.METRICS.items() if metric.type == "gauge")


def restarted(before: Reading, after: Reading) -> bool:
    """Whether the process of the later look is another than that of the earlier one, or counts anew."""
    if before.started_at is not None and after.started_at is not None and before.started_at != after.started_at:
        return True
    return any(_fell(value, after.numbers[number]) for number, value in before.numbers.items() if number not in GAUGES and number in after.numbers)


def grown(before: Reading, after: Reading, *, begin_late: bool) -> Numbers:
    """By how much each counter and histogram grew, of those that both looks have; nothing across a restart.

    `begin_late`: the engine's series appear with their first event, so that one which was not there yet stood at 0.
    """
    if before.problem is not None or after.problem is not None or restarted(before, after):
        return {}
    found: dict[Number, Value] = {}
    for number, value in after.numbers.items():
        if number in GAUGES or (number not in before.numbers and not begin_late):
            continue
        difference = value if number not in before.numbers else _less(value, before.numbers[number])
        if difference is not None:
            found[number] = difference
    return found


def summed(parts: Sequence[Numbers]) -> Numbers:
    """The numbers of several processes, or of several blocks, together: those that each of them has."""
    if not parts:
        return {}
    common = reduce(lambda left, right: left & right, (set(part) for part in parts))
    sums = {number: _sum(part[number] for part in parts) for number in common}
    return {number: value for number, value in sums.items() if value is not None}


def _sum(values: Iterable[Value]) -> Value | None:
    every = list(values)
    histograms = [value for value in every if isinstance(value, Histogram)]
    if not histograms:
        return float(sum(value for value in every if not isinstance(value, Histogram)))
    return added(histograms) if len(histograms) == len(every) else None


def _less(value: Value, before: Value) -> Value | None:
    if not isinstance(value, Histogram):
        return None if isinstance(before, Histogram) else value - before
    if not isinstance(before, Histogram) or before.bounds != value.bounds:
        return None
    counts = tuple(late - early for late, early in zip(value.counts, before.counts, strict=True))
    return Histogram(value.bounds, counts, value.total - before.total)


def _fell(before: Value, after: Value) -> bool:
    if isinstance(before, Histogram):
        return isinstance(after, Histogram) and (after.count < before.count or after.total < before.total)
    return not isinstance(after, Histogram) and after < before

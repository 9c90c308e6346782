"""What a course has found of each target when it is over: its knee, and its capacity in users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.capacity import Capacity, NoCapacity, of_search, of_sweep
from bench.courses.knee import Knee, NoKnee, knee
from bench.courses.search import Search
from bench.courses.sweep import Sweep
from bench.courses.verdict import Goal
from bench.engine_side.finding import Finding
from bench.level import Course, Measured

OBJECTIVE = 0.95
"""The share of chats that must be good, where nothing else is said."""


def outcome(course: Course, measured: Sequence[Measured], goal: Goal | None) -> tuple[Finding, ...]:
    """Of a sweep the knees, and with a goal the capacities too; of a search the capacities; of any other course nothing."""
    match course:
        case Sweep(targets=targets):
            return tuple(finding for target in targets for finding in _of_sweep(course, measured, target, goal))
        case Search(targets=targets):
            return tuple(_capacity(of_search(course, measured, target)) for target in targets)
        case _:
            return ()


def _of_sweep(sweep: Sweep, measured: Sequence[Measured], target: str, goal: Goal | None) -> Iterator[Finding]:
    match knee(measured, target, sweep.varying):
        case Knee() as found:
            figures = {"low": found.low, "high": found.high, "carried_per_second": found.carried_per_second}
            if found.at is not None:
                figures["at"] = found.at
            yield _limit("knee", target, found.words(sweep.varying), figures)
        case NoKnee(why=why):
            yield _unknown("knee", target, why)
    if goal is not None:
        yield _capacity(of_sweep(measured, target, sweep.varying, goal))


def _capacity(found: Capacity | NoCapacity) -> Finding:
    if isinstance(found, NoCapacity):
        return _unknown("capacity", found.target, found.why)
    figures = {"users": found.users} if found.too_many is None else {"users": found.users, "too_many": found.too_many}
    return _limit("capacity", found.target, found.words, figures)


def _limit(rule: str, target: str, words: str, figures: Mapping[str, float]) -> Finding:
    return Finding(rule=rule, kind="limit", target=target, level=None, words=words, figures=figures, advice="")


def _unknown(rule: str, target: str, why: str) -> Finding:
    return Finding(rule=rule, kind="unknown", target=target, level=None, words=why, figures={}, advice="")

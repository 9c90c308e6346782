"""What a course has found, target by target, for the summary and for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.courses import flow
from bench.courses.capacity import Capacity, NoCapacity, of_search, of_sweep
from bench.courses.evidence import Goal
from bench.courses.fidelity import fidelity
from bench.courses.fixed import Fixed
from bench.courses.knee import Knee, knee, rise
from bench.courses.replay import Replay
from bench.courses.search import Search
from bench.courses.sweep import Sweep
from bench.courses.varying import Varying
from bench.level import Course, Measured
from config.load import ClosedLoop

Figure = float | str | bool | None


@dataclass(frozen=True, slots=True)
class CourseOutcome:
    """One finding: `kind` is `knee`, `wait`, `overload`, `search`, `capacity` or `replay`."""

    kind: str
    target: str
    words: str
    figures: dict[str, Figure]

    def to_json(self) -> dict[str, object]:
        """As `summary.json` has it."""
        return {"kind": self.kind, "target": self.target, "words": self.words, "figures": self.figures}


def outcomes(course: Course, measured: Sequence[Measured], goal: Goal | None = None) -> tuple[CourseOutcome, ...]:
    """All that a course has found. `goal` is what a capacity is told for, of a sweep or of levels; a search has its own."""
    match course:
        case Fixed() if goal is not None:
            return tuple(_of_levels(measured, goal))
        case Sweep():
            return tuple(found for target in course.targets for found in _of_sweep(course, measured, target, goal))
        case Search():
            return tuple(found for target in course.targets for found in _of_search(course, measured, target))
        case Replay():
            return tuple(found for target in course.targets for level in measured for found in _of_replay(level, target))
    return ()


def _of_sweep(course: Sweep, measured: Sequence[Measured], target: str, goal: Goal | None) -> Iterator[CourseOutcome]:
    found = knee(measured, target, course.varying)
    if isinstance(found, Knee):
        figures: dict[str, Figure] = {
            "at": found.at, "low": found.low, "high": found.high, "confidence": found.confidence, "carried_per_second": found.carried_per_second,
        }  # fmt: skip
        yield CourseOutcome("knee", target, found.words(course.varying), figures)
    else:
        yield CourseOutcome("knee", target, f"no knee is named: {found.why}", {"at": None, "low": None, "high": None})
    left = rise(measured, target)
    if left is not None:
        low, high = course.varying.words(left.low), course.varying.words(left.high)
        yield CourseOutcome(
            "wait", target, f"the wait for first tokens leaves its level between {low} and {high}", {"low": float(left.low), "high": float(left.high)}
        )
    if not course.varying.of_users:
        yield from _overloads(measured, target)
    if goal is not None:
        yield _capacity(of_sweep(measured, target, course.varying, goal))


def _of_levels(measured: Sequence[Measured], goal: Goal) -> Iterator[CourseOutcome]:
    """The capacity by those levels that have one number of users; none where there are no such levels."""
    of_users = [level for level in measured if all(isinstance(load, ClosedLoop) and len(load.stages) == 1 for load in level.level.loads.values())]
    for target, load in of_users[0].level.loads.items() if of_users else ():
        if isinstance(load, ClosedLoop):
            yield _capacity(of_sweep(of_users, target, Varying(load), goal, "levels"))


def _of_search(course: Search, measured: Sequence[Measured], target: str) -> Iterator[CourseOutcome]:
    found = course.found(measured, target)
    amounts = {
        "amount": found.amount, "next_higher": found.next_higher, "surely_above": found.surely_above, "surely_below": found.surely_below,
    }  # fmt: skip
    words = {name: None if amount is None else course.varying.words(amount) for name, amount in amounts.items()}
    told = f"{words['amount']} is the most with {course.goal.words}" if found.amount else f"no amount has {course.goal.words}"
    sure = "".join(f"; {how} {words[name]}" for name, how in (("surely_above", "surely"), ("surely_below", "surely not")) if words[name])
    changed = "; the target changed meanwhile: what surely passed failed later" if found.unsteady else ""
    figures: dict[str, Figure] = {name: None if amount is None else float(amount) for name, amount in amounts.items()}
    yield CourseOutcome(
        "search", target, f"{told} ({found.stopped}){sure}{changed}", {**figures, "stopped": found.stopped, "unsteady": found.unsteady}
    )
    if not course.varying.of_users:
        yield from _overloads(measured, target)
    yield _capacity(of_search(course, measured, target))


def _of_replay(measured: Measured, target: str) -> Iterator[CourseOutcome]:
    found = fidelity(measured, target)
    if found is not None:
        figures: dict[str, Figure] = {
            "due": found.due, "begun": found.begun, "lag_p99_seconds": found.lag_p99_seconds, "lag_most_seconds": found.lag_most_seconds,
            "input_ratio": found.input_ratio, "output_ratio": found.output_ratio,
        }  # fmt: skip
        yield CourseOutcome("replay", target, found.words, figures)


def _overloads(measured: Sequence[Measured], target: str) -> Iterator[CourseOutcome]:
    for level in measured:
        seen = flow.under_water(level, target)
        if seen is not None:
            figures: dict[str, Figure] = {
                "level": level.level.name, "arrivals": seen.arrivals, "piled": seen.piled,
                "from_seconds": seen.from_seconds, "to_seconds": seen.to_seconds,
                "ttft_before_seconds": seen.ttft_before_seconds, "ttft_after_seconds": seen.ttft_after_seconds,
            }  # fmt: skip
            yield CourseOutcome("overload", target, f"{level.level.name} is {seen.words}", figures)


def _capacity(found: Capacity | NoCapacity) -> CourseOutcome:
    if isinstance(found, NoCapacity):
        return CourseOutcome("capacity", found.target, f"no capacity is told: {found.why}", {"users": None})
    told = found.evidence.goodput
    figures: dict[str, Figure] = {
        "users": found.users, "too_many": found.too_many, "way": found.way, "slo": found.goal.slo.name, "objective": found.goal.objective,
        "good": told.good, "attempts": told.attempts, "sure": found.sure, "at_rate": None if found.at_rate is None else float(found.at_rate),
    }  # fmt: skip
    return CourseOutcome("capacity", found.target, found.words, figures)

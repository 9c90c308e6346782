"""Courses, made of what a configuration says of them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bench.courses.evidence import Goal
from bench.courses.replay import Replay
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep, geometric
from bench.courses.traces import Excerpt, Recorded, read_trace
from bench.courses.varying import Varying
from config.bench_courses import BenchReplay, BenchSearch, BenchSweep, RateSteps, UserSteps
from config.load import ArrivalKind, ClosedLoop, Load, OpenLoop, RateStage, UserStage


def sweep_of(written: BenchSweep, targets: Sequence[str], like: Load, arrivals: ArrivalKind) -> Sweep:
    """A sweep over these targets. Users think and join as those of `like` do, if it has any."""
    varying = varying_like(like, arrivals, users=written.users is not None)
    steps = written.rate if written.users is None else written.users
    assert steps is not None
    return Sweep(tuple(targets), varying, _amounts(varying, steps))


def search_of(written: BenchSearch, targets: Sequence[str], like: Load, arrivals: ArrivalKind) -> Search:
    """A search for each of these targets. Users think and join as those of `like` do, if it has any."""
    lowest, highest = written.bounds
    bounds = Bounds(lowest, highest, Fraction(written.resolution), written.probes)
    goal = Goal(written.slo, float(written.objective), rounds=written.rounds)
    return Search(tuple(targets), varying_like(like, arrivals, users=written.of == "users"), bounds, goal)


def replay_of(written: BenchReplay, targets: Sequence[str], folder: Path) -> tuple[Replay, Recorded]:
    """A replay with these targets, and what was read of the trace. A path that is not absolute begins in the folder.

    Raises `bench.courses.traces.TraceError`.
    """
    part = Excerpt(written.from_seconds or 0.0, written.for_seconds, written.chats, written.longest_tokens, written.target)
    recorded = read_trace(folder / written.file, part, format=written.format, speed=written.speed)
    return Replay(tuple(targets), recorded.trace), recorded


def varying_like(like: Load, arrivals: ArrivalKind, *, users: bool) -> Varying:
    """What varies: users who are like those of a load, or the rate of chats that come in this way."""
    if not users:
        return Varying(OpenLoop((RateStage(Fraction(1)),), arrivals))
    if isinstance(like, ClosedLoop):
        return Varying(ClosedLoop((UserStage(1),), like.think_time, like.ramp_up_seconds))
    return Varying(ClosedLoop((UserStage(1),)))


def _amounts(varying: Varying, steps: RateSteps | UserSteps | tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    if isinstance(steps, tuple):
        return steps
    return geometric(varying, Fraction(steps.lowest), Fraction(steps.highest), steps.steps)

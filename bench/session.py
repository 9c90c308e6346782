"""One benchmark run from its configuration to its end: the look at the engines, the run, and the look at what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.caveat import Caveat
from bench.courses.fixed import fixed
from bench.courses.making import replay_of, search_of, sweep_of
from bench.courses.search import Search
from bench.design import Design, Hardware, designed, limits_for
from bench.events import Enough, Listener
from bench.level import Course, Level
from bench.looking import EngineSeen, after, before, hardware_seen, have_loaded, held, look
from bench.running import Ended, LiveRun, Plan, at_once
from config.bench import Bench
from config.model import Config, Limits
from config.scenario import Scenario
from exporter.native.scrape import Scraper
from probes.control import Control
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from traffic.roster import Member
from traffic.schedule import Clock, SystemClock

_GOES_ON = frozenset({Reason.VALIDATION, Reason.EMPTY, Reason.OVERLOADED})
"""Failures of the first chat that show an engine which serves: what becomes of the others is the run's to tell."""


Ready = Callable[[], Awaitable[None]]


class CannotRunError(Exception):
    """A run that cannot begin. The text says why, line by line, and what would help."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a configuration asks for, with the targets that there are: all that a dry run tells.

    `seen` are the targets that share hardware by the look of their URLs, where that was to be seen. `levels` are those
    that are known before the run.
    """

    name: str
    scenario: Scenario
    design: Design
    course: Course
    levels: tuple[Level, ...]
    limits: Limits
    seen: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def most_streams(self) -> int:
        """Chats at once at most, over all levels that there may be."""
        loads = [self.course.heaviest] if isinstance(self.course, Search) else [level.loads for level in self.levels]
        return max((limits_for(self.limits, self.scenario, each).streams for each in loads), default=self.limits.streams)


def lay_out(config: Config, members: Mapping[str, Member]) -> Layout:
    """What is to be run. Raises `bench.design.DesignError`, and `bench.courses.traces.TraceError`."""
    bench, name = config.bench, config.benched
    scenario = config.scenarios[name]
    course, levels, notes = _course(bench, scenario, tuple(members))
    seen = hardware_seen(members) if bench.hardware == "seen" else ()
    hardware: Hardware = ("shared" if seen else "own") if bench.hardware == "seen" else bench.hardware
    counted = len(levels) if bench.replay is None and bench.search is None else None
    design = designed(bench, scenario, tuple(members), hardware, counted)
    return Layout(name, scenario, design, course, levels, config.limits, seen, notes)


def check_duration(config: Config, targets: Sequence[str]) -> None:
    """Raises `bench.design.DesignError` where the run is too short for these targets, even if each has hardware of its own. Nobody is asked."""
    bench, scenario = config.bench, config.scenarios[config.benched]
    if bench.search is None and bench.replay is None:
        _, levels, _ = _course(bench, scenario, tuple(targets))
        designed(bench, scenario, targets, "own" if bench.hardware == "seen" else bench.hardware, len(levels))


def _course(bench: Bench, scenario: Scenario, targets: tuple[str, ...]) -> tuple[Course, tuple[Level, ...], tuple[str, ...]]:
    """The course, the levels of it that are known beforehand, and what there is to say of it. Raises `TraceError`."""
    if bench.sweep is not None:
        sweep = sweep_of(bench.sweep, targets, scenario.load, bench.arrivals)
        loads = {sweep.varying.words(amount): sweep.varying.load(amount) for amount in sweep.amounts}
        return sweep, tuple(Level(name, dict.fromkeys(targets, load)) for name, load in loads.items()), ()
    if bench.search is not None:
        return search_of(bench.search, targets, scenario.load, bench.arrivals), (), ()
    if bench.replay is not None:
        replay, recorded = replay_of(bench.replay, targets, Path())
        level = replay.next(())
        notes = tuple(f"{count} chats of the trace are left out: {why}" for why, count in recorded.left_out.items())
        return replay, () if level is None else (level,), notes
    course = fixed([level.load(scenario, bench.arrivals) for level in bench.levels] or [scenario.load], targets)
    return course, course.levels, ()


@dataclass(frozen=True, slots=True)
class Before:
    """What was seen of the engines before the run."""

    looked: tuple[EngineSeen, ...]
    caveats: tuple[Caveat, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """A run that is over, and what became of the engines meanwhile."""

    ended: Ended
    looked: tuple[EngineSeen, ...]
    caveats: tuple[Caveat, ...]


class Session:
    """The parts that measure, for one run: `look`, and then `hold`."""

    def __init__(self, layout: Layout, members: Mapping[str, Member], instruments: Instruments) -> None:
        self._layout = layout
        self._members = members
        self._instruments = instruments
        self._run: LiveRun | None = None

    @property
    def members(self) -> Mapping[str, Member]:
        """The targets; from the look on, with the models that they are chatted with."""
        return self._members

    def stop(self) -> bool:
        """End the run once its chats were cut off. False where it has not begun, so that there is nothing to keep."""
        if self._run is None:
            return False
        self._run.stop()
        return True

    async def look(self) -> Before:
        """Ask the engines what they are, have models loaded where that is allowed, and hold one chat with each.

        What they have now is kept to. Raises `CannotRunError` where one of them cannot be chatted with.
        """
        looked = await self._looks()
        _no_trouble({one.target: one.trouble for one in looked})
        kept = {one.target: self._members[one.target] for one in looked}
        self._members = {one.target: replace(kept[one.target], endpoint=held(kept[one.target].endpoint, one)) for one in looked}
        loaded = await asyncio.gather(*(have_loaded(self._instruments.control, member.endpoint) for member in self._members.values()))
        _no_trouble(dict(zip(self._members, loaded, strict=True)))
        if any(one.context_tokens is None and self._members[one.target].endpoint.load_model for one in looked):
            looked = await self._looks()  # only a model in memory has a context
        first = LiveRun(self._plan(), self._instruments.prober, self._instruments.control, self._instruments.clock)
        try:
            failed = _by_first_chats(await first.first_chats())
        finally:
            await first.close()
        return Before(looked, (*before(looked, self._members, self._layout.scenario), *failed))

    async def hold(self, earlier: Before, tell: Listener, enough: Enough | None = None, ready: Ready = at_once) -> Done:
        """Hold the run, and look at the engines again. What was measured is kept whatever ends it."""
        prober, control, clock = self._instruments.prober, self._instruments.control, self._instruments.clock
        run = LiveRun(self._plan(enough), prober, control, clock, tell, ready=ready, is_able=lambda: prober.running)
        self._run = run
        try:
            ended = await run.hold()
        finally:
            await run.close()
        later = await self._looks()
        return Done(ended, later, after(earlier.looked, later))

    def _plan(self, enough: Enough | None = None) -> Plan:
        layout = self._layout
        endpoints = {name: member.endpoint for name, member in self._members.items()}
        return Plan(layout.design, layout.name, layout.scenario, endpoints, layout.limits, layout.course, enough)

    async def _looks(self) -> tuple[EngineSeen, ...]:
        return tuple(await asyncio.gather(*(look(self._instruments.control, self._instruments.scraper, member) for member in self._members.values())))


@dataclass(frozen=True, slots=True)
class Instruments:
    """What measures, and what asks the engines."""

    prober: Prober
    control: Control
    scraper: Scraper
    clock: Clock
    worker_lags_seconds: list[float]
    """How late the loops of the measuring workers were by now, once a second each."""


@asynccontextmanager
async def instruments(workers: int = 1) -> AsyncIterator[Instruments]:
    """The parts on the machine's own clock, with so many measuring workers, while the context lasts."""
    clock = SystemClock()
    lags: list[float] = []
    async with Prober(workers, lambda _, seconds: lags.append(seconds)) as prober, Control() as control, Scraper(clock) as scraper:
        yield Instruments(prober, control, scraper, clock, lags)


def _by_first_chats(records: Sequence[ChatRecord]) -> tuple[Caveat, ...]:
    """What failed first chats say against the comparison. Raises `CannotRunError` where there can be none."""
    failed = {record.target: record.failure for record in records if record.failure is not None}
    _no_trouble({name: f"{failure.reason.value}: {failure.detail}" for name, failure in failed.items() if failure.reason not in _GOES_ON})
    return tuple(Caveat(f"the first chat with {name} failed: {failure.reason.value}: {failure.detail}", (name,)) for name, failure in failed.items())


def _no_trouble(troubles: Mapping[str, str]) -> None:
    lines = [f"{name} cannot be chatted with: {trouble}" for name, trouble in troubles.items() if trouble]
    if lines:
        raise CannotRunError("\n".join([*lines, "mend that, or leave it out with --targets"]))

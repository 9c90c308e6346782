"""Runs a benchmark: one level after another, each in rounds, each round in blocks, and tells its listeners what becomes of each chat."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.chat import Chat
from bench.design import Design, limits_for, seed_of
from bench.events import BlockBegun, BlockEnded, End, Enough, LevelBegun, Listener, RoundEnded, RunBegun, RunEnded
from bench.ledger import Ledger
from bench.level import Block, Course, Level, Measured
from bench.under_water import Noting, UnderWater
from config.load import ClosedLoop, Load, OpenLoop, Trace
from config.model import Limits, Scenario
from probes.ask import Endpoint
from probes.failure import Reason
from probes.record import ChatRecord
from traffic.admission import Admission
from traffic.attempts import Prober
from traffic.breaker import served
from traffic.conversation import script
from traffic.population import Population
from traffic.runner import Runner
from traffic.schedule import Clock, nanoseconds
from traffic.served import Questions, Served
from traffic.watch import Watch

LOOKS_EVERY_NS = nanoseconds(1)
"""How often it is asked whether a load is too much."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. `scenario` is called `name`, and held with the loads of the course in place of its own."""

    design: Design
    name: str
    scenario: Scenario
    endpoints: Mapping[str, Endpoint]
    limits: Limits
    course: Course
    enough: Enough | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `measured` are its levels, of which the last may be there in part."""

    end: End
    detail: str
    measured: tuple[Measured, ...]


def _nobody(_: object) -> None:
    """Takes what nobody has a use for."""


async def at_once() -> None:
    """Nothing is waited for."""


class LiveRun:
    """One benchmark run. `stop` may be called while it is held, from the event loop."""

    def __init__(
        self,
        plan: Plan,
        prober: Prober,
        control: Questions,
        clock: Clock,
        tell: Listener = _nobody,
        *,
        ready: Callable[[], Awaitable[None]] = at_once,
        is_able: Callable[[], bool] = lambda: True,
    ) -> None:
        """`ready` is awaited once a block's begin, or its end, was told: listeners may have something to look at before chats go on.

        `is_able` says whether chats can still be measured. It is asked after each block.
        """
        self._ready, self._is_able = ready, is_able
        self._plan = plan
        self._prober = prober
        self._clock = clock
        self._tell = tell
        self._population = Population(control, clock, _nobody)
        self._admission = Admission(plan.limits, clock, _nobody, shows=shows_life)
        self._checks = plan.scenario.checks
        self._population.update(plan.endpoints)
        self._stopped = asyncio.Event()
        self._rounds = self._blocks = 0
        self._began_ns = 0

    def stop(self) -> None:
        """End the run as soon as the chats that are under way were cut off."""
        self._stopped.set()

    async def first_chats(self) -> Sequence[ChatRecord]:
        """Hold one chat with each target, apart from the run: they show what is wrong, and are no part of what is measured."""
        return await asyncio.gather(*(self._first_chat(engine) for engine in self._population.engines.values()))

    async def _first_chat(self, engine: Served) -> ChatRecord:
        plan = self._plan
        watch = Watch(plan.name, plan.scenario, (engine,), self._checks)
        model = await engine.model()
        found = await engine.place()
        ask = watch.ask(engine, model, script(plan.scenario).next(), found.context_tokens)
        timeouts, connection = plan.scenario.timeouts, plan.scenario.connection
        return await self._prober.chat(engine.endpoint, ask, scenario=plan.name, timeouts=timeouts, connection=connection, due_ns=None, pair_id=None)

    async def hold(self) -> Ended:
        """Measure all levels of the course. What it could measure is kept, whatever ends it."""
        self._tell(RunBegun(self._plan.design.targets))
        self._began_ns = self._clock.monotonic_ns()
        measured: list[Measured] = []
        ended = Ended(End.FAILED, "the run broke", ())
        try:
            end, detail = await self._levels(measured)
            ended = Ended(end, detail, tuple(measured))
        except asyncio.CancelledError:
            ended = Ended(End.INTERRUPTED, "it was stopped at once", tuple(measured))
            raise
        finally:
            self._tell(RunEnded(ended.end, ended.detail))
        return ended

    async def close(self) -> None:
        """Ask the engines nothing any more."""
        await self._population.close()

    async def _levels(self, measured: list[Measured]) -> tuple[End, str]:
        enough = ""
        while (level := self._plan.course.next(measured)) is not None:
            if self._is_late():
                return End.DONE, "its time was over before all levels were measured"
            one, end, detail = await self._level(level)
            measured.append(one)
            if end in (End.INTERRUPTED, End.FAILED):
                return end, detail
            enough = detail if end is End.ENOUGH else enough
        return (End.ENOUGH, enough) if enough else (End.DONE, "")

    def _is_late(self) -> bool:
        ends_after = self._plan.design.ends_after_seconds
        return ends_after is not None and self._clock.monotonic_ns() - self._began_ns >= nanoseconds(ends_after)

    async def _level(self, level: Level) -> tuple[Measured, End, str]:
        design = self._plan.design
        rounds = design.rounds_of(level)
        blocks: list[Block] = []
        chats: list[Chat] = []
        self._admission.configure(limits_for(self._plan.limits, self._plan.scenario, level.loads))
        self._tell(LevelBegun(level, rounds, len(design.parts(level, 1))))
        end, detail = End.DONE, ""
        for number in range(1, rounds + 1):
            self._rounds += 1
            for part in design.parts(level, number):
                if self._blocks:
                    await self._or_stopped(self._clock.sleep_until(self._clock.monotonic_ns() + nanoseconds(design.pause_seconds)))
                if not self._stopped.is_set():
                    self._blocks += 1
                    block = design.block(level, part, number=self._blocks, round=number)
                    held, ended = await self._block(level, block, part.half)
                    blocks.append(held)
                    chats += ended
                if self._stopped.is_set():
                    return Measured(level, tuple(blocks), chats), End.INTERRUPTED, "it was interrupted"
                if not self._is_able():
                    return Measured(level, tuple(blocks), chats), End.FAILED, "the measuring worker is gone"
            self._tell(RoundEnded(level, number))
            if self._plan.enough is not None and (why := self._plan.enough(chats)) is not None:
                end, detail = End.ENOUGH, why
                break
        return Measured(level, tuple(blocks), chats), end, detail

    async def _block(self, level: Level, block: Block, half: int) -> tuple[Block, list[Chat]]:
        """Hold the chats of one block until all have ended. Gives the block, as long as it was, and its chats.

        A rate that is more than all of the block's targets can do is cut short.
        """
        watches = self._watches(level, block, half)
        water = UnderWater([target for target in block.targets if _is_steady(level.loads[target])])
        models = {name: engine.facts.model for name, engine in self._population.engines.items()}
        self._tell(BlockBegun(block, self._clock.epoch_seconds()))
        await self._or_stopped(self._ready())
        ledger = Ledger(block, models, self._clock, self._tell, water.ended)
        prober = Noting(self._prober, lambda target: water.begun(target, ledger.since_seconds(self._clock.monotonic_ns())))
        runner = Runner(prober, self._admission, self._clock, ledger)
        try:
            runner.schedule(watches)
            await self._or_stopped(self._load(block, ledger, water))
            held = replace(block, seconds=min(block.seconds, ledger.since_seconds(self._clock.monotonic_ns())))
            await self._finish(runner, 0 if self._stopped.is_set() or water.words else self._plan.design.grace_seconds)
        finally:
            ledger.close()
        self._tell(BlockEnded(held, self._clock.epoch_seconds(), "the run was interrupted" if self._stopped.is_set() else water.words))
        await self._or_stopped(self._ready())
        return held, ledger.chats

    async def _load(self, block: Block, ledger: Ledger, water: UnderWater) -> None:
        """Return when the block's time is over, or its load is more than any of its targets can do."""
        end_ns = ledger.start_ns + nanoseconds(block.seconds)
        while (now_ns := self._clock.monotonic_ns()) < end_ns:
            await self._clock.sleep_until(min(end_ns, now_ns + LOOKS_EVERY_NS))
            if water.all_are(ledger.since_seconds(self._clock.monotonic_ns())):
                return

    async def _finish(self, runner: Runner, grace_seconds: float) -> None:
        """Let the chats end that are under way, as long as the grace lasts and nobody stops the run. The others are cut off."""
        ending = asyncio.create_task(runner.stop(grace_seconds))
        await self._or_stopped(asyncio.wait({ending}))
        if not ending.done():
            self._prober.cancel_all()
        await ending

    async def _or_stopped(self, work: Awaitable[object]) -> None:
        """Wait for the end of this, or until the run is stopped."""
        waiting = {asyncio.ensure_future(work), asyncio.create_task(self._stopped.wait())}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _watches(self, level: Level, block: Block, half: int) -> list[Watch]:
        """What is watched in a block: its targets together where each prompt can go to all of them at one instant, else each alone.

        In both cases all get the same prompts in the same order, and have their chats due at the same instants after the
        block's begin.
        """
        plan = self._plan
        engines = [self._population.engines[target] for target in block.targets]
        paired = _can_be_paired([level.loads[target] for target in block.targets])
        seed = seed_of(plan.scenario.seed, self._rounds, half)
        scenario = plan.scenario.model_copy(update={"seed": seed, "pair": paired, "active": None, "yields": False})
        return [
            Watch(plan.name, scenario, group, self._checks, _within(level.loads[group[0].name], block.warm_up_seconds), chance="bench")
            for group in ([tuple(engines)] if paired else [(engine,) for engine in engines])
        ]


def shows_life(record: ChatRecord) -> bool | None:
    """Whether a chat shows that its target serves, as the breaker of a run sees it: one that was turned away for overload does.

    An engine that is loaded until it turns chats away is asked on: that is what the load is for.
    """
    return True if record.reason is Reason.OVERLOADED else served(record)


def _can_be_paired(loads: Sequence[Load | Trace]) -> bool:
    """Whether one prompt can go to all targets at once: their loads are one, and wait for no answer."""
    return len(loads) > 1 and not isinstance(loads[0], ClosedLoop) and all(load == loads[0] for load in loads)


def _is_steady(load: Load | Trace) -> bool:
    """Whether it is one rate from the begin to the end: chats that pile up under another load may be meant to."""
    return isinstance(load, OpenLoop) and len(load.stages) == 1


def _within(load: Load | Trace, warm_up_seconds: float) -> Load | Trace:
    """The load with all users there before the warm-up is over, where their number does not change."""
    if not isinstance(load, ClosedLoop) or len(load.stages) > 1 or not warm_up_seconds:
        return load
    thinking_seconds = load.think_time.mean_seconds if load.think_time else 0.0
    wanted_seconds = max(1.0, thinking_seconds) if load.ramp_up_seconds is None else load.ramp_up_seconds
    return replace(load, ramp_up_seconds=min(wanted_seconds, warm_up_seconds))

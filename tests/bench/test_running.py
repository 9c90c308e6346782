"""A run on a clock and engines under the test's hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, TypeVar

import pytest

from bench.chat import Chat
from bench.courses.fixed import fixed
from bench.design import Design, Hardware
from bench.events import BlockBegun, BlockEnded, ChatEnded, End, Enough, Event, LevelBegun, RoundEnded, RunBegun, RunEnded, Unsent
from bench.level import Course, Level, Measured
from bench.running import Ended, LiveRun, Plan
from config.load import Arrival, ClosedLoop, Exponential, Load, OpenLoop, RateStage, Trace, UserStage
from config.model import Limits
from probes.ask import Ask, Endpoint
from probes.chunk import Chunk
from probes.failure import Reason
from probes.record import ChatRecord
from tests.traffic.fakes import SECOND_NS, FakeClock, FakeControl, FakeProber, config, settle
from tests.waiting import PATIENCE_SECONDS
from traffic.breaker import FAILURES_TO_OPEN
from traffic.roster import roster

T = TypeVar("T")

TARGETS = "a: {backend: vllm, url: 'http://a', model: m}\n  b: {backend: vllm, url: 'http://b', model: m}"
USERS = ClosedLoop((UserStage(2),), Exponential(0.5))
RATE = OpenLoop((RateStage(Fraction(2)),), "poisson")
BLOCK_SECONDS, WARM_UP_SECONDS, PAUSE_SECONDS = 10.0, 2.0, 1.0


@dataclass
class Scene:
    run: LiveRun
    clock: FakeClock
    prober: FakeProber
    events: list[Event]
    holding: asyncio.Task[Ended] = field(init=False)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def chats(self) -> list[Chat]:
        return [event.chat for event in self.of(ChatEnded)]

    async def to_the_end(self) -> Ended:
        for _ in range(10_000):
            if self.holding.done():
                return self.holding.result()
            await self.clock.advance(1)
        raise AssertionError("the run does not end")


@asynccontextmanager
async def running(
    load: Load | Trace = USERS,
    *,
    hardware: Hardware = "own",
    rounds: int = 2,
    course: Course | None = None,
    enough: Enough | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    scenario: str = "every: 1m, max_tokens: 8",
    is_able: bool = True,
    control: FakeControl | None = None,
    backend: str = "vllm",
    takes_seconds: float = 0.25,
    grace_seconds: float = 5.0,
    ends_after_seconds: float | None = None,
    prober: type[FakeProber] = FakeProber,
) -> AsyncIterator[Scene]:
    settings = config(targets=TARGETS.replace("vllm", backend), scenario=scenario, prompt="prompt: short-question")
    members = roster(settings).members
    design = Design(tuple(members), hardware, rounds, BLOCK_SECONDS, WARM_UP_SECONDS, grace_seconds, PAUSE_SECONDS, ends_after_seconds)
    endpoints = {name: member.endpoint for name, member in members.items()}
    clock, events = FakeClock(), list[Event]()
    fake = prober(clock, takes_seconds=0 if prober is not FakeProber else takes_seconds)
    plan = Plan(design, "heartbeat", settings.scenarios["heartbeat"], endpoints, limits, course or _only(load, design.targets), enough)
    run = LiveRun(plan, fake, control or FakeControl(), clock, events.append, is_able=lambda: is_able)
    scene = Scene(run, clock, fake, events)
    scene.holding = asyncio.create_task(run.hold())
    try:
        yield scene
    finally:
        scene.holding.cancel()
        fake.let_go()
        await asyncio.gather(scene.holding, return_exceptions=True)
        await run.close()


def _only(load: Load | Trace, targets: Sequence[str]) -> Course:
    return Levels([Level("trace", dict.fromkeys(targets, load))]) if isinstance(load, Trace) else fixed([load], targets)


async def test_a_run_tells_its_levels_rounds_and_blocks_in_order() -> None:
    async with running(hardware="shared") as scene:
        ended = await scene.to_the_end()
    assert ended.end is End.DONE
    assert scene.events[0] == RunBegun(("a", "b"))
    assert scene.of(LevelBegun) == [LevelBegun(Level("2 users", {"a": USERS, "b": USERS}), rounds=2, blocks=4)]
    blocks = [event.block for event in scene.of(BlockBegun)]
    assert [(block.number, block.round, *block.targets) for block in blocks] == [
        (1, 1, "a"), (2, 1, "b"), (3, 1, "b"), (4, 1, "a"), (5, 2, "b"), (6, 2, "a"), (7, 2, "a"), (8, 2, "b"),
    ]  # fmt: skip
    assert [event.block for event in scene.of(BlockEnded)] == blocks
    assert [event.round for event in scene.of(RoundEnded)] == [1, 2]
    assert scene.events[-1] == RunEnded(End.DONE)
    assert [(one.blocks, len(one.chats)) for one in ended.measured] == [(tuple(blocks), len(scene.chats))]


async def test_chats_know_their_place_and_those_of_the_warm_up_count_for_nothing() -> None:
    async with running(hardware="shared", rounds=1) as scene:
        await scene.to_the_end()
    assert {(chat.target, chat.place.block) for chat in scene.chats} == {("a", 1), ("b", 2), ("b", 3), ("a", 4)}
    assert all(0 <= chat.place.since_seconds < BLOCK_SECONDS for chat in scene.chats)
    assert {chat.place.warm_up for chat in scene.chats} == {True, False}
    assert all(chat.place.warm_up is (chat.place.since_seconds < WARM_UP_SECONDS) for chat in scene.chats)
    assert all(chat.counts is not chat.place.warm_up for chat in scene.chats)


@pytest.mark.parametrize("hardware", ["own", "shared"])
@pytest.mark.parametrize("load", [USERS, RATE], ids=["users", "rate"])
async def test_all_targets_get_the_same_chats_at_the_same_instants_of_each_half_and_others_in_the_next(load: Load, hardware: Hardware) -> None:
    async with running(load, hardware=hardware) as scene:
        await scene.to_the_end()
    blocks: dict[int, list[tuple[str, str, float]]] = {}
    for event in scene.of(ChatEnded):
        blocks.setdefault(event.chat.place.block, []).append((event.chat.target, event.chat.prompt_id, event.chat.place.since_seconds))
    said = {
        (number, target): sorted((since, prompt) for name, prompt, since in chats if name == target)
        for number, chats in blocks.items()
        for target in ("a", "b")
        if any(name == target for name, _, _ in chats)
    }
    pairs = [((1, "a"), (1, "b")), ((2, "a"), (2, "b"))] if hardware == "own" else [((1, "a"), (2, "b")), ((4, "a"), (3, "b")), ((6, "a"), (5, "b"))]
    for one, other in pairs:
        assert said[one] == said[other]
        assert len(said[one]) > 5
    assert said[pairs[0][0]] != said[pairs[1][0]]
    assert len({prompt for _, prompt in said[pairs[0][0]]}) > 1


@pytest.mark.parametrize(("load", "paired"), [(USERS, False), (RATE, True), (Trace((Arrival(1, 5, 5), Arrival(8, 5, 5))), True)])
async def test_chats_that_wait_for_no_answer_go_to_all_at_one_instant(load: Load | Trace, paired: bool) -> None:
    async with running(load, rounds=1) as scene:
        await scene.to_the_end()
    ids = [chat.pair_id for chat in scene.chats]
    assert (None in ids) is not paired
    if paired:
        assert all(ids.count(one) == 2 for one in ids)


async def test_searched_targets_with_loads_of_their_own_are_not_paired() -> None:
    loads: dict[str, Load | Trace] = {"a": RATE, "b": OpenLoop((RateStage(Fraction(4)),), "poisson")}
    async with running(course=Levels([Level("own", loads)]), rounds=1) as scene:
        await scene.to_the_end()
    counts = {name: sum(chat.target == name for chat in scene.chats) for name in loads}
    assert counts["b"] > 1.4 * counts["a"] > 0
    assert all(chat.pair_id is None for chat in scene.chats)


async def test_a_trace_is_held_with_its_own_lengths() -> None:
    async with running(Trace((Arrival(1, 200, 3), Arrival(4, 200, 7))), rounds=1) as scene:
        await scene.to_the_end()
    assert sorted((name, ask.max_tokens) for name, ask in scene.prober.asks) == [("a", 3), ("a", 7), ("b", 3), ("b", 7)]
    assert sorted(chat.place.since_seconds for chat in scene.chats) == [1, 1, 4, 4]


async def test_no_chat_begins_after_the_block_and_those_under_way_may_end() -> None:
    async with running(takes_seconds=4, rounds=1) as scene:
        await scene.to_the_end()
    assert {chat.outcome for chat in scene.chats} == {"ok"}
    assert max(chat.place.since_seconds for chat in scene.chats) < BLOCK_SECONDS
    (ended,), (begun,) = scene.of(BlockEnded), scene.of(BlockBegun)
    assert BLOCK_SECONDS < ended.at - begun.at <= BLOCK_SECONDS + 4


async def test_what_does_not_end_within_the_grace_is_cut_off_and_no_attempt() -> None:
    async with running(rounds=1, grace_seconds=0.01) as scene:
        scene.prober.hold = True
        await scene.clock.advance(BLOCK_SECONDS + 1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.wait({scene.holding})
        ended = await scene.to_the_end()
    assert ended.end is End.DONE
    assert {chat.outcome for chat in scene.chats} == {"cut"}
    assert not any(chat.counts for chat in scene.chats)


async def test_a_dead_engine_is_a_result_and_the_others_go_on() -> None:
    """Its first chats fail; then they are held back, and those that were due are attempts that were not good. It comes back."""
    async with running(RATE, rounds=3) as scene:
        scene.prober.dead = {"b"}
        await scene.clock.advance(BLOCK_SECONDS + 5)
        scene.prober.dead = set()
        ended = await scene.to_the_end()
    assert ended.end is End.DONE
    first = [chat for chat in scene.chats if chat.place.round == 1]
    of_b = [chat for chat in first if chat.target == "b"]
    assert [chat.outcome for chat in of_b][:FAILURES_TO_OPEN] == ["failed"] * FAILURES_TO_OPEN
    unsent = [chat for chat in of_b if chat.outcome == "unsent"]
    assert {chat.reason for chat in unsent} == {"breaker"}
    assert all(chat.counts is (chat.place.since_seconds >= WARM_UP_SECONDS) for chat in unsent)
    assert {chat.model for chat in unsent} == {"m"}
    assert len(of_b) == len(first) - len(of_b)
    assert {chat.outcome for chat in first if chat.target == "a"} == {"ok"}
    assert {chat.outcome for chat in scene.chats if chat.place.round == 3} == {"ok"}
    assert all(event.record is None for event in scene.of(ChatEnded) if event.chat.outcome == "unsent")


async def test_an_engine_that_turns_chats_away_is_asked_on() -> None:
    async with running(RATE, rounds=1) as scene:
        scene.prober.reason = Reason.OVERLOADED
        await scene.to_the_end()
    assert len(scene.chats) > 2 * FAILURES_TO_OPEN
    assert {chat.outcome for chat in scene.chats} == {"failed"}


async def test_a_model_that_is_not_in_memory_is_not_loaded_and_its_chats_count_neither_way() -> None:
    async with running(RATE, rounds=1, backend="ollama", control=FakeControl(in_memory=False, listed=("m",))) as scene:
        await scene.to_the_end()
    assert scene.prober.asks == []
    assert scene.chats == []
    assert {(event.target, event.reason.value) for event in scene.of(Unsent)} == {("a", "model_not_loaded"), ("b", "model_not_loaded")}


async def test_an_interrupted_run_cuts_off_its_chats_and_keeps_the_others() -> None:
    async with running(takes_seconds=3) as scene:
        await scene.clock.advance(5)
        scene.prober.hold = True
        await scene.clock.advance(3)
        scene.run.stop()
        ended = await asyncio.wait_for(scene.holding, PATIENCE_SECONDS)
    assert (ended.end, scene.events[-1]) == (End.INTERRUPTED, RunEnded(End.INTERRUPTED, "it was interrupted"))
    outcomes = [chat.outcome for chat in scene.chats]
    assert outcomes.count("ok") >= 2
    assert outcomes.count("cut") == 4
    assert scene.events[-2] == BlockEnded(replace(scene.of(BlockBegun)[0].block, seconds=8.0), 1_800_000_008.0, "the run was interrupted")
    assert len(ended.measured[0].chats) == len(outcomes)
    assert [block.seconds for block in ended.measured[0].blocks] == [8.0]


async def test_a_run_that_is_interrupted_while_its_last_chats_end_does_not_wait_for_them() -> None:
    async with running() as scene:
        scene.prober.hold = True
        await scene.clock.advance(BLOCK_SECONDS + 1)
        scene.run.stop()
        assert (await asyncio.wait_for(scene.holding, PATIENCE_SECONDS)).end is End.INTERRUPTED
    assert {chat.outcome for chat in scene.chats} == {"cut"}


async def test_a_run_that_is_interrupted_between_two_blocks_begins_no_other() -> None:
    async with running() as scene:
        await scene.clock.advance(BLOCK_SECONDS + 1.5 * PAUSE_SECONDS / 2)
        assert len(scene.of(BlockEnded)) == 1
        scene.run.stop()
        ended = await asyncio.wait_for(scene.holding, PATIENCE_SECONDS)
    assert (ended.end, len(scene.of(BlockBegun)), len(ended.measured[0].blocks)) == (End.INTERRUPTED, 1, 1)


async def test_a_run_that_is_stopped_at_once_tells_its_end_and_nothing_more() -> None:
    async with running() as scene:
        scene.prober.hold = True
        await scene.clock.advance(3)
        scene.holding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await scene.holding
        scene.prober.let_go()
        await settle()
    assert scene.events[-1] == RunEnded(End.INTERRUPTED, "it was stopped at once")
    assert scene.chats == []


async def test_a_run_whose_worker_is_gone_has_failed() -> None:
    async with running(is_able=False) as scene:
        ended = await scene.to_the_end()
    assert (ended.end, ended.detail, len(scene.of(BlockBegun))) == (End.FAILED, "the measuring worker is gone", 1)


@dataclass
class Levels:
    """A course that keeps what it was told."""

    levels: list[Level]
    told: list[Sequence[Measured]] = field(default_factory=list)

    def next(self, measured: Sequence[Measured]) -> Level | None:
        self.told.append(tuple(measured))
        return self.levels[len(measured)] if len(measured) < len(self.levels) else None


async def test_the_course_is_told_what_was_measured_and_its_levels_say_their_own_rounds_and_lengths() -> None:
    levels = [Level("first", {"a": USERS}, rounds=1, seconds=20.0), Level("second", {"b": USERS}, rounds=3)]
    course = Levels(levels)
    async with running(course=course) as scene:
        await scene.to_the_end()
    assert [[one.level for one in measured] for measured in course.told] == [[], levels[:1], levels]
    assert [(event.block.level, event.block.round, event.block.seconds) for event in scene.of(BlockBegun)] == [
        ("first", 1, 20), ("second", 1, 10), ("second", 2, 10), ("second", 3, 10),
    ]  # fmt: skip
    assert {chat.target for chat in course.told[1][0].chats} == {"a"}


async def test_a_rate_that_is_more_than_an_engine_can_do_is_cut_short() -> None:
    """An engine that has one chat after another, each of a second, is asked for two a second."""
    level = Level("2/s", {"a": OpenLoop((RateStage(Fraction(2)),))}, seconds=600.0, rounds=1)
    async with running(course=Levels([level]), prober=OneAfterAnother) as scene:
        ended = await scene.to_the_end()
    (begun,), (over,) = scene.of(BlockBegun), scene.of(BlockEnded)
    assert 20 <= over.block.seconds < 120
    assert over.block == replace(begun.block, seconds=over.block.seconds)
    assert over.detail.startswith("a: more than the engine can do: of ")
    assert {chat.outcome for chat in scene.chats} == {"ok", "cut"}
    assert ended.end is End.DONE


async def test_a_rate_that_one_target_can_follow_goes_on_for_all() -> None:
    level = Level("2/s", dict.fromkeys("ab", OpenLoop((RateStage(Fraction(2)),))), seconds=60.0, rounds=1)
    async with running(course=Levels([level]), prober=OneAfterAnother) as scene:
        await scene.to_the_end()
    assert [event.detail for event in scene.of(BlockEnded)] == [""]


class OneAfterAnother(FakeProber):
    """The chats with a wait for each other, and take a second each from then on."""

    free_ns = 0

    async def chat(self, endpoint: Endpoint, ask: Ask, **more: Any) -> ChatRecord:
        if endpoint.name != "a":
            return await super().chat(endpoint, ask, **more)
        started_ns = self.clock.now_ns
        self.free_ns = max(self.free_ns, started_ns) + SECOND_NS
        waiting = {asyncio.create_task(self.clock.sleep_until(self.free_ns)), asyncio.create_task(self._gate.wait())}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        record = await super().chat(endpoint, ask, **more)
        chunks = () if record.outcome == "cancelled" else (Chunk(record.ended_ns, 1),)
        return replace(record, started_ns=started_ns, sent_ns=started_ns, chunks=chunks)


async def test_when_enough_is_known_of_a_level_the_next_one_follows() -> None:
    asked: list[int] = []

    def enough(chats: Sequence[Chat]) -> str | None:
        asked.append(len({(chat.place.level, chat.place.round) for chat in chats}))
        return "p95 is known to 5 %" if asked[-1] == 2 else None

    other = replace(USERS, stages=(UserStage(1),))
    async with running(course=fixed([USERS, other], ("a", "b")), rounds=4, enough=enough) as scene:
        ended = await scene.to_the_end()
    assert asked == [1, 2, 1, 2]
    assert [event.block.level for event in scene.of(BlockBegun)] == ["2 users", "2 users", "1 user", "1 user"]
    assert (ended.end, ended.detail) == (End.ENOUGH, "p95 is known to 5 %")


async def test_users_are_all_there_before_the_warm_up_is_over() -> None:
    async with running(ClosedLoop((UserStage(40),), None, 60.0), rounds=1, takes_seconds=30) as scene:
        await scene.clock.advance(WARM_UP_SECONDS)
        assert len(scene.prober.asks) == 80


async def test_the_limits_are_those_of_the_load() -> None:
    async with running(ClosedLoop((UserStage(30),)), rounds=1, limits=Limits(streams=10, streams_per_target=5)) as scene:
        scene.prober.hold = True
        await scene.clock.advance(5)
        assert len(scene.prober.asks) == 60
    assert scene.of(Unsent) == []


async def test_the_calendar_of_a_scenario_and_its_yielding_do_not_hold() -> None:
    async with running(RATE, rounds=1, scenario="every: 1m, active: 'Mon 00:00-00:01', yields: true") as scene:
        await scene.to_the_end()
    assert scene.of(Unsent) == []
    assert scene.chats


async def test_time_that_is_over_begins_no_further_level() -> None:
    levels = Levels([Level(f"level {number}", {"a": USERS, "b": USERS}, rounds=1) for number in range(100)])
    async with running(course=levels, ends_after_seconds=30.0) as scene:
        ended = await scene.to_the_end()
    assert len(ended.measured) == 3
    assert ended.detail == "its time was over before all levels were measured"


async def test_one_chat_with_each_target_comes_before_the_run() -> None:
    async with running() as scene:
        scene.holding.cancel()
        scene.prober.dead = {"b"}
        records = asyncio.create_task(scene.run.first_chats())
        await scene.clock.advance(1)
        assert {record.target: record.outcome for record in await records} == {"a": "ok", "b": "failed"}
    assert scene.chats == []

"""Courses on a simulated engine, through real sockets: its knee, its capacity and its load are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from bench.courses.capacity import Capacity, of_search
from bench.courses.evidence import Goal
from bench.courses.knee import Knee, knee
from bench.courses.making import replay_of
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep
from bench.courses.varying import Varying, amount_of
from bench.events import ChatEnded, End, Event
from bench.level import Course, Measured
from bench.session import Session, instruments, lay_out
from config.bench_courses import BenchReplay
from config.bench_slos import ChatSlo
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from config.reader import parse
from probes.record import ChatRecord
from simulator import Latency, Options, simulated
from simulator.options import Capacity as Room
from traffic.roster import roster

SLOTS = 4
TOKENS = 31
STEP_SECONDS = 0.02
CHAT_SECONDS = (TOKENS - 1) * STEP_SECONDS
CARRIES_PER_SECOND = SLOTS / CHAT_SECONDS
"""What the engine can do, as prompts cost it nothing."""
ENGINE = Options(
    latency=Latency(decode_seconds=STEP_SECONDS, batch_slowdown=0.0, first_token_seconds=0.0, prefill_tokens_per_second=1e9),
    capacity=Room(max_batch=SLOTS, kv_blocks=65_536),
    answer_tokens=TOKENS,
)
USERS = Varying(ClosedLoop((UserStage(1),)))
ATTEMPTS = 3
"""How often is measured until what is found is what must be: an engine on a busy machine carries less than it should."""


async def measured(url: str, course: Course, events: list[Event], *, block: str, rounds: int = 1, scenario: str = "") -> tuple[Measured, ...]:
    """What a run measures of one target, whose chats are as long as each other unless the scenario says so."""
    config = parse(f"""
    targets: {{vllm: {{backend: vllm, url: "{url}", model: tiny}}}}
    scenarios: {{bench: {{users: 1, ramp_up: 1s, prompt: short-question, {scenario}}}}}
    bench: {{rounds: {rounds}, block: {block}, warm_up: 1s, pause: 10ms, grace: 100ms}}
    """).config
    members = roster(config).members
    async with instruments() as measuring:
        session = Session(replace(lay_out(config, members), course=course), members, measuring)
        done = await session.hold(await session.look(), events.append)
    assert done.ended.end is End.DONE
    return done.ended.measured


def amounts(levels: Sequence[Measured]) -> list[Fraction | None]:
    return [amount_of(level.level, "vllm") for level in levels]


async def test_a_search_finds_as_many_users_as_the_engine_has_slots() -> None:
    """One user more, and somebody always waits: a quarter of a chat on average."""
    search = Search(
        ("vllm",), USERS, Bounds(Fraction(2), Fraction(16), Fraction(1, 100)), Goal(ChatSlo("own", ttft_seconds=CHAT_SECONDS / 5), objective=0.8)
    )
    for _ in range(ATTEMPTS):
        async with simulated("vllm", ENGINE) as engine:
            levels = await measured(engine.url, search, [], block="5s", scenario="max_tokens: 64")
        found = search.found(levels, "vllm")
        if found.amount == SLOTS:
            break
    assert found.stopped == "found"
    assert amounts(levels)[-1] == found.amount == SLOTS
    assert found.next_higher == SLOTS + 1
    capacity = of_search(search, levels, "vllm")
    assert isinstance(capacity, Capacity)
    assert (capacity.users, capacity.too_many) == (SLOTS, SLOTS + 1)


@pytest.mark.parametrize(
    ("varying", "steps", "at"),
    [(Varying(OpenLoop((RateStage(Fraction(1)),))), (2, 4, 6, 8, 12, 16), CARRIES_PER_SECOND), (USERS, (1, 2, 3, 5, 8, 12), SLOTS)],
    ids=["rate", "users"],
)
async def test_a_sweep_finds_the_knee(varying: Varying, steps: tuple[int, ...], at: float) -> None:
    sweep = Sweep(("vllm",), varying, tuple(map(Fraction, steps)))
    expected = pytest.approx((at, CARRIES_PER_SECOND), rel=0.15)
    for _ in range(ATTEMPTS):
        async with simulated("vllm", ENGINE) as engine:
            levels = await measured(engine.url, sweep, [], block="6s", scenario=f"max_tokens: {TOKENS}, exact_length: true")
        assert amounts(levels) == list(map(Fraction, steps))
        found = knee(levels, "vllm", varying)
        told = (found.at, found.carried_per_second) if isinstance(found, Knee) else found
        if told == expected:
            break
    assert told == expected


async def test_a_replay_follows_its_trace_to_the_nanosecond_with_its_lengths(tmp_path: Path) -> None:
    """Lateness is measured, and not asserted: when each chat was due is what the trace says."""
    at_ms = [0, 0, 37, 250, 251, 900, 1333, 1334, 2000]
    rows = [(at, 700 if number % 2 else 1500, 5 + number, [1, 2 + number]) for number, at in enumerate(at_ms)]
    (tmp_path / "trace.jsonl").write_text(
        "".join(
            f'{{"timestamp": {at}, "input_length": {given}, "output_length": {answered}, "hash_ids": {blocks}}}\n'
            for at, given, answered, blocks in rows
        )
    )
    course, _ = replay_of(BenchReplay.model_validate({"file": "trace.jsonl", "speed": 2.0}), ("vllm",), tmp_path)
    events: list[Event] = []
    async with simulated("vllm", ENGINE) as engine:
        (level,) = await measured(engine.url, course, events, block="5s", rounds=2, scenario="exact_length: true")
        truth = {chat.request_id: chat for chat in engine.truth.chats()}
    assert level.level.name == "trace of 9 chats at 2 times its speed"
    for number in (1, 2):
        records = _of_round(events, number)
        due = [record.due_ns for record in records]
        assert [later - earlier for earlier, later in pairwise(due) if earlier is not None and later is not None] == [
            (later - earlier) * 500_000 for earlier, later in pairwise(at_ms)
        ]
        assert all(record.schedule_lag_seconds >= 0 for record in records)
        assert [record.output_tokens for record in records] == [answered for _, _, answered, _ in rows]
        counted = [truth[record.request_id] for record in records]
        assert all(record.input_tokens == chat.prompt_tokens for record, chat in zip(records, counted, strict=True))
        later_ones = counted[3:]
        assert all((chat.cached_tokens or 0) > 400 for chat in later_ones), "their first block was in the prefix cache"
        assert not counted[0].cached_tokens, "nothing of an earlier round was"


def _of_round(events: Sequence[Event], number: int) -> list[ChatRecord]:
    found = [event for event in events if isinstance(event, ChatEnded) and event.chat.place.round == number]
    records = [event.record for event in found if event.record is not None]
    return sorted(records, key=lambda record: int(record.prompt_id.removeprefix("trace/")))

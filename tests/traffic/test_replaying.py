"""A trace that is held again: when its chats are due, and what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.load import Arrival, Trace
from probes.ask import Cache
from probes.prompts.fewest import TOKENS_OF_A_RANDOM_WORD
from tests.traffic.fakes import config, settle
from tests.traffic.test_runner import running
from traffic.conversation import Turn
from traffic.events import Skip, SkipReason
from traffic.replaying import Replay
from traffic.roster import roster
from traffic.schedule import Due
from traffic.watch import watches

SECOND_NS = 1_000_000_000
MS = 1_000_000
START_NS = 123_456_789


def trace(*at_seconds: float, speed: float = 1.0) -> Trace:
    return Trace(tuple(Arrival(at, 50, 8) for at in at_seconds), speed)


def said(*arrivals: Arrival, seed: int = 1, cache: Cache = "cold", block_tokens: int = 512) -> list[Turn]:
    replay = Replay(Trace(arrivals, block_tokens=block_tokens), START_NS, cache=cache, seed=seed)
    turns = []
    while replay.next(START_NS) is not None:
        turns.append(replay.script.next())
    return turns


def words(turn: Turn) -> list[str]:
    return turn.messages("vllm")[0].content.split()


def test_chats_are_due_as_the_trace_says() -> None:
    replay = Replay(trace(0, 0, 0.001, 27.482, 3600), START_NS, cache="cold", seed=1)
    assert [replay.next(START_NS) for _ in range(6)] == [
        Due(START_NS), Due(START_NS), Due(START_NS + MS), Due(START_NS + 27_482 * MS), Due(START_NS + 3600 * SECOND_NS), None,
    ]  # fmt: skip


def test_at_twice_the_speed_they_come_in_half_the_time() -> None:
    replay = Replay(trace(0, 3, speed=2.0), START_NS, cache="cold", seed=1)
    assert [replay.next(START_NS), replay.next(START_NS)] == [Due(START_NS), Due(START_NS + 1500 * MS)]
    assert trace(0, 3, speed=2.0).seconds == 1.5


def test_chats_that_are_late_by_a_little_are_all_held() -> None:
    replay = Replay(trace(0, 0.2, 0.4), 0, cache="cold", seed=1)
    assert [replay.next(SECOND_NS) for _ in range(3)] == [Due(0), Due(200 * MS), Due(400 * MS)]


def test_after_a_long_hold_up_chats_are_missed_and_the_others_say_their_own() -> None:
    replay = Replay(trace(0, 1, 2, 30, 31), 0, cache="warm", seed=1)
    assert replay.next(30 * SECOND_NS) == Due(30 * SECOND_NS, missed=3)
    assert replay.script.next().prompt_id == "trace/4"
    assert replay.next(90 * SECOND_NS) == Due(31 * SECOND_NS)
    assert replay.script.next().prompt_id == "trace/5"
    assert replay.next(90 * SECOND_NS) is None


def test_the_newest_is_held_however_late_where_none_follows() -> None:
    replay = Replay(trace(0, 1, 2), 0, cache="cold", seed=1)
    assert replay.next(90 * SECOND_NS) == Due(2 * SECOND_NS, missed=2)


def test_prompts_and_answers_have_the_lengths_of_the_trace() -> None:
    turns = said(Arrival(0, 1, 3), Arrival(1, 700, 250), Arrival(2, 20_000, 1))
    assert [turn.max_tokens for turn in turns] == [3, 250, 1]
    assert [turn.input_tokens for turn in turns] == [1, 700, 20_000]
    assert [len(words(turn)) for turn in turns] == [pytest.approx(tokens, abs=20) for tokens in (1, 700, 20_000)]
    assert turns[2].fewest_tokens == pytest.approx(20_000 * TOKENS_OF_A_RANDOM_WORD, rel=0.01)


def test_a_count_corrects_the_lengths_of_those_that_follow() -> None:
    replay = Replay(Trace((Arrival(0, 60, 8), Arrival(0, 500, 8), Arrival(0, 2000, 8))), 0, cache="cold", seed=1)
    for input_tokens, counted in ((60, 10), (500, 800)):
        replay.next(0)
        turn = replay.script.next()
        assert turn.input_tokens == input_tokens
        assert len(words(turn)) == pytest.approx(input_tokens, abs=30), "a short prompt tells too little of the others"
        replay.script.learn(turn, counted)
    replay.next(0)
    tokens_per_word = 800 / 480
    assert len(words(replay.script.next())) * tokens_per_word == pytest.approx(2000, rel=0.1)


def test_chats_begin_alike_up_to_the_end_of_the_last_block_that_they_have_in_common() -> None:
    one, other, stranger = said(Arrival(0, 300, 8, (1, 2, 3)), Arrival(0, 320, 8, (1, 2, 4)), Arrival(0, 300, 8, (9, 8)), block_tokens=100)
    common = 0
    for a, b in zip(words(one), words(other), strict=False):
        if a != b:
            break
        common += 1
    assert 200 <= common <= 210, "both blocks and the instruction"
    assert words(one)[10:20] != words(stranger)[10:20]


def test_what_no_block_names_is_the_chats_own() -> None:
    turns = said(Arrival(0, 400, 8), Arrival(0, 400, 8))
    assert words(turns[0])[10:] != words(turns[1])[10:]
    half_named = said(Arrival(0, 200, 8, (1,)), Arrival(0, 200, 8, (1,)), block_tokens=100)
    assert words(half_named[0])[20:90] == words(half_named[1])[20:90]
    assert words(half_named[0])[120:] != words(half_named[1])[120:]


def test_more_blocks_than_the_prompt_has_tokens_make_it_no_longer() -> None:
    assert len(words(said(Arrival(0, 150, 8, (1, 2, 3, 4)), block_tokens=100)[0])) == pytest.approx(150, abs=20)


def test_cold_chats_with_blocks_share_a_nonce_that_no_other_replay_has() -> None:
    first = said(Arrival(0, 50, 8, (1,)), Arrival(0, 50, 8, (1, 2)), Arrival(0, 50, 8), Arrival(0, 50, 8))
    again = said(Arrival(0, 50, 8, (1,)))
    assert first[0].nonce == first[1].nonce
    assert len({first[0].nonce, first[2].nonce, first[3].nonce, again[0].nonce, None}) == 5
    assert {turn.nonce for turn in said(Arrival(0, 50, 8, (1,)), Arrival(0, 50, 8), cache="warm")} == {None}


def test_every_replay_says_the_same_and_another_seed_says_something_else() -> None:
    arrivals = (Arrival(0, 50, 8, (1,)), Arrival(0, 700, 8, (1, 2)), Arrival(0, 50, 8))
    first, again, other = ([words(turn) for turn in said(*arrivals, seed=seed)] for seed in (1, 1, 2))
    assert first == again
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))


async def test_a_watch_with_a_trace_holds_its_chats_at_its_instants_with_its_lengths() -> None:
    settings = config()
    held = Trace((Arrival(0.25, 30, 5), Arrival(0.5, 40, 7), Arrival(2.125, 30, 5)))
    async with running(settings) as scene:
        listed = roster(settings)
        scene.runner.schedule(replace(watch, other=held) for watch in watches(listed, scene.population.engines))
        await scene.clock.advance(60)
        due = [record.due_ns for record in scene.records if record.prompt_id.startswith("trace/")]
        assert due == [250 * MS, 500 * MS, 2125 * MS]
        asked = [ask for _, ask in scene.prober.asks if ask.prompt_id.startswith("trace/")]
        assert [(ask.prompt_id, ask.max_tokens) for ask in asked] == [("trace/1", 5), ("trace/2", 7), ("trace/3", 5)]
        assert len({ask.nonce for ask in asked}) == 3


async def test_chats_that_were_missed_are_told() -> None:
    settings = config()
    held = Trace(tuple(Arrival(at, 30, 5) for at in (0.0, 1.0, 2.0, 20.0)))
    async with running(settings) as scene:
        scene.runner.schedule(replace(watch, other=held) for watch in watches(roster(settings), scene.population.engines))
        await settle()
        await scene.clock.jump(19)
        await scene.clock.advance(2)
        numbers = [record.prompt_id for record in scene.records if record.prompt_id.startswith("trace/")]
        assert numbers == ["trace/1", "trace/2", "trace/4"], "the second was waited for already when chatprobe was held up"
        assert sum(skip.count for skip in scene.heard.of(Skip) if skip.reason is SkipReason.MISSED) == 1


async def test_another_trace_begins_anew_and_the_same_one_goes_on() -> None:
    settings = config()
    async with running(settings) as scene:
        (watch,) = watches(roster(settings), scene.population.engines)
        assert replace(watch, other=trace(0, 1)).is_like(replace(watch, other=trace(0, 1)))
        assert not replace(watch, other=trace(0, 1)).is_like(replace(watch, other=trace(0, 2)))
        assert not replace(watch, other=trace(0, 1)).is_like(watch)

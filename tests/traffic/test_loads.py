"""The load shapes as the runner drives them: open and closed loops, conversations, pairs, calendars, and changes of what is watched."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from config.model import Config
from probes.ask import Endpoint
from probes.failure import Reason
from probes.numbers.loaded import LoadedModel
from tests.traffic.fakes import SECOND_NS, FakeControl, config, settle
from tests.traffic.test_runner import running
from tests.waiting import PATIENCE_SECONDS, eventually
from traffic.breaker import FAILURES_TO_OPEN
from traffic.driver import HELD_BACK_NS
from traffic.events import Breaker, Pair, Skip, SkipReason
from traffic.schedule import SystemClock

TWO = "x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: tgi, url: 'http://y', model: m}"


async def test_an_open_loop_begins_chats_whatever_became_of_those_before_them() -> None:
    async with running(config(scenario="rate: 20/s"), hold=True) as scene:
        await scene.clock.advance(5)
        assert len(scene.prober.asks) == 100
        assert scene.skips == []
        await scene.clock.advance(1)
        assert scene.skips == [SkipReason.TARGET_BUSY] * 20


async def test_chats_that_waited_for_a_stalled_engine_are_all_there_when_the_caps_allow_it() -> None:
    """No coordinated omission: whatever was due during the stall has a record with its whole wait."""
    async with running(config(scenario="rate: 20/s", limits="{streams: 1000, streams_per_target: 1000}"), hold=True) as scene:
        await scene.clock.advance(30)
        scene.prober.let_go()
        await settle()
        assert len(scene.records) == 600
        assert scene.skips == []
        waits = sorted(record.e2e_seconds for record in scene.records)
        assert waits[len(waits) // 2] == pytest.approx(15, abs=0.1)


async def test_a_closed_loop_has_as_many_chats_at_once_as_users_and_omits_what_it_could_not_ask() -> None:
    async with running(config(scenario="users: 20, think_time: 1s, ramp_up: 1s"), hold=True) as scene:
        await scene.clock.advance(30)
        assert (len(scene.prober.asks), scene.admission.in_flight) == (20, 20)
        scene.prober.let_go()
        await settle()
        assert (len(scene.records), scene.skips) == (20, [])


async def test_users_think_between_their_chats() -> None:
    async with running(config(scenario="users: 5, think_time: 2s, ramp_up: 2s"), takes_seconds=3) as scene:
        await scene.clock.advance(2 + 100)
        assert len(scene.prober.asks) == pytest.approx(5 * 100 / 5, abs=5)
        assert all(record.schedule_lag_seconds == 0 for record in scene.records)
        instants = [record.started_ns % (5 * SECOND_NS) for record in scene.records[-5:]]
        assert len(set(instants)) == 5  # spread by the ramp, not in step


async def test_users_without_think_time_whose_engine_refuses_at_once_try_once_a_second() -> None:
    async with running(config(scenario="users: 1"), reason=Reason.REJECTED) as scene:
        await scene.clock.advance(30)
        assert HELD_BACK_NS == SECOND_NS
        assert len(scene.records) + len(scene.skips) == pytest.approx(30, abs=1)
        assert len(scene.records) >= FAILURES_TO_OPEN


async def test_a_user_held_back_by_the_breaker_counts_one_attempt_each_think_time() -> None:
    async with running(config(scenario="users: 4, think_time: 5s, ramp_up: 4s"), reason=Reason.CONNECT) as scene:
        await scene.clock.advance(600)
        assert scene.heard.of(Breaker) == [Breaker("vllm", open=False), Breaker("vllm", open=True)]
        assert len(scene.records) + len(scene.skips) == pytest.approx(4 * 600 / 5, abs=4)
        assert len(scene.records) == pytest.approx(FAILURES_TO_OPEN + 600 / 10, rel=0.35)
        assert set(scene.skips) == {SkipReason.BREAKER}
        scene.prober.reason = None
        await scene.clock.advance(30)
        assert scene.heard.of(Breaker)[-1] == Breaker("vllm", open=False)
        skipped = len(scene.skips)
        await scene.clock.advance(60)
        assert len(scene.skips) == skipped


async def test_stages_change_how_many_users_there_are() -> None:
    stages = "stages: [{users: 2, for: 60s}, {users: 10, for: 60s}, {users: 0, for: 60s}], think_time: 1s, ramp_up: 1s"
    async with running(config(scenario=stages), takes_seconds=1) as scene:
        counts = []
        for _ in range(6):
            before = len(scene.prober.asks)
            await scene.clock.advance(60)
            counts.append(len(scene.prober.asks) - before)
        assert counts == [pytest.approx(expected, abs=10) for expected in (60, 300, 5, 60, 300, 5)]


async def test_a_conversation_carries_its_history_and_begins_again_after_a_failure() -> None:
    async with running(config(scenario="users: 1, think_time: 1s, ramp_up: 1s, conversation: customer-support", prompt="")) as scene:
        await scene.clock.advance(12)
        asks = [ask for _, ask in scene.prober.asks]
        assert [len(ask.messages) for ask in asks[:6]] == [1, 3, 5, 7, 9, 1]
        assert asks[1].messages[1].content == "An answer."
        assert len({ask.nonce for ask in asks[:5]}) == 1
        assert asks[5].nonce != asks[0].nonce
        assert asks[2].prompt_id == "customer-support/conversation/3"
        asked = len(scene.prober.asks)
        scene.prober.reason = Reason.STALLED
        await scene.clock.advance(1.5)
        scene.prober.reason = None
        await scene.clock.advance(2)
        later = [ask for _, ask in scene.prober.asks[asked:]]
        assert len(later[1].messages) == 1


async def test_arrivals_take_up_the_conversations_that_wait() -> None:
    async with running(config(scenario="rate: 1/s, conversation: educational", prompt=""), takes_seconds=0.5) as scene:
        await scene.clock.advance(5)
        assert [len(ask.messages) for _, ask in scene.prober.asks] == [1, 3, 5, 7, 9]


async def test_outside_its_calendar_a_scenario_rests_and_every_chat_is_accounted_for() -> None:
    async with running(config(scenario="every: 60s, active: 'Mon-Sun 12:00-13:00'")) as scene:
        await scene.clock.advance(86_400)
        assert len(scene.records) == pytest.approx(60, abs=1)
        assert set(scene.skips) == {SkipReason.INACTIVE}
        assert len(scene.records) + len(scene.skips) == pytest.approx(1_440, abs=1)
    async with running(config(scenario="users: 2, think_time: 30s, active: 'Mon-Sun 12:00-13:00'")) as scene:
        await scene.clock.advance(86_400)
        assert len(scene.records) == pytest.approx(240, abs=4)
        assert Counter(scene.skips).keys() == {SkipReason.INACTIVE}


async def test_the_token_budget_holds_chats_back() -> None:
    async with running(config(scenario="every: 1s, max_tokens: 10", limits="{tokens_per_hour: 100}")) as scene:
        await scene.clock.advance(600)
        assert sum((record.input_tokens or 0) + (record.output_tokens or 0) for record in scene.records) <= 100
        assert set(scene.skips) == {SkipReason.TOKEN_BUDGET}
        assert len(scene.records) >= 40
        await scene.clock.advance(3_700)
        assert len(scene.records) > 50


async def test_a_pair_is_the_same_prompt_for_all_at_the_same_instant() -> None:
    settings = config(targets=TWO, scenario="every: 10s, pair: true, prompt: {input_tokens: 50}", prompt="")
    async with running(settings) as scene:
        await scene.clock.advance(35)
        (first, a), (second, b) = scene.prober.asks[:2]
        assert {first, second} == {"x", "y"}
        assert (a.messages, a.nonce) == (b.messages, b.nonce)
        x, y = scene.records[:2]
        assert x.pair_id
        assert (x.pair_id, x.due_ns, x.started_ns) == (y.pair_id, y.due_ns, y.started_ns)
        assert scene.records[2].pair_id != x.pair_id
        pairs = scene.heard.of(Pair)
        assert len(pairs) == len(scene.records) / 2
        assert pairs[0].pair_id == x.pair_id
        assert {side.record for side in pairs[0].sides} == {x, y}


async def test_a_pair_with_a_dead_side_is_told_with_what_became_of_each() -> None:
    async with running(config(targets=TWO, scenario="every: 5s, pair: true"), dead={"y"}) as scene:
        await scene.clock.advance(60)
        pairs = scene.heard.of(Pair)
        assert len(pairs) == pytest.approx(12, abs=1)
        told = [{side.target: side.skip or (side.record and side.record.outcome) for side in pair.sides} for pair in pairs]
        assert told[0] == {"x": "ok", "y": "failed"}
        assert {"x": "ok", "y": SkipReason.BREAKER} in told


async def test_pairs_of_which_no_side_can_be_sent_are_told_too() -> None:
    async with running(config(targets=TWO, scenario="every: 5s, pair: true"), dead={"x", "y"}) as scene:
        await scene.clock.advance(120)
        assert len(scene.heard.of(Pair)) == (len(scene.records) + len(scene.skips)) / 2
        assert (None, None) in {tuple(side.record for side in pair.sides) for pair in scene.heard.of(Pair)}


@pytest.mark.parametrize(("answers", "became"), [(False, "failed"), (True, SkipReason.MODEL_NOT_LOADED)])
async def test_a_peer_that_does_not_say_what_it_has_in_memory_holds_nobody_up_and_is_sent_no_chat(
    answers: bool, became: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("traffic.attempts.PAIR_WAITS_SECONDS", 0.01)

    class Hanging(FakeControl):
        async def loaded_models(self, endpoint: Endpoint) -> tuple[LoadedModel, ...]:
            await asyncio.Event().wait()
            raise AssertionError

    targets = "x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: ollama, url: 'http://y', model: tiny}"
    async with running(config(targets=targets, scenario="every: 5s, pair: true"), control=Hanging()) as scene:
        scene.prober.answers = answers
        await scene.clock.advance(5)
        await eventually(lambda: bool(scene.heard.of(Pair)))
        assert ({target for target, _ in scene.prober.asks}, scene.prober.reached) == ({"x"}, ["y"])
        (pair,) = scene.heard.of(Pair)
        assert {side.target: side.skip or (side.record and side.record.outcome) for side in pair.sides} == {"x": "ok", "y": became}


async def test_a_change_that_comes_while_stopping_starts_nothing() -> None:
    async with running(config(), hold=True) as scene:
        await scene.clock.advance(10)
        stopping = asyncio.create_task(scene.runner.stop(30))
        await settle()
        asked = len(scene.prober.asks)
        scene.follow(config(scenario="users: 5, max_tokens: 7"))
        await scene.clock.advance(60)
        assert len(scene.prober.asks) == asked
        scene.prober.let_go()
        await asyncio.wait_for(stopping, PATIENCE_SECONDS)


async def test_a_schedule_that_is_always_late_lets_others_run() -> None:
    clock = SystemClock()
    ran = asyncio.Event()
    asyncio.get_running_loop().call_soon(ran.set)
    await clock.sleep_until(clock.monotonic_ns() - 1)
    assert ran.is_set()


async def test_paired_users_ask_together_and_hold_a_conversation_with_each() -> None:
    scenario = "users: 2, think_time: 1s, ramp_up: 1s, pair: true, conversation: creative"
    async with running(config(targets=TWO, scenario=scenario, prompt="")) as scene:
        await scene.clock.advance(4)
        by_target = Counter(target for target, _ in scene.prober.asks)
        assert by_target["x"] == by_target["y"]
        assert max(len(ask.messages) for _, ask in scene.prober.asks) >= 5


def two(*, x: str = "", scenario: str = "every: 10s") -> Config:
    return config(targets=f"x: {{backend: vllm, url: 'http://x', model: m{x}}}\n  y: {{backend: tgi, url: 'http://y', model: m}}", scenario=scenario)


async def test_what_does_not_change_keeps_its_schedule() -> None:
    async with running(two()) as scene:
        await scene.clock.advance(60)
        grid = {record.target: (record.due_ns or 0) % (10 * SECOND_NS) for record in scene.records[2:]}
        for _ in range(20):
            await scene.clock.advance(3)
            scene.follow(two(x=", headers: {X-Changed: now}"))
            await scene.clock.advance(3)
            scene.follow(two())
        await scene.clock.advance(60)
        assert scene.skips == []
        assert {record.target: (record.due_ns or 0) % (10 * SECOND_NS) for record in scene.records[2:]} == grid
        assert len(scene.records) == pytest.approx(2 * 240 / 10, abs=3)


async def test_new_keys_are_used_from_the_next_chat_on() -> None:
    async with running(two()) as scene:
        await scene.clock.advance(20)
        scene.follow(two(x=", headers: {X-Key: new}"))
        asked = len(scene.prober.endpoints)
        await scene.clock.advance(20)
        assert {tuple(endpoint.headers.items()) for endpoint in scene.prober.endpoints[asked:] if endpoint.name == "x"} == {(("X-Key", "new"),)}


async def test_a_target_that_is_gone_is_not_chatted_with_and_its_last_chats_end_by_themselves() -> None:
    async with running(two(), hold=True) as scene:
        await scene.clock.advance(10)
        one = config(targets="y: {backend: tgi, url: 'http://y', model: m}")
        scene.follow(one)
        asked = [target for target, _ in scene.prober.asks].count("x")
        assert asked
        scene.prober.let_go()
        await scene.clock.advance(60)
        assert [target for target, _ in scene.prober.asks].count("x") == asked
        assert [record.target for record in scene.records].count("x") == asked
        assert scene.runner.running


async def test_users_of_a_changed_scenario_leave_and_their_chats_end() -> None:
    async with running(config(scenario="users: 5, think_time: 1s, ramp_up: 1s"), hold=True) as scene:
        await scene.clock.advance(10)
        scene.follow(config(scenario="users: 2, think_time: 1s, ramp_up: 1s"))
        await scene.clock.advance(10)
        assert scene.admission.in_flight == 7
        scene.prober.let_go()
        await settle()
        assert (len(scene.records), {record.outcome for record in scene.records}) == (7, {"ok"})
        scene.prober.hold = False
        asked = len(scene.prober.asks)
        await scene.clock.advance(20)
        assert len(scene.prober.asks) - asked == pytest.approx(2 * 20, abs=4)


async def test_another_engine_under_the_same_name_is_asked_anew() -> None:
    async with running(config()) as scene:
        await scene.clock.advance(20)
        scene.follow(config(targets="vllm: {backend: vllm, url: 'http://elsewhere:8000', model: tiny}"))
        await scene.clock.advance(20)
        assert scene.prober.endpoints[-1].url == "http://elsewhere:8000"
        assert scene.population.engines["vllm"].endpoint.url == "http://elsewhere:8000"


async def test_every_chat_that_was_due_is_a_record_or_a_skip_under_a_storm_of_changes() -> None:
    settings = [two(scenario="rate: 5/s"), two(x=", load_model: false", scenario="rate: 5/s"), two(scenario="rate: 5/s, max_tokens: 5")]
    async with running(settings[0], takes_seconds=0.7) as scene:
        for number in range(100):
            await scene.clock.advance(0.5)
            scene.follow(settings[number % 3])
        await scene.clock.advance(1)
        await scene.clock.advance(2)
        asked = len(scene.prober.asks)
        ended = len(scene.records)
        assert ended + scene.admission.in_flight == asked
        assert len({record.request_id for record in scene.records}) == ended
        assert not scene.heard.of(Skip)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from config.model import Config
from probes.ask import UNKNOWN_MODEL, Ask
from probes.failure import Reason
from probes.prompts.fewest import fewest_of_random_words, fewest_tokens
from probes.record import ChatRecord
from tests.traffic.fakes import FakeClock, FakeControl, FakeProber, Heard, config, settle
from tests.waiting import PATIENCE_SECONDS
from traffic.admission import Admission
from traffic.events import Event, Facts, Skip, SkipReason
from traffic.population import Population
from traffic.roster import roster
from traffic.runner import Runner
from traffic.schedule import FIRST_CHAT_WITHIN_NS
from traffic.watch import watches
from traffic.yielding import UNKNOWN_USAGE, EngineLoad, Usage

OLLAMA = "ollama: {backend: ollama, url: 'http://engine:11434', model: tiny}"


@dataclass
class Scene:
    runner: Runner
    clock: FakeClock
    prober: FakeProber
    control: FakeControl
    heard: Heard
    admission: Admission
    population: Population

    def follow(self, settings: Config) -> None:
        listed = roster(settings)
        self.population.update(listed.endpoints)
        self.runner.schedule(watches(listed, self.population.engines))

    @property
    def records(self) -> list[ChatRecord]:
        return self.heard.of(ChatRecord)

    @property
    def skips(self) -> list[SkipReason]:
        return [skip.reason for skip in self.heard.of(Skip) for _ in range(skip.count)]


@asynccontextmanager
async def running(
    settings: Config,
    *,
    control: FakeControl | None = None,
    sink: Callable[[Event], None] | None = None,
    usage: Usage = UNKNOWN_USAGE,
    leads: Callable[[], bool] = lambda: True,
    **prober: object,
) -> AsyncIterator[Scene]:
    clock, heard = FakeClock(), Heard()
    control = control or FakeControl()
    fake = FakeProber(clock, **prober)  # type: ignore[arg-type]
    tell = sink or heard
    admission = Admission(settings.limits, clock, tell, usage)
    population = Population(control, clock, heard)
    runner = Runner(fake, admission, clock, tell, leads)
    scene = Scene(runner, clock, fake, control, heard, admission, population)
    scene.follow(settings)
    try:
        yield scene
    finally:
        fake.let_go()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("traffic.runner.CANCEL_SECONDS", 0.0)  # what waits for the clock heeds nothing, as that stands still now
            await runner.stop(1)
        await population.close()


async def test_each_target_has_its_first_chat_soon_and_then_one_each_interval() -> None:
    settings = config(targets="x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: tgi, url: 'http://y', model: m}", scenario="every: 60s")
    async with running(settings) as scene:
        await scene.clock.advance(FIRST_CHAT_WITHIN_NS / 1e9)
        assert sorted(record.target for record in scene.records) == ["x", "y"]
        await scene.clock.advance(3_600)
        assert len(scene.records) in (2 * 60, 2 * 60 + 1, 2 * 60 + 2)
        assert all(record.schedule_lag_seconds == 0 for record in scene.records)
        assert scene.skips == []


async def test_when_the_next_chat_of_a_target_is_due_is_known_where_no_user_decides_it() -> None:
    settings = config(targets="x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: tgi, url: 'http://y', model: m}", scenario="every: 60s")
    async with running(settings) as scene:
        await scene.clock.advance(FIRST_CHAT_WITHIN_NS / 1e9)
        (scenario, due_ns), *others = scene.runner.next_due("x").items()
        assert others == []
        assert scene.clock.now_ns < due_ns <= scene.clock.now_ns + 120e9
        begun = len(scene.prober.asks)
        await scene.clock.advance((due_ns - scene.clock.now_ns) / 1e9)
        assert [target for target, _ in scene.prober.asks[begun:]].count("x") == 1
        assert scene.runner.next_due("x")[scenario] == due_ns + 60e9
        assert scene.runner.next_due("nobody") == {}
    async with running(config(scenario="users: 2, think_time: 5s")) as scene:
        await scene.clock.advance(7)
        assert scene.runner.next_due("vllm") == {}


async def test_a_chat_is_asked_as_its_scenario_says() -> None:
    scenario = "every: 10s, max_tokens: 7, cache: cold, thinking: on, exact_length: true, seed: 5"
    async with running(config(scenario=scenario)) as scene:
        await scene.clock.advance(25)
        (target, ask), (_, second) = scene.prober.asks[:2]
    assert target == "vllm"
    assert (ask.model, ask.max_tokens, ask.cache, ask.thinking, ask.exact_length, ask.seed) == ("tiny", 7, "cold", True, True, 5)
    assert "Hello" in ask.messages[-1].content
    assert ask.nonce
    assert ask.nonce != second.nonce


@pytest.mark.parametrize(
    ("named", "asked"),
    [("model: made-up", ("served-name", None)), ("adapter: an-adapter", ("an-adapter", "an-adapter")), ("", ("served-name", None))],
)
async def test_the_first_chat_already_asks_for_what_answers_it(named: str, asked: tuple[str, str | None]) -> None:
    targets = f"tgi: {{backend: tgi, url: 'http://engine:8080', {named}}}"
    async with running(config(targets, "every: 10s"), control=FakeControl(listed=("served-name",))) as scene:
        await scene.clock.advance(25)
    assert {(ask.model, ask.adapter) for _, ask in scene.prober.asks} == {asked}


@pytest.mark.parametrize(("backend", "tokens_per_hour", "sent"), [("vllm", 1_100, True), ("tgi", 1_100, False), ("tgi", 2_100, True)])
async def test_a_chat_reserves_as_many_tokens_as_its_engine_may_answer_with(backend: str, tokens_per_hour: int, sent: bool) -> None:
    targets = f"engine: {{backend: {backend}, url: 'http://engine:8080', model: tiny}}"
    settings = config(targets, "every: 1h, max_tokens: 1025", limits=f"{{tokens_per_hour: {tokens_per_hour}}}")
    async with running(settings) as scene:
        await scene.clock.advance(3_600)
    assert (len(scene.prober.asks) > 0) is sent
    assert (SkipReason.TOKEN_BUDGET in scene.skips) is not sent


async def test_a_target_that_hangs_is_busy_at_its_cap_and_chatted_with_again_afterwards() -> None:
    async with running(config(limits="{streams_per_target: 2}"), hold=True) as scene:
        await scene.clock.advance(49)
        assert len(scene.prober.asks) == scene.admission.in_flight == 2
        assert set(scene.skips) == {SkipReason.TARGET_BUSY}
        skipped = len(scene.skips)
        assert skipped >= 2
        scene.prober.let_go()
        await settle()
        assert (len(scene.records), scene.admission.in_flight) == (2, 0)
        await scene.clock.advance(10)
        assert (len(scene.records), len(scene.skips)) == (3, skipped)


@pytest.mark.parametrize("scenario", ["every: 10s", "users: 2"])
async def test_without_the_lease_nothing_is_sent_whatever_the_roster_says(scenario: str) -> None:
    held = True
    async with running(config(scenario=scenario), leads=lambda: held) as scene:
        await scene.clock.advance(25)
        sent = len(scene.prober.asks)
        assert sent > 0
        held = False
        await scene.clock.advance(60)
        assert len(scene.prober.asks) == sent
        assert scene.skips == []
        held = True
        await scene.clock.advance(25)
        assert len(scene.prober.asks) > sent


async def test_without_the_lease_chats_that_nobody_could_start_are_another_s_to_tell_of() -> None:
    async with running(config(), leads=lambda: False) as scene:
        await scene.clock.advance(30)
        await scene.clock.jump(40)
        assert (scene.records, scene.skips) == ([], [])


async def test_a_lease_that_is_lost_while_a_chat_is_made_ready_keeps_it_from_being_sent() -> None:
    answers = iter([True])
    async with running(config(), leads=lambda: next(answers, False)) as scene:
        await scene.clock.advance(25)
        assert scene.prober.asks == []
        assert (scene.records, scene.skips, scene.admission.in_flight) == ([], [], 0)


class Busy:
    def load(self, target: str) -> EngineLoad:
        return EngineLoad(generated_tokens_per_second=10, requests_waiting=0)


@pytest.mark.parametrize(("yields", "skipped"), [("true", {SkipReason.LOAD_SHARE}), ("false", set())])
async def test_a_scenario_that_yields_makes_way_for_others(yields: str, skipped: set[SkipReason]) -> None:
    settings = config(scenario=f"every: 10s, yields: {yields}", limits="{load_share: 0.1%}")
    async with running(settings, usage=Busy()) as scene:
        await scene.clock.advance(49)
        assert set(scene.skips) == skipped
        assert len(scene.records) == (1 if skipped else 5)
        assert len(scene.records) + len(scene.skips) == 5


async def test_the_global_cap_holds_back_the_other_targets() -> None:
    two = "x: {backend: vllm, url: 'http://x', model: m}\n  y: {backend: tgi, url: 'http://y', model: m}"
    async with running(config(targets=two, limits="{streams: 1, streams_per_target: 1}"), hold=True) as scene:
        await scene.clock.advance(10)
        assert len(scene.prober.asks) == 1
        assert SkipReason.GLOBAL_CAP in scene.skips


async def test_a_model_that_is_not_loaded_is_not_asked_for_unless_that_is_allowed() -> None:
    async with running(config(targets=OLLAMA), control=FakeControl(in_memory=False)) as scene:
        await scene.clock.advance(10)
        assert set(scene.skips) == {SkipReason.MODEL_NOT_LOADED}
        assert scene.prober.asks == []
        assert scene.admission.in_flight == 0
        assert scene.heard.of(Facts)[-1].model_loaded is False
        scene.control.in_memory = True
        await scene.clock.advance(10)
        assert [record.outcome for record in scene.records] == ["ok"]


async def test_the_context_of_the_model_in_memory_goes_with_each_chat() -> None:
    async with running(config(targets=OLLAMA), control=FakeControl(in_memory=True, context_tokens=2048)) as scene:
        await scene.clock.advance(10)
        scene.control.context_tokens = None
        await scene.clock.advance(10)
        assert [ask.context_tokens for _, ask in scene.prober.asks] == [2048, None]
    allowed = OLLAMA.replace("model: tiny", "model: tiny, load_model: true")
    async with running(config(targets=allowed), control=FakeControl(in_memory=True, context_tokens=2048)) as scene:
        await scene.clock.advance(10)
        assert [ask.context_tokens for _, ask in scene.prober.asks] == [2048]


async def test_what_is_known_of_a_prompts_length_goes_with_each_chat() -> None:
    async with running(config(prompt="prompt: {input_tokens: 3000}")) as scene:
        await scene.clock.advance(10)
        ((_, ask),) = scene.prober.asks
        assert ask.fewest_tokens == fewest_of_random_words(2980)
    async with running(config(prompt="conversation: customer-support")) as scene:
        await scene.clock.advance(20)
        asks = [ask for _, ask in scene.prober.asks]
        assert [ask.fewest_tokens for ask in asks] == [fewest_tokens(ask.messages) for ask in asks]
        assert asks[0].fewest_tokens < asks[1].fewest_tokens


@pytest.mark.parametrize(("failed_check", "longer"), [(None, False), ("whole_prompt", True)])
async def test_the_count_of_a_prompt_that_was_cut_corrects_no_length(failed_check: str | None, longer: bool) -> None:
    """3,000 words that an engine of another vocabulary counts as 6,000 become fewer; 3,000 that were cut stay."""
    reason = Reason.VALIDATION if failed_check else None
    settings = config(prompt="prompt: {input_tokens: 3000}")
    async with running(settings, input_tokens=6000, failed_check=failed_check, reason=reason) as scene:
        await scene.clock.advance(20)
        first, second = (len(ask.messages[0].content.split()) for _, ask in scene.prober.asks)
        assert (second >= first) is longer


@pytest.mark.parametrize("written", ["sampled", "unsampled", "none"])
async def test_each_chat_says_as_its_scenario_does_whether_it_is_traced(written: str) -> None:
    async with running(config(scenario=f"every: 10s, trace_context: {written}")) as scene:
        await scene.clock.advance(10)
        assert [ask.trace_context for _, ask in scene.prober.asks] == [written]


async def test_an_engine_that_answers_nothing_fails_without_a_chat() -> None:
    unnamed = "ollama: {backend: ollama, url: 'http://engine:11434'}"
    async with running(config(targets=unnamed), control=FakeControl(silent=True, in_memory=True)) as scene:
        await scene.clock.advance(5)
        assert [(record.model, record.reason) for record in scene.records] == [(UNKNOWN_MODEL, Reason.CONNECT)]
        assert (scene.prober.asks, scene.skips) == ([], [])
        scene.control.silent = False
        await scene.clock.advance(20)
        assert [(record.model, record.outcome) for record in scene.records[1:2]] == [("tiny", "ok")]


async def test_an_engine_that_answers_nothing_is_chatted_with_where_loading_is_allowed() -> None:
    allowed = OLLAMA.replace("model: tiny", "model: tiny, load_model: true")
    async with running(config(targets=allowed), control=FakeControl(silent=True), reason=Reason.CONNECT) as scene:
        await scene.clock.advance(5)
        assert [name for name, _ in scene.prober.asks] == ["ollama"]
        assert scene.prober.reached == []


async def test_an_engine_that_answers_after_all_is_not_chatted_with_unseen() -> None:
    async with running(config(targets=OLLAMA), control=FakeControl(silent=True)) as scene:
        scene.prober.answers = True
        await scene.clock.advance(10)
        assert (scene.prober.asks, scene.records, set(scene.skips)) == ([], [], {SkipReason.MODEL_NOT_LOADED})
        assert scene.admission.in_flight == 0


async def test_chats_that_load_the_model_without_leave_stop() -> None:
    async with running(config(targets=OLLAMA), control=FakeControl(in_memory=True)) as scene:
        scene.prober.load = "unwanted"
        await scene.clock.advance(605)
        assert len(scene.prober.asks) == 1
        assert set(scene.skips) == {SkipReason.LOADS_MODEL}
        scene.prober.load = None
        await scene.clock.advance(30)
        assert len(scene.prober.asks) > 2
        assert scene.heard.of(Facts)[-1].held_back is None


async def test_a_misspelt_model_of_ollama_is_a_failure_and_no_skip() -> None:
    control = FakeControl(listed=("other", "another"), in_memory=False)
    async with running(config(targets=OLLAMA), control=control, reason=Reason.MODEL_MISSING) as scene:
        await scene.clock.advance(30)
        assert scene.skips == []
        assert {record.reason for record in scene.records} == {Reason.MODEL_MISSING}


async def test_after_a_hold_up_chats_are_late_or_missed_and_none_is_lost() -> None:
    async with running(config()) as scene:
        await scene.clock.advance(30)
        before = len(scene.records)
        await scene.clock.jump(40)
        accounted = len(scene.records) + len(scene.skips) - before
        assert accounted == 4
        assert scene.skips == [SkipReason.MISSED] * 2
        assert all(record.schedule_lag_seconds > 0 for record in scene.records[before:])


async def test_what_breaks_in_a_probe_is_an_internal_failure_and_probing_goes_on() -> None:
    class Broken(FakeProber):
        async def chat(self, *args: object, **kwargs: object) -> ChatRecord:
            self.asks.append(("", Ask("", (), 1, "")))
            raise RuntimeError("a bug")

    async with running(config()) as scene:
        scene.prober.__class__ = Broken
        with capture_logs() as logs:
            await scene.clock.advance(25)
        assert len(scene.prober.asks) >= 2
        assert {record.reason for record in scene.records} == {Reason.INTERNAL}
        assert {record.failure.detail for record in scene.records if record.failure} == {"RuntimeError"}
        assert scene.admission.in_flight == 0
        assert scene.runner.running
    assert {line["event"] for line in logs if line["log_level"] == "error"} == {"a probe broke"}


async def test_a_schedule_that_breaks_is_said_and_not_running() -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("a bug in a sink")

    with capture_logs() as logs:
        async with running(config(limits="{streams_per_target: 1}"), sink=broken, hold=True) as scene:
            assert scene.runner.running
            await scene.clock.advance(20)
            assert not scene.runner.running
    assert "a schedule broke" in {line["event"] for line in logs}


async def test_stopping_starts_no_more_chats_and_lets_those_under_way_end() -> None:
    async with running(config(), hold=True) as scene:
        await scene.clock.advance(5)
        stopping = asyncio.create_task(scene.runner.stop(30))
        await settle()
        await scene.clock.advance(60)
        assert (len(scene.prober.asks), stopping.done(), scene.runner.running) == (1, False, False)
        scene.prober.let_go()
        await asyncio.wait_for(stopping, PATIENCE_SECONDS)
        assert [record.outcome for record in scene.records] == ["ok"]


async def test_chats_that_outlast_the_grace_time_are_cancelled() -> None:
    async with running(config(), hold=True) as scene:
        await scene.clock.advance(5)
        await asyncio.wait_for(scene.runner.stop(0.01), PATIENCE_SECONDS)
        assert [record.outcome for record in scene.records] == ["cancelled"]
        assert scene.admission.in_flight == 0


async def test_a_chat_that_does_not_even_heed_that_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("traffic.runner.CANCEL_SECONDS", 0.01)
    async with running(config(), hold=True, heeds_cancel=False) as scene:
        await scene.clock.advance(5)
        await asyncio.wait_for(scene.runner.stop(0.01), PATIENCE_SECONDS)
        assert (scene.records, scene.admission.in_flight) == ([], 0)


async def test_a_chat_whose_engine_is_still_being_asked_is_not_sent_after_the_stop() -> None:
    gate = asyncio.Event()

    class Slow(FakeControl):
        async def models(self, endpoint: object) -> tuple[str, ...]:
            await gate.wait()
            return ("tiny",)

    unnamed = "vllm: {backend: vllm, url: 'http://engine:8000'}"
    async with running(config(targets=unnamed), control=Slow()) as scene:
        await scene.clock.advance(5)
        stopping = asyncio.create_task(scene.runner.stop(30))
        await settle()
        gate.set()
        await asyncio.wait_for(stopping, PATIENCE_SECONDS)
        assert (scene.prober.asks, scene.records, scene.skips) == ([], [], [])

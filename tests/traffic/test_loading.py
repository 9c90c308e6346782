"""Loads that are allowed: apart from the chats, once at a time, and none of them thrown away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from probes.failure import Reason
from probes.load import LoadError, LoadFailure
from tests.traffic.fakes import FakeControl, config, settle
from tests.traffic.test_runner import Scene, running
from traffic.events import Facts, ModelLoad, Pair, SkipReason
from traffic.loading import FIRST_REST_SECONDS

ALLOWED = "ollama: {backend: ollama, url: 'http://engine:11434', model: tiny, load_model: true}"
MISSING_MEMORY = LoadError(LoadFailure.REFUSED, "unable to allocate CPU buffer")


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with running(config(targets=ALLOWED), control=FakeControl(in_memory=False)) as found:
        yield found


def loads(scene: Scene) -> int:
    return scene.control.questions.count("load")


async def test_a_chat_waits_for_the_load_and_others_of_its_scenario_are_skipped(scene: Scene) -> None:
    await scene.clock.advance(35)
    assert (loads(scene), scene.control.loading, scene.prober.asks) == (1, 1, [])
    assert set(scene.skips) == {SkipReason.LOADING}
    assert scene.admission.in_flight == 0
    scene.control.let_load()
    await settle()
    assert [record.outcome for record in scene.records] == ["ok"]
    assert scene.records[0].schedule_lag_seconds == 0
    assert [ask.context_tokens for _, ask in scene.prober.asks] == [4096]
    await scene.clock.advance(20)
    assert (loads(scene), len(scene.records)) == (1, 3)


async def test_it_is_told_that_the_target_loads_and_how_long_it_took(scene: Scene) -> None:
    await scene.clock.advance(10)
    began = scene.heard.of(Facts)[-1].loading_since
    assert began is not None
    await scene.clock.advance(30)
    scene.control.let_load()
    await settle()
    (load,) = scene.heard.of(ModelLoad)
    assert (load.target, load.failure) == ("ollama", None)
    assert load.seconds == pytest.approx(scene.clock.epoch_seconds() - began)
    assert scene.heard.of(Facts)[-1].loading_since is None


async def test_one_chat_of_each_scenario_waits_and_none_takes_another_s_place() -> None:
    targets = f"{ALLOWED}\n  other: {{backend: vllm, url: 'http://v', model: m}}"
    settings = config(targets=targets, scenario="every: 10s", limits="{streams: 1, streams_per_target: 1}")
    settings = settings.model_copy(update={"scenarios": dict.fromkeys(("a", "b"), settings.scenarios["heartbeat"])})
    async with running(settings, control=FakeControl(in_memory=False)) as scene:
        await scene.clock.advance(40)
        assert (loads(scene), {record.target for record in scene.records}) == (1, {"other"})
        assert SkipReason.TARGET_BUSY not in scene.skips
        scene.control.let_load()
        await settle()
        assert sorted(record.scenario for record in scene.records if record.target == "ollama") == ["a", "b"]
        assert loads(scene) == 1


async def test_a_load_that_fails_is_a_failure_in_the_engine_s_words_and_is_not_tried_again_at_once(scene: Scene) -> None:
    scene.control.load_error = MISSING_MEMORY
    scene.control.let_load()
    with capture_logs() as logs:
        await scene.clock.advance(10)
    assert [(record.reason, record.failure and record.failure.detail, record.e2e_seconds) for record in scene.records] == [
        (Reason.MODEL_LOAD, "unable to allocate CPU buffer", 0)
    ]
    assert [(load.failure, load.detail) for load in scene.heard.of(ModelLoad)] == [(LoadFailure.REFUSED, "unable to allocate CPU buffer")]
    assert [line["detail"] for line in logs if line["log_level"] == "warning"] == ["unable to allocate CPU buffer"]
    await scene.clock.advance(40)
    assert (loads(scene), set(scene.skips)) == (1, {SkipReason.LOAD_FAILED})
    await scene.clock.advance(FIRST_REST_SECONDS - 30)
    assert loads(scene) == 2
    await scene.clock.advance(FIRST_REST_SECONDS + 10)
    assert loads(scene) == 2  # the rest is twice as long
    scene.control.load_error = None
    await scene.clock.advance(FIRST_REST_SECONDS)
    assert (loads(scene), scene.records[-1].outcome) == (3, "ok")


async def test_a_model_that_others_load_meanwhile_is_chatted_with(scene: Scene) -> None:
    scene.control.load_error = MISSING_MEMORY
    scene.control.let_load()
    await scene.clock.advance(10)
    scene.control.in_memory = True
    await scene.clock.advance(10)
    assert [record.outcome for record in scene.records] == ["failed", "ok"]


async def test_targets_of_one_engine_load_one_after_the_other_and_what_is_in_memory_by_then_not_again() -> None:
    names = "\n  ".join(
        ALLOWED.replace("ollama:", f"{name}:", 1).replace("tiny", model) for name, model in (("a", "tiny"), ("b", "TINY"), ("c", "other"))
    )
    far = ALLOWED.replace("ollama:", "far:", 1).replace("engine", "another")
    control = FakeControl(listed=("tiny", "other"), in_memory=False)
    async with running(config(targets=f"{names}\n  {far}"), control=control) as scene:
        await scene.clock.advance(30)
        assert (loads(scene), control.loading, scene.prober.asks) == (2, 2, [])
        assert {facts.target for facts in scene.heard.of(Facts) if facts.loading_since is not None} == {"a", "b", "c", "far"}
        control.let_load()
        await settle()
        assert (loads(scene), {record.target for record in scene.records}) == (2, {"a", "b", "c", "far"})
        assert len(scene.heard.of(ModelLoad)) == 2
        assert all(engine.facts.loading_since is None for engine in scene.population.engines.values())


async def test_a_target_whose_turn_comes_after_a_load_that_failed_loads_itself() -> None:
    targets = f"{ALLOWED}\n  second: {{{ALLOWED.partition('{')[2]}"
    async with running(config(targets=targets), control=FakeControl(in_memory=False, load_error=MISSING_MEMORY)) as scene:
        await scene.clock.advance(10)
        assert loads(scene) == 1
        scene.control.let_load()
        await settle()
        assert (loads(scene), {load.target for load in scene.heard.of(ModelLoad)}) == (2, {"ollama", "second"})


async def test_a_load_that_waits_for_its_turn_is_given_up_with_its_leave() -> None:
    targets = f"{ALLOWED}\n  second: {{{ALLOWED.partition('{')[2]}"
    async with running(config(targets=targets), control=FakeControl(in_memory=False)) as scene:
        await scene.clock.advance(10)
        for engine in scene.population.engines.values():
            engine.use(replace(engine.endpoint, load_model=False))
        await settle()
        assert (loads(scene), scene.control.loading) == (1, 0)
        assert all(engine.facts.loading_since is None for engine in scene.population.engines.values())


async def test_a_model_that_was_made_anew_of_the_same_files_is_chatted_with_once_a_load_went_through(scene: Scene) -> None:
    """Ollama lists in memory what was loaded, by the digest of then."""
    scene.control.known_as, scene.control.loaded_as = {"tiny": "new"}, {"tiny": "old"}
    scene.control.let_load()
    await scene.clock.advance(60)
    assert loads(scene) == 1
    assert (scene.skips, {record.outcome for record in scene.records}, {ask.context_tokens for _, ask in scene.prober.asks}) == ([], {"ok"}, {4096})
    scene.control.known_as = {"tiny": "newer"}
    await scene.clock.advance(20)
    assert loads(scene) == 2
    scene.control.loaded_as = {}
    scene.control.in_memory = False
    await scene.clock.advance(10)
    assert loads(scene) == 3


async def test_where_it_is_not_told_what_is_in_memory_the_model_is_loaded_before_the_first_chat_and_after_one_without_an_answer(scene: Scene) -> None:
    scene.control.untold = True
    await scene.clock.advance(40)
    assert (loads(scene), scene.prober.asks) == (1, [])
    scene.control.let_load()
    await scene.clock.advance(40)
    assert (loads(scene), {record.outcome for record in scene.records}) == (1, {"ok"})
    scene.prober.reason = Reason.FIRST_TOKEN_TIMEOUT
    await scene.clock.advance(10)
    scene.prober.reason = None
    await scene.clock.advance(20)
    assert (loads(scene), scene.records[-1].outcome) == (2, "ok")


async def test_a_pair_does_not_wait() -> None:
    targets = f"{ALLOWED}\n  vllm: {{backend: vllm, url: 'http://v', model: tiny}}"
    async with running(config(targets=targets, scenario="every: 10s, pair: true"), control=FakeControl(in_memory=False)) as scene:
        await scene.clock.advance(20)
        assert loads(scene) == 1
        assert {record.target for record in scene.records} == {"vllm"}
        assert all(side.skip is SkipReason.LOADING for pair in scene.heard.of(Pair) for side in pair.sides if side.target == "ollama")
        scene.control.let_load()
        await scene.clock.advance(10)
        assert {record.target for record in scene.records[-2:]} == {"vllm", "ollama"}


@pytest.mark.parametrize("change", [", load_model: true", ""])
async def test_a_load_is_given_up_with_its_target_or_its_leave(change: str, scene: Scene) -> None:
    await scene.clock.advance(10)
    changed = ALLOWED.replace(", load_model: true", "") if not change else "other: {backend: vllm, url: 'http://v', model: m}"
    scene.follow(config(targets=changed))
    await settle()
    assert (scene.control.loading, scene.prober.asks) == (0, [])
    assert scene.heard.of(ModelLoad) == []
    assert scene.admission.in_flight == 0


async def test_stopping_waits_for_no_load(scene: Scene) -> None:
    await scene.clock.advance(10)
    await scene.runner.stop(grace_seconds=3600)
    assert (scene.records, scene.control.loading) == ([], 1)
    await scene.population.close()
    assert scene.control.loading == 0


async def test_a_chat_without_leave_never_loads() -> None:
    async with running(config(targets=ALLOWED.replace(", load_model: true", "")), control=FakeControl(in_memory=False)) as scene:
        await scene.clock.advance(30)
        assert (loads(scene), set(scene.skips)) == (0, {SkipReason.MODEL_NOT_LOADED})

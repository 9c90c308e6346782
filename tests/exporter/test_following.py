"""What becomes of the series when the configuration changes under them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from catalogue import own
from config.reader import parse
from config.references import MOST_PAIRED
from config.secrets import Secrets
from exporter.assembly import Metrics
from exporter.metrics.boundaries import added, beginning_anew
from probes.failure import Reason
from tests.exporter.chats import chat, failed
from tests.exporter.scrape import Scrape, promtool_accepts, scrape
from traffic.events import Breaker, Facts, Pair, Side, Skip, SkipReason
from traffic.roster import Roster, enlist, roster

CHAT = {"target": "vllm", "backend": "vllm", "model": "tiny", "scenario": "heartbeat"}
VLLM = 'vllm: {backend: vllm, url: "http://127.0.0.1:8000", model: tiny}'
TGI = 'tgi: {backend: tgi, url: "http://127.0.0.1:8001", model: tiny}'
HEARTBEAT = "heartbeat: {every: 15s, prompt: {text: Hello}}"
QUICK = "quick: {scenario: heartbeat, ttft: 60.5ms, objective: 99%}"


def listed(*, targets: tuple[str, ...] = (VLLM, TGI), scenarios: tuple[str, ...] = (HEARTBEAT,), slos: tuple[str, ...] = (QUICK,)) -> Roster:
    parts = {"targets": targets, "scenarios": scenarios, "slos": slos}
    return roster(parse("".join(f"{name}:\n" + "".join(f"  {line}\n" for line in lines) for name, lines in parts.items() if lines)).config)


@pytest.fixture
def metrics() -> Metrics:
    one = Metrics(listed(), {})
    for _ in range(3):
        one.recording(chat())
    return one


def probes(seen: Scrape, **labels: str) -> float | None:
    return seen.value(own.PROBES.name, **labels)


def test_the_same_again_changes_nothing(metrics: Metrics) -> None:
    before = scrape(metrics).samples
    metrics.recording.set_targets(listed())
    after = scrape(metrics).samples
    ours = [
        name
        for name in before
        if name.startswith("chatprobe_") and name not in (own.SERIES.name, own.EXPOSITION_DURATION.name, own.EXPOSITION_KEPT.name)
    ]
    assert [name for name in ours if before[name] != after[name]] == []


@pytest.mark.prometheus
def test_a_target_that_is_new_begins_at_zero_beside_those_that_go_on(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(targets=(VLLM, TGI, 'late: {backend: vllm, url: "http://127.0.0.1:8002", model: tiny}')))
    seen = scrape(metrics)
    assert (probes(seen, target="vllm"), probes(seen, target="late")) == (3, 0)
    assert seen.one(own.TARGETS.name, source="static") == 3
    promtool_accepts(metrics.exposition.render("")[0])


def test_a_target_that_comes_back_begins_anew(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(targets=(TGI,)))
    metrics.recording(chat())  # was under way
    assert probes(scrape(metrics), target="vllm") is None
    metrics.recording.set_targets(listed())
    assert probes(scrape(metrics), target="vllm") == 0


def test_another_backend_under_the_same_name_is_another_target(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(targets=(VLLM.replace("backend: vllm", "backend: openai"), TGI)))
    seen = scrape(metrics)
    assert {labels["backend"] for labels in seen.labels(own.PROBES.name) if labels["target"] == "vllm"} == {"openai"}
    assert probes(seen, target="vllm") == 0


def test_another_address_keeps_the_counters_and_shows_in_the_facts(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(targets=(VLLM.replace(":8000", ":9000"), TGI)))
    seen = scrape(metrics)
    assert probes(seen, target="vllm") == 3
    assert [labels["url"] for labels in seen.labels(own.TARGET_INFO.name) if labels["target"] == "vllm"] == ["http://127.0.0.1:9000"]


def test_a_scenario_that_goes_takes_its_series_along_and_a_new_one_begins_at_zero(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(scenarios=("other: {every: 15s, cache: warm}",), slos=()))
    seen = scrape(metrics)
    assert (probes(seen, scenario="heartbeat"), probes(seen, scenario="other")) == (None, 0)
    assert [labels["cache"] for labels in seen.labels(own.SCENARIO_INFO.name)] == ["warm"]
    metrics.recording(chat())
    metrics.recording(Skip("vllm", "heartbeat", SkipReason.TARGET_BUSY, at=0))
    assert probes(scrape(metrics), scenario="heartbeat") is None


def test_a_new_threshold_resets_its_whole_family_at_once_and_no_other(metrics: Metrics) -> None:
    other = QUICK.replace("60.5ms", "61ms")
    metrics.recording.set_targets(listed(slos=(other,)))
    seen = scrape(metrics)
    assert {labels["le"] for labels in seen.labels(own.TTFT.bucket)} >= {"0.061"}
    assert "0.0605" not in {labels["le"] for labels in seen.labels(own.TTFT.bucket)}
    assert seen.value(own.TTFT.count) == 0
    assert len(seen.labels(own.TTFT.count)) == 2
    assert (probes(seen), seen.value(own.TPOT.count), seen.value(own.SLO_TOTAL.name, slo="quick")) == (3, 3, 3)
    metrics.recording(chat())
    seen = scrape(metrics)
    assert (seen.one(own.TTFT.count, **CHAT), seen.one(own.TPOT.count, **CHAT)) == (1, 4)
    assert beginning_anew(listed().config, listed(slos=(other,)).config) == (own.TTFT,)


def test_a_threshold_that_is_a_boundary_anyway_resets_nothing(metrics: Metrics) -> None:
    before, after = listed().config, listed(slos=(QUICK, "there: {scenario: heartbeat, tpot: 50ms, objective: 99%}")).config
    assert beginning_anew(before, after) == ()
    assert added(before) == {own.TTFT: (0.0605,)}
    assert added(after) == added(before)


def test_slos_come_at_zero_and_go_with_their_series(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(slos=(QUICK, "there: {scenario: heartbeat, objective: 99%}")))
    seen = scrape(metrics)
    assert (seen.one(own.SLO_TOTAL.name, **CHAT, slo="quick"), seen.one(own.SLO_TOTAL.name, **CHAT, slo="there")) == (3, 0)
    metrics.recording(chat())
    metrics.recording.set_targets(listed(slos=("there: {scenario: heartbeat, objective: 99%}",)))
    seen = scrape(metrics)
    for metric in (own.SLO_GOOD, own.SLO_OBJECTIVE):
        assert {labels["slo"] for labels in seen.labels(metric.name)} == {"there"}
    assert seen.labels(own.SLO_THRESHOLD.name) == []
    assert seen.one(own.SLO_GOOD.name, **CHAT, slo="there") == 1


def test_a_model_that_is_known_is_kept_where_none_is_configured() -> None:
    unnamed = VLLM.replace(", model: tiny", "")
    metrics = Metrics(listed(targets=(unnamed,)), {})
    metrics.recording(Facts("vllm", "tiny"))
    metrics.recording(chat())
    metrics.recording.set_targets(listed(targets=(unnamed, TGI)))
    assert scrape(metrics).one(own.PROBES.name, **CHAT) == 1


def test_facts_and_breakers_of_targets_that_are_gone_are_not_heard(metrics: Metrics) -> None:
    metrics.recording.set_targets(listed(targets=(TGI,)))
    metrics.recording(Facts("vllm", "tiny"))
    metrics.recording(Breaker("vllm", open=True))
    assert not [labels for labels in scrape(metrics).all_labels() if labels.get("target") == "vllm"]


def test_an_open_breaker_is_shown_and_outlasts_a_change_of_the_model(metrics: Metrics) -> None:
    assert scrape(metrics).value(own.BREAKER_OPEN.name) is None
    metrics.recording(Breaker("vllm", open=True))
    metrics.recording(Facts("vllm", "another"))
    assert scrape(metrics).one(own.BREAKER_OPEN.name, target="vllm", backend="vllm", model="another") == 1
    metrics.recording(Breaker("vllm", open=False))
    assert scrape(metrics).value(own.BREAKER_OPEN.name) == 0


PAIRED = HEARTBEAT.replace("}}", "}, pair: true}")


@pytest.mark.prometheus
def test_pairs_and_their_winners() -> None:
    metrics = Metrics(listed(scenarios=(PAIRED,)), {})
    seen = scrape(metrics)
    assert [seen.value(own.PAIRS.name, target="vllm", peer="tgi"), seen.value(own.PAIR_WINS.name, target="tgi", peer="vllm")] == [0, 0]
    assert len(seen.labels(own.PAIR_WINS.name)) == 6
    ok, dead = Side("vllm", chat(), None), Side("tgi", failed(Reason.CONNECT, target="tgi"), None)
    metrics.recording(Pair("heartbeat", "1", (ok, dead)))
    metrics.recording(Pair("heartbeat", "2", (Side("vllm", None, SkipReason.BREAKER), dead)))
    metrics.recording(Pair("heartbeat", "3", (Side("vllm", None, SkipReason.GLOBAL_CAP), dead)))
    metrics.recording(Pair("gone", "4", (ok, dead)))
    seen = scrape(metrics)
    assert seen.value(own.PAIRS.name, target="vllm", peer="tgi") == seen.value(own.PAIRS.name, target="tgi", peer="vllm") == 2
    assert seen.value(own.PAIRS_UNDECIDED.name, target="vllm", peer="tgi", reason="input_tokens") == 0
    for measure in own.MEASURES:
        assert seen.value(own.PAIR_WINS.name, target="vllm", peer="tgi", measure=measure) == 1
        assert seen.value(own.PAIR_WINS.name, target="tgi", peer="vllm", measure=measure) == 0
    unequal = Side("tgi", replace(chat(target="tgi"), input_tokens=1 + (chat().input_tokens or 0)), None)
    metrics.recording(Pair("heartbeat", "5", (Side("vllm", replace(chat(), input_tokens=chat().input_tokens or 0), None), unequal)))
    seen = scrape(metrics)
    for one, other in (("vllm", "tgi"), ("tgi", "vllm")):
        assert seen.value(own.PAIRS_UNDECIDED.name, target=one, peer=other, reason="input_tokens") == 1
    promtool_accepts(metrics.exposition.render("")[0])
    metrics.recording.set_targets(listed())
    assert scrape(metrics).value(own.PAIRS.name) is None
    assert scrape(metrics).value(own.PAIRS_UNDECIDED.name) is None


def test_series_of_pairs_do_not_grow_with_what_is_discovered() -> None:
    few = listed(scenarios=(PAIRED,))
    many = roster(few.config, {f"found{number}": enlist(f"found{number}", few.config.targets["tgi"], Secrets(), "files") for number in range(50)})
    metrics = Metrics(many, {})
    metrics.recording(Facts("found49", "another"))
    seen = scrape(metrics)
    assert len(seen.labels(own.PAIRS.name)) == MOST_PAIRED * (MOST_PAIRED - 1)
    assert {labels["target"] for labels in seen.labels(own.PROBES.name)} == set(many.of(many.config.scenarios["heartbeat"]))
    assert len(seen.labels(own.TARGET_INFO.name)) == 52
    metrics.recording.set_targets(few)
    assert len(scrape(metrics).labels(own.PAIRS.name)) == 2


def test_checks_are_counted_by_name() -> None:
    checked = HEARTBEAT.replace("}}", "}, expect: {greets: {contains: Hello}, long: {min_tokens: 3}}}")
    metrics = Metrics(listed(scenarios=(checked,)), {})
    metrics.recording(failed(Reason.VALIDATION, failed_check="greets", answer_head="Good day"))
    metrics.recording(failed(Reason.VALIDATION, failed_check="of before a reload"))
    metrics.recording(failed(Reason.VALIDATION, failed_check="whole_prompt", answer_head="Good day"))
    seen = scrape(metrics)
    assert seen.one(own.CHECK_FAILURES.name, **CHAT, check="greets") == 1
    assert seen.one(own.CHECK_FAILURES.name, **CHAT, check="long") == 0
    assert {labels["check"] for labels in seen.labels(own.CHECK_FAILURES.name)} == {"greets", "long", "whole_prompt"}
    assert seen.one(own.CHECK_FAILURES.name, **CHAT, check="whole_prompt") == 1
    assert seen.one(own.PROBE_FAILURES.name, **CHAT, reason="validation") == 3

"""Records, skips and facts as metrics, seen as a scraper sees them."""

from __future__ import annotations

import bisect
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalogue import own, unified
from catalogue.metric import Metric
from exporter.assembly import Metrics
from exporter.native.failure import NativeReason
from exporter.urls import shown_url
from probes.failure import Reason
from probes.load import LoadFailure
from probes.own_account import Native
from probes.record import PHASES, ChatRecord, Load
from probes.wire.workers import WorkerState
from tests.exporter.chats import MS, START_NS, STARTED_AT, chat, chats, failed, gathered
from tests.exporter.scrape import CONFIG, Scrape, config, promtool_accepts, scrape, scrape_openmetrics
from traffic.events import Breaker, Facts, ModelLoad, Skip, SkipReason
from traffic.roster import Replica, Roster
from traffic.roster import roster as listed

CHAT = {"target": "vllm", "backend": "vllm", "model": "tiny", "scenario": "heartbeat"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(listed(config()), {})


def expect_histogram(seen: Scrape, metric: Metric, values: list[float], bounds: list[float], **more: str) -> None:
    """Count, sum and each bucket of a histogram are those of the values."""
    assert seen.one(metric.count, **CHAT, **more) == len(values)
    assert seen.one(metric.sum, **CHAT, **more) == pytest.approx(sum(values))
    values = sorted(values)
    buckets = {float(labels["le"]): labels for labels in seen.labels(metric.bucket) if {**CHAT, **more}.items() <= labels.items()}
    assert sorted(buckets) == [*bounds, float("inf")]
    for bound, labels in buckets.items():
        assert seen.one(metric.bucket, **labels) == bisect.bisect_right(values, bound)


@settings(max_examples=40, deadline=None)
@given(st.lists(chats(), max_size=8))
def test_histograms_and_counters_are_those_of_the_records(records: list[ChatRecord]) -> None:
    metrics = Metrics(listed(config()), {})
    for record in records:
        metrics.recording(record)
    seen = scrape(metrics)
    counted = [record for record in records if record.outcome != "cancelled"]

    ttft = [record.waited_seconds if record.ttft_seconds is None else record.ttft_seconds for record in counted]
    expect_histogram(seen, own.TTFT, [value for value in ttft if value is not None], sorted({*own.TTFT.bounds, 0.0605}))
    gaps = [
        (after.arrived_ns - before.arrived_ns) / 1e9 / tokens
        for record in counted
        for before, after in zip(record.chunks, record.chunks[1:], strict=False)
        for tokens in [after.tokens or 0]
        for _ in range(tokens)
    ]
    expect_histogram(seen, own.ITL, gaps, list(own.ITL.bounds))
    for metric, values, bounds in (
        (own.TPOT, [record.tpot_seconds for record in counted], sorted({*own.TPOT.bounds, 0.0255})),
        (own.STALL, [record.stall_seconds for record in counted], list(own.STALL.bounds)),
        (own.OUTPUT_RATE, [record.output_tokens_per_second for record in counted], list(own.OUTPUT_RATE.bounds)),
    ):
        expect_histogram(seen, metric, [value for value in values if value is not None], bounds)
    for outcome in ("ok", "failed"):
        whole = [record.e2e_seconds for record in counted if record.outcome == outcome]
        expect_histogram(seen, own.E2E, whole, sorted({*own.E2E.bounds, 1.3}), outcome=outcome)
    for phase in PHASES:
        spent = [seconds for record in counted for name, seconds in record.completed_phases() if name == phase]
        expect_histogram(seen, own.PHASE_SECONDS, spent, list(own.PHASE_SECONDS.bounds), phase=phase)

    for metric, total in (
        (own.PROBES, len(counted)),
        (own.INPUT_TOKENS, sum(record.input_tokens or 0 for record in counted)),
        (own.OUTPUT_TOKENS, sum(record.output_tokens or 0 for record in counted)),
        (own.CHUNKS, sum(len(record.chunks) for record in counted)),
        (own.RETRIES, sum(record.retries for record in counted)),
        (own.SEGMENTS_OUT_OF_ORDER, sum(record.mended.out_of_order for record in counted if record.mended)),
        (own.SEGMENTS_RESENT, sum(record.mended.resent for record in counted if record.mended)),
        (own.DOUBTFUL, sum(record.doubtful for record in counted)),
        (own.GATHERED, sum(record.bursts is not None for record in counted)),
    ):
        assert seen.one(metric.name, **CHAT) == total
    told = [record.native for record in counted]
    for metric, more, parts in (
        (own.CACHED_INPUT_TOKENS, {}, [native.cached_tokens for native in told]),
        (own.ENGINE_SECONDS, {"phase": "prefill"}, [native.prefill_seconds for native in told]),
        (own.ENGINE_SECONDS, {"phase": "decode"}, [native.decode_seconds for native in told]),
    ):
        known = [part for part in parts if part is not None]
        assert seen.one(metric.name, **CHAT, **more) == (sum(known) if known else None)
    for reason in Reason:
        assert seen.one(own.PROBE_FAILURES.name, **CHAT, reason=reason) == sum(record.reason is reason for record in counted)


@settings(max_examples=40, deadline=None)
@given(st.lists(chats(), max_size=8))
def test_first_content_is_observed_from_the_first_chat_in_which_the_model_reasoned(records: list[ChatRecord]) -> None:
    metrics = Metrics(listed(config()), {})
    for record in records:
        metrics.recording(record)
    seen = scrape(metrics)
    counted = [record for record in records if record.outcome != "cancelled"]
    reasoning = [record.reasoned for record in counted]
    expected = [
        record.first_content_seconds
        for number, record in enumerate(counted)
        if any(reasoning[: number + 1]) and record.first_content_seconds is not None
    ]
    assert seen.one(own.FIRST_CONTENT.count, **CHAT) == (len(expected) if any(reasoning) else None)
    if any(reasoning):
        assert seen.one(own.FIRST_CONTENT.sum, **CHAT) == pytest.approx(sum(expected))


def test_a_chat_whose_tokens_were_gathered_is_counted_and_its_timings_are_observed_as_users_felt_them(metrics: Metrics) -> None:
    record = gathered()
    metrics.recording(record)
    metrics.recording(chat(tokens=40))
    seen = scrape(metrics)
    assert (seen.one(own.GATHERED.name, **CHAT), seen.one(own.PROBES.name, **CHAT)) == (1, 2)
    assert seen.one(own.ITL.count, **CHAT) == 2 * 39
    assert seen.one(own.ITL.bucket, **CHAT, le="0.001") == 36
    assert (seen.one(own.TPOT.count, **CHAT), seen.one(own.TTFT.count, **CHAT)) == (2, 2)


def test_only_loads_that_nobody_allowed_are_counted(metrics: Metrics) -> None:
    loads: tuple[Load | None, ...] = ("unwanted", "allowed", None, "unwanted")
    for load in loads:
        metrics.recording(replace(chat(), load=load))
    assert scrape(metrics).one(own.UNWANTED_LOADS.name, **CHAT) == 2


def test_everything_stands_at_zero_before_the_first_chat(metrics: Metrics) -> None:
    seen = scrape(metrics)
    for labels in (
        CHAT,
        {**CHAT, "scenario": "long"},
        {"target": "tgi", "backend": "tgi", "model": "unknown", "scenario": "heartbeat"},
    ):
        for metric in (own.PROBES, own.INPUT_TOKENS, own.OUTPUT_TOKENS, own.CHUNKS, own.RETRIES, own.DOUBTFUL, own.GATHERED, own.UNWANTED_LOADS):
            assert seen.one(metric.name, **labels) == 0
        for metric in (own.TTFT, own.ITL, own.TPOT, own.STALL, own.OUTPUT_RATE):
            assert (seen.one(metric.count, **labels), seen.one(metric.bucket, **labels, le="+Inf")) == (0, 0)
        for reason in Reason:
            assert seen.one(own.PROBE_FAILURES.name, **labels, reason=reason) == 0
        for skip in SkipReason:
            assert seen.one(own.PROBE_SKIPPED.name, **labels, reason=skip) == 0
        for outcome in ("ok", "failed"):
            assert seen.one(own.E2E.count, **labels, outcome=outcome) == 0
        for phase in ("resolve", "connect", "tls", "send", "wait", "stream"):
            assert seen.one(own.PHASE_SECONDS.count, **labels, phase=phase) == 0
    for slo in ("quick", "there"):
        assert seen.one(own.SLO_TOTAL.name, **CHAT, slo=slo) == 0
        assert seen.one(own.SLO_GOOD.name, **CHAT, slo=slo) == 0
    assert seen.value(own.SLO_TOTAL.name, scenario="long") is None
    assert seen.value(own.PROBES.name, target="tgi", scenario="long") is None


def test_gauges_are_absent_until_there_is_something_to_say(metrics: Metrics) -> None:
    absent = {
        metric.name
        for metric in (
            own.PROBE_SUCCESS,
            own.LAST_PROBE,
            own.LAST_SUCCESS,
            own.CERTIFICATE_EXPIRY,
            own.MODEL_LOADED,
            own.MEASUREMENT_CLOCK,
        )
    }
    assert scrape(metrics).names & absent == set()
    metrics.recording(chat(certificate_expiry=1_900_000_000.0))
    metrics.recording(Facts("vllm", "tiny", model_loaded=False))
    assert scrape(metrics).names >= absent


def test_a_threshold_is_a_boundary_of_every_series_of_its_family_and_of_no_other(metrics: Metrics) -> None:
    seen = scrape(metrics)
    for metric, threshold in ((own.TTFT, "0.0605"), (own.TPOT, "0.0255"), (own.E2E, "1.3")):
        series = {tuple(sorted((name, value) for name, value in labels.items() if name != "le")) for labels in seen.labels(metric.bucket)}
        with_it = [labels for labels in seen.labels(metric.bucket) if labels["le"] == threshold]
        assert len(with_it) == len(series) > 0
    assert not [labels for labels in seen.labels(own.FIRST_CONTENT.bucket) if labels["le"] == "0.0605"]
    assert not [labels for labels in seen.labels(own.ITL.bucket) if labels["le"] == "0.0255"]


def test_a_timeout_without_a_token_is_in_ttft_with_the_time_that_it_waited(metrics: Metrics) -> None:
    metrics.recording(failed(Reason.FIRST_TOKEN_TIMEOUT, after_ms=30_002))
    metrics.recording(failed(Reason.CONNECT, after_ms=5_000, sent_ns=None))
    seen = scrape(metrics)
    assert seen.one(own.TTFT.count, **CHAT) == 1
    assert seen.one(own.TTFT.sum, **CHAT) == pytest.approx(30.0)


def test_a_cancelled_chat_counts_nowhere(metrics: Metrics) -> None:
    before = scrape(metrics)
    metrics.recording(chat(outcome="cancelled", finished_ns=None))
    after = scrape(metrics)
    assert {name: after.samples[name] for name in ours(after)} == {name: before.samples[name] for name in ours(before)}


def ours(seen: Scrape) -> set[str]:
    """Names of our own metrics, but for those that are about the scrape itself."""
    return {name for name in seen.names if name.startswith("chatprobe_")} - {own.SERIES.name, own.EXPOSITION_DURATION.name, own.EXPOSITION_KEPT.name}


def test_success_and_timestamps_are_those_of_the_last_chat(metrics: Metrics) -> None:
    metrics.recording(chat(tokens=1, ttft_ms=97))
    seen = scrape(metrics)
    assert seen.one(own.PROBE_SUCCESS.name, **CHAT) == 1
    assert seen.one(own.LAST_PROBE.name, **CHAT) == seen.one(own.LAST_SUCCESS.name, **CHAT) == pytest.approx(STARTED_AT + 0.1)
    metrics.recording(failed(Reason.CONNECT, started_at=STARTED_AT + 50))
    seen = scrape(metrics)
    assert seen.one(own.PROBE_SUCCESS.name, **CHAT) == 0
    assert seen.one(own.LAST_PROBE.name, **CHAT) == pytest.approx(STARTED_AT + 50.1)
    assert seen.one(own.LAST_SUCCESS.name, **CHAT) == pytest.approx(STARTED_AT + 0.1)


def test_our_own_fault_says_nothing_of_the_target(metrics: Metrics) -> None:
    metrics.recording(chat())
    metrics.recording(failed(Reason.INTERNAL))
    seen = scrape(metrics)
    assert seen.one(own.PROBE_SUCCESS.name, **CHAT) == 1
    assert seen.one(own.PROBE_FAILURES.name, **CHAT, reason="internal") == 1


def unsure(record: ChatRecord) -> ChatRecord:
    """The same chat, the instant of whose first token may be off by 2 ms."""
    return replace(record, chunks=(record.chunks[0]._replace(error_ns=2 * MS), *record.chunks[1:]))


@pytest.mark.parametrize(
    ("record", "quick", "there"),
    [
        (unsure(chat()), 0, 1),
        (unsure(chat(ttft_ms=5000)), 0, 1),
        (unsure(failed(Reason.STALLED, chunks=chat().chunks)), 1, 1),
        (chat(), 1, 1),
    ],
)
def test_where_doubtful_timings_are_dropped_no_slo_is_judged_by_them_and_failures_count(record: ChatRecord, quick: int, there: int) -> None:
    """`quick` has thresholds, `there` is on availability."""
    metrics = Metrics(listed(config(f"{CONFIG}limits: {{doubtful: drop}}\n")), {})
    metrics.recording(record)
    seen = scrape(metrics)
    assert seen.one(own.SLO_TOTAL.name, **CHAT, slo="quick") == quick
    assert seen.one(own.SLO_TOTAL.name, **CHAT, slo="there") == there
    assert seen.one(own.SLO_GOOD.name, **CHAT, slo="there") == (record.outcome == "ok")


def test_doubtful_timings_are_kept_or_dropped_and_counted_either_way() -> None:
    for choice, observed in (("keep", 1), ("drop", 0)):
        metrics = Metrics(listed(config(f"{CONFIG}limits: {{doubtful: {choice}}}\n")), {})
        metrics.recording(unsure(chat()))
        seen = scrape(metrics)
        assert seen.one(own.DOUBTFUL.name, **CHAT) == seen.one(own.PROBES.name, **CHAT) == 1
        assert seen.one(own.CHUNKS.name, **CHAT) == 3
        for metric in (own.TTFT, own.TPOT, own.ITL, own.STALL):
            assert seen.one(metric.count, **CHAT) == observed * (2 if metric is own.ITL else 1)


@pytest.mark.parametrize(
    ("event", "quick", "there"),
    [
        (chat(), (1, 1), (1, 1)),
        (chat(ttft_ms=60.5), (1, 1), (1, 1)),
        (chat(ttft_ms=60.501), (1, 0), (1, 1)),
        (chat(gap_ms=25.5), (1, 1), (1, 1)),
        (chat(gap_ms=25.501), (1, 0), (1, 1)),
        (chat(ended_ns=START_NS + 1300 * MS, finished_ns=START_NS + 1300 * MS), (1, 1), (1, 1)),
        (chat(ended_ns=START_NS + 1301 * MS, finished_ns=START_NS + 1301 * MS), (1, 0), (1, 1)),
        (chat(tokens=1, ttft_ms=50), (1, 1), (1, 1)),
        (failed(Reason.CONNECT, sent_ns=None), (1, 0), (1, 0)),
        (failed(Reason.STALLED), (1, 0), (1, 0)),
        (failed(Reason.INTERNAL), (0, 0), (0, 0)),
        (chat(outcome="cancelled", finished_ns=None), (0, 0), (0, 0)),
        (Skip("vllm", "heartbeat", SkipReason.TARGET_BUSY, STARTED_AT), (1, 0), (1, 0)),
        (Skip("vllm", "heartbeat", SkipReason.GLOBAL_CAP, STARTED_AT), (0, 0), (0, 0)),
        (Skip("vllm", "heartbeat", SkipReason.MODEL_NOT_LOADED, STARTED_AT), (0, 0), (0, 0)),
        (Skip("vllm", "heartbeat", SkipReason.MISSED, STARTED_AT), (0, 0), (0, 0)),
    ],
    ids=lambda value: "" if isinstance(value, tuple) else None,
)
def test_what_counts_for_an_slo(metrics: Metrics, event: ChatRecord | Skip, quick: tuple[int, int], there: tuple[int, int]) -> None:
    metrics.recording(event)
    seen = scrape(metrics)
    for slo, expected in (("quick", quick), ("there", there)):
        assert (seen.one(own.SLO_TOTAL.name, **CHAT, slo=slo), seen.one(own.SLO_GOOD.name, **CHAT, slo=slo)) == expected


LATENCY_ONLY = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000", model: tiny}}
scenarios: {heartbeat: {every: 15s, prompt: {text: Hello}}}
slos:
  first: {scenario: heartbeat, ttft: 60.5ms, latency_only: true, objective: 99%}
  rhythm: {scenario: heartbeat, tpot: 25.5ms, latency_only: true, objective: 99%}
  both: {scenario: heartbeat, ttft: 60.5ms, e2e: 1300ms, latency_only: true, objective: 99%}
"""


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (chat(), [(1, 1), (1, 1), (1, 1)]),
        (chat(ttft_ms=61, gap_ms=26), [(1, 0), (1, 0), (1, 0)]),
        (chat(tokens=1, ttft_ms=50), [(1, 1), (0, 0), (1, 1)]),
        (failed(Reason.CONNECT, sent_ns=None), [(0, 0), (0, 0), (0, 0)]),
        (failed(Reason.SERVER_ERROR, after_ms=3), [(0, 0), (0, 0), (0, 0)]),
        (failed(Reason.FIRST_TOKEN_TIMEOUT), [(1, 0), (0, 0), (1, 0)]),
        (failed(Reason.TIMEOUT, after_ms=10), [(1, 0), (0, 0), (1, 0)]),
        (failed(Reason.STALLED, after_ms=5000, chunks=chat().chunks), [(1, 1), (1, 1), (1, 1)]),
        (failed(Reason.INTERNAL, chunks=chat().chunks), [(0, 0), (0, 0), (0, 0)]),
        (Skip("vllm", "heartbeat", SkipReason.BREAKER, STARTED_AT), [(0, 0), (0, 0), (0, 0)]),
    ],
)
def test_what_counts_for_an_slo_on_latency_only(event: ChatRecord | Skip, expected: list[tuple[int, int]]) -> None:
    metrics = Metrics(listed(config(LATENCY_ONLY)), {})
    metrics.recording(event)
    seen = scrape(metrics)
    names = ("first", "rhythm", "both")
    totals, goods = ([seen.one(metric.name, **CHAT, slo=slo) for slo in names] for metric in (own.SLO_TOTAL, own.SLO_GOOD))
    assert [*zip(totals, goods, strict=True)] == expected


def test_where_doubtful_timings_are_dropped_slos_on_latency_only_judge_none_of_them() -> None:
    metrics = Metrics(listed(config(f"{LATENCY_ONLY}limits: {{doubtful: drop}}\n")), {})
    metrics.recording(unsure(chat()))
    metrics.recording(unsure(failed(Reason.STALLED, after_ms=5000, chunks=chat().chunks)))
    seen = scrape(metrics)
    assert [seen.one(own.SLO_TOTAL.name, **CHAT, slo=slo) for slo in ("first", "rhythm", "both")] == [0, 0, 0]
    assert seen.one(own.DOUBTFUL.name, **CHAT) == 2


def test_skips_are_counted_by_reason_and_are_no_probes(metrics: Metrics) -> None:
    for reason in SkipReason:
        metrics.recording(Skip("vllm", "heartbeat", reason, STARTED_AT))
    seen = scrape(metrics)
    for reason in SkipReason:
        assert seen.one(own.PROBE_SKIPPED.name, **CHAT, reason=reason) == 1
    assert seen.one(own.PROBES.name, **CHAT) == 0


def test_a_model_that_becomes_known_begins_at_zero_and_the_old_label_set_ends(metrics: Metrics) -> None:
    metrics.recording(chat(target="tgi", backend="tgi", model="unknown"))
    metrics.recording(Facts("tgi", "first", served_model="first"))
    seen = scrape(metrics)
    assert {labels["model"] for labels in seen.all_labels() if labels.get("target") == "tgi"} == {"first"}
    assert seen.value(own.PROBES.name, target="tgi") == 0
    metrics.recording(chat(target="tgi", backend="tgi", model="first"))
    metrics.recording(Facts("tgi", "second", served_model="second"))
    metrics.recording(chat(target="tgi", backend="tgi", model="first"))  # was under way
    seen = scrape(metrics)
    assert seen.one(own.PROBES.name, target="tgi", backend="tgi", model="second", scenario="heartbeat") == 1
    assert seen.value(own.PROBES.name, model="first") is None
    assert seen.value(own.PROBES.name, target="vllm", scenario="heartbeat") == 0


def test_a_name_that_the_engine_ignores_is_a_fact_and_no_model() -> None:
    metrics = Metrics(listed(config(CONFIG.replace("{backend: tgi, ", "{backend: tgi, model: made-up, "))), {})
    metrics.recording(Facts("tgi", "served", served_model="served"))
    seen = scrape(metrics)
    assert {labels["model"] for labels in seen.all_labels() if labels.get("target") == "tgi"} == {"served"}
    assert [labels["ignored_model"] for labels in seen.labels(own.TARGET_INFO.name) if labels["target"] == "tgi"] == ["made-up"]
    metrics.recording(Facts("tgi", "made-up", served_model="made-up"))
    assert [labels["ignored_model"] for labels in scrape(metrics).labels(own.TARGET_INFO.name) if labels["target"] == "tgi"] == [""]


def test_slos_say_what_they_ask_for(metrics: Metrics) -> None:
    seen = scrape(metrics)
    assert [(labels, seen.one(own.SLO_THRESHOLD.name, **labels)) for labels in seen.labels(own.SLO_THRESHOLD.name)] == [
        ({"slo": "quick", "scenario": "heartbeat", "measure": "ttft"}, 0.0605),
        ({"slo": "quick", "scenario": "heartbeat", "measure": "tpot"}, 0.0255),
        ({"slo": "quick", "scenario": "heartbeat", "measure": "e2e"}, 1.3),
    ]
    assert {labels["slo"]: seen.one(own.SLO_OBJECTIVE.name, **labels) for labels in seen.labels(own.SLO_OBJECTIVE.name)} == {
        "quick": 0.99,
        "there": 0.999,
    }


def test_new_facts_of_the_same_model_leave_its_counters_alone(metrics: Metrics) -> None:
    metrics.recording(chat())
    metrics.recording(Facts("vllm", "tiny", served_model="tiny", backend_version="0.11.0"))
    metrics.recording(Facts("vllm", "tiny", served_model="tiny", backend_version="0.12.0", model_loaded=True))
    seen = scrape(metrics)
    assert seen.one(own.PROBES.name, **CHAT) == 1
    assert seen.value(own.MODEL_LOADED.name, target="vllm") == 1
    assert [labels for labels in seen.labels(own.TARGET_INFO.name) if labels["target"] == "vllm"] == [
        {
            "target": "vllm",
            "backend": "vllm",
            "model": "tiny",
            "url": "http://127.0.0.1:8000",
            "served_model": "tiny",
            "ignored_model": "",
            "backend_version": "0.12.0",
            "source": "static",
            "max_model_len": "",
            "left_out": "",
        }
    ]


def test_the_longest_chat_of_a_model_in_memory_is_its_context(metrics: Metrics) -> None:
    metrics.recording(Facts("vllm", "tiny", context_tokens=2048))
    told = [labels["max_model_len"] for labels in scrape(metrics).labels(own.TARGET_INFO.name) if labels["target"] == "vllm"]
    assert told == ["2048"]


def test_a_target_that_goes_takes_its_series_along(metrics: Metrics) -> None:
    metrics.recording(chat(certificate_expiry=1_900_000_000.0))
    metrics.recording.set_targets(listed(config().model_copy(update={"targets": {"tgi": config().targets["tgi"]}})))
    metrics.recording(chat())  # was under way
    seen = scrape(metrics)
    assert not [labels for labels in seen.all_labels() if labels.get("target") == "vllm"]
    assert seen.value(own.PROBES.name, target="tgi") == 0


def test_scenarios_and_the_exporter_tell_of_themselves(metrics: Metrics) -> None:
    first = chat()
    metrics.recording(replace(first, chunks=(first.chunks[0]._replace(shared=True), *first.chunks[1:])))
    metrics.recording(replace(first, clock="user", due_ns=None))
    seen = scrape(metrics)
    assert seen.one(own.SCENARIO_INFO.name, scenario="heartbeat", cache="cold", connection="reuse", thinking="off") == 1
    assert seen.one(own.SCENARIO_INFO.name, scenario="long", cache="warm", connection="fresh", thinking="on") == 1
    assert [seen.one(own.SCENARIO_INTERVAL.name, scenario=name) for name in ("heartbeat", "long")] == [15, 60]
    assert [seen.one(own.SCENARIO_TIMEOUT.name, scenario=name) for name in ("heartbeat", "long")] == [120, 120]
    assert seen.one(own.TARGETS.name, source="static") == 2
    assert seen.one(own.COALESCED_CHUNKS.name) == 1
    assert seen.one(own.SCHEDULE_LAG.count) == 1
    assert seen.one(own.SCHEDULE_LAG.sum) == pytest.approx(0.003)
    assert seen.labels(own.MEASUREMENT_CLOCK.name) == [{"clock": "user"}]
    assert len(seen.labels(own.BUILD_INFO.name)) == 1


def test_exemplars_carry_the_request_id(metrics: Metrics) -> None:
    metrics.recording(chat())
    exemplars = scrape_openmetrics(metrics).exemplars
    assert {name for name, _ in exemplars} == {own.TTFT.bucket, own.E2E.bucket}
    assert all(exemplar.labels == {"request_id": chat().request_id} for exemplar in exemplars.values())
    assert [exemplar.value for (name, _), exemplar in exemplars.items() if name == own.TTFT.bucket] == [pytest.approx(0.05)]


@pytest.mark.prometheus
def test_promtool_accepts_all_of_it(metrics: Metrics) -> None:
    promtool_accepts(metrics.exposition.render("")[0])
    for reason in Reason:
        metrics.recording(failed(reason))
    metrics.recording(chat(reasoned=True, first_content_ns=chat().chunks[1].arrived_ns, certificate_expiry=1_900_000_000.0))
    metrics.recording(Facts("vllm", 'a "quoted"\nname\\', served_model="x", model_loaded=True))
    metrics.recording(chat())
    promtool_accepts(metrics.exposition.render("")[0])


def test_every_metric_of_the_catalogue_but_the_engines_own_is_served(metrics: Metrics) -> None:
    scenario = "heartbeat: {every: 15s, prompt: {text: Hello}, pair: true, expect: {greets: {contains: Hello}}}"
    loading = "targets:\n  ollama: {backend: ollama, url: 'http://o', load_model: true}\n"
    whole = config(CONFIG.replace("heartbeat: {every: 15s, prompt: {text: Hello}}", scenario).replace("targets:\n", loading))
    sources = (
        *(own.STREAMS_IN_FLIGHT, own.CLOCK_STEPS, own.LOG_LINES_DROPPED, own.RECORDS_LOST, own.HISTORY_LOST, own.LEADER),
        *(own.READS, own.LATE_READS, own.READ_DELAY, own.RECEIVE_DROPS),
    )
    roster = listed(whole)
    vllm = replace(roster.members["vllm"], replicas=(Replica("vllm-0", "http://10.0.0.1:8000", zone="a"),))
    worker = WorkerState(1, os.getpid(), answers=True, streams=0, restarts=0, leaving=False)
    metrics = Metrics(Roster(whole, {**roster.members, "vllm": vllm}), {metric: lambda: 0 for metric in sources}, lambda: (worker,))
    metrics.own.has_workers([1])
    metrics.own.configured(STARTED_AT)
    metrics.own.sharded(2, 3)
    metrics.own.discovered("files", well=True, at=STARTED_AT)
    metrics.recording(Breaker("vllm", open=False))
    metrics.recording(chat(reasoned=True, first_content_ns=chat().chunks[1].arrived_ns, certificate_expiry=1_900_000_000.0))
    metrics.recording(Facts("vllm", "tiny", model_loaded=True))
    told = Native(prefill_seconds=0.1, decode_seconds=0.2, cached_tokens=4)
    metrics.recording(chat(reasoned=True, first_content_ns=chat().chunks[1].arrived_ns, certificate_expiry=1_900_000_000.0, native=told))
    metrics.recording(failed(Reason.STALLED))
    metrics.ups.told("vllm", "vllm", "tiny", "a:8000", NativeReason.TIMEOUT, 5.0)
    metrics.relay.serve("vllm", "vllm", None, [])
    metrics.exposition.render("")
    seen = scrape(metrics)
    of_engines = (*unified.NATIVE, own.GAP_CHATS, own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT)
    ours = [metric for metric in own.CATALOGUE if metric not in of_engines]
    for metric in ours:
        name = metric.count if metric.type == "histogram" else metric.name
        labels = seen.labels(name)
        assert labels, metric.name
        assert all(set(held) == set(metric.labels) for held in labels), metric.name
    served = {name for name in seen.names if name.startswith("chatprobe_")}
    known = {name for metric in ours for name in ((metric.bucket, metric.sum, metric.count) if metric.buckets else (metric.name,))}
    assert served == known


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://user:secret@engine.example:8443/base", "https://engine.example:8443/base"),
        ("https://engine.example/v?token=secret#secret", "https://engine.example/v"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert shown_url(url) == shown


def test_a_chat_that_waited_for_its_model_is_in_no_histogram_of_what_the_load_lengthens(metrics: Metrics) -> None:
    metrics.recording(replace(chat(ttft_ms=5_000), load="allowed"))
    seen = scrape(metrics)
    assert seen.one(own.PROBES.name, **CHAT) == 1
    assert (seen.one(own.TTFT.count, **CHAT), seen.value(own.E2E.count, **CHAT), seen.value(own.PHASE_SECONDS.count, **CHAT)) == (0, 0, 0)
    assert (seen.one(own.OUTPUT_RATE.count, **CHAT), seen.one(own.TPOT.count, **CHAT)) == (0, 1)
    assert seen.value(own.SLO_TOTAL.name, **CHAT) == 0
    metrics.recording(replace(failed(Reason.TRUNCATED), load="allowed"))
    assert scrape(metrics).value(own.SLO_TOTAL.name, **CHAT) == 2


def test_loads_are_told_of_targets_that_may_load() -> None:
    def settings(more: str) -> Roster:
        return listed(config(f"targets: {{o: {{backend: ollama, url: 'http://o', model: tiny{more}}}}}\nscenarios: {{a: {{every: 9m}}}}\n"))

    found = Metrics(settings(", load_model: true"), {})

    def told() -> list[float | None]:
        seen = scrape(found)
        return [seen.value(name, target="o") for name in (own.MODEL_LOADING.name, own.MODEL_LOAD.count, own.MODEL_LOAD_FAILURES.name)]

    assert told() == [0, 0, 0]
    found.recording(Facts("o", "tiny", loading_since=1.0))
    assert told() == [1, 0, 0]
    found.recording(Facts("o", "tiny"))
    found.recording(ModelLoad("o", 40.0, None))
    found.recording(ModelLoad("o", 300.0, LoadFailure.TIMEOUT, "not in memory after 300 s"))
    seen = scrape(found)
    assert told() == [0, 1, 1]
    assert (seen.value(own.MODEL_LOAD.sum, target="o"), seen.value(own.MODEL_LOAD_FAILURES.name, target="o", reason="timeout")) == (40, 1)
    found.recording.set_targets(settings(""))
    assert told() == [None, None, None]
    found.recording(ModelLoad("o", 1.0, None))
    assert told() == [None, None, None]

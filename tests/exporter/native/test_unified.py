from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from catalogue import unified
from catalogue.metric import Metric
from exporter.metrics.ledger import Ledger
from exporter.native.unified import Unified
from exporter.web.exposition import PrometheusExposition
from probes.failure import Reason
from probes.numbers.family import Family, Sample
from probes.numbers.histogram import Histogram, is_amount
from probes.numbers.loaded import LoadedModel
from probes.numbers.page import Numbers
from probes.own_account import Native
from probes.record import ChatRecord
from tests.exporter.chats import START_NS, chat, failed
from tests.exporter.native.expositions import NUMBERS_TO_PYTHON_ALONE
from tests.exporter.native.recorded import families, numbers, text, told
from tests.exporter.scrape import Scrape, promtool_accepts, read

SAID = Native(load_seconds=0.004, prefill_seconds=0.25, decode_seconds=1.5, total_seconds=2.0, server_gaps_seconds=(0.5, 1.0))
QWEN = LoadedModel("qwen:latest", size_bytes=4e9, vram_bytes=3e9, context_tokens=4096.0, expires_at=1_800_000_300.0)
RUNNING, TTFT, TOKENS = unified.REQUESTS_RUNNING.name, unified.TTFT, unified.GENERATION_TOKENS.name


class Served:
    """What is unified, with everything that serves it."""

    def __init__(self) -> None:
        self.ledger, self.registry = Ledger(), CollectorRegistry()
        self.unified = Unified(self.ledger)
        self.registry.register(self.unified)
        self.exposition = PrometheusExposition(self.registry, self.ledger)

    def seen(self) -> Scrape:
        return read(self.exposition.render("")[0])


@pytest.fixture
def served() -> Served:
    return Served()


def running(count: int) -> Numbers:
    return told("vllm", f"vllm:num_requests_running {count}\n")


def said(**changes: Any) -> ChatRecord:
    return chat(**{"target": "pond", "backend": "ollama", "model": "qwen", "native": SAID, "input_tokens": 12, "output_tokens": 4, **changes})


def names(seen: Scrape) -> set[str]:
    return {name for name in seen.names if name.startswith("chatprobe_native_")}


def own_names(metrics: Sequence[Metric]) -> set[str]:
    return {name for metric in metrics for name in ((metric.bucket, metric.sum, metric.count) if metric.type == "histogram" else (metric.name,))}


def test_what_an_engine_tells_is_served_under_the_targets_labels(served: Served) -> None:
    served.unified.serve_numbers("gpu", "vllm", "tiny", None, told("vllm", text("vllm-0.32")))
    seen = served.seen()
    labels = {"target": "gpu", "backend": "vllm", "model": "tiny"}
    assert seen.one(RUNNING, **labels) == 3
    assert seen.one(TOKENS, **labels) == 1785
    assert seen.one(unified.E2E.bucket, **labels, le="2.5") == 34
    assert seen.one(unified.E2E.bucket, **labels, le="5.0") == 35
    assert seen.one(unified.E2E.bucket, **labels, le="+Inf") == 35
    assert seen.one(unified.E2E.count, **labels) == 35
    assert seen.one(unified.E2E.sum, **labels) == 4.920336961746216
    assert unified.VALIDATION.count not in seen.names


def test_the_engines_keep_their_own_buckets_beside_each_other(served: Served) -> None:
    served.unified.serve_numbers("gpu", "vllm", "tiny", None, told("vllm", text("vllm-0.32")))
    served.unified.serve_numbers("hug", "tgi", "tiny", None, told("tgi", text("tgi-3.3")))
    served.unified.count_chat(said())
    bounds = {held["target"]: set[str]() for held in served.seen().labels(unified.E2E.bucket)}
    for held in served.seen().labels(unified.E2E.bucket):
        bounds[held["target"]].add(held["le"])
    assert {target: len(found) for target, found in bounds.items()} == {"gpu": 22, "hug": 36, "pond": len(unified.E2E.bounds) + 1}


def test_what_a_target_tells_can_be_asked_for_with_means_in_place_of_histograms(served: Served) -> None:
    served.unified.serve_numbers("gpu", "vllm", "tiny", None, told("vllm", text("vllm-0.32")))
    served.unified.serve_numbers("other", "vllm", "tiny", "a", running(9))
    served.unified.serve_numbers("other", "vllm", "tiny", "b", running(8))
    found = {metric.name: value for metric, replica, value in served.unified.told_of("gpu") if replica == ""}
    assert found[RUNNING] == 3
    assert found[unified.E2E.name] == pytest.approx(4.920336961746216 / 35)
    assert unified.VALIDATION.name not in found
    assert sorted((replica, value) for _, replica, value in served.unified.told_of("other")) == [("a", 9), ("b", 8)]
    assert list(served.unified.told_of("nobody")) == []


def test_what_is_told_anew_takes_the_place_of_what_was(served: Served) -> None:
    served.unified.serve_numbers("gpu", "vllm", "tiny", None, told("vllm", text("vllm-0.32")))
    served.unified.serve_numbers("gpu", "vllm", "larger", None, running(7))
    seen = served.seen()
    assert names(seen) == {RUNNING}
    assert seen.samples[RUNNING] == {frozenset({("target", "gpu"), ("backend", "vllm"), ("model", "larger")}): 7}


def test_replicas_stand_beside_each_other(served: Served) -> None:
    for replica, count in (("http://a:8000/metrics", 2), ("http://b:8000/metrics", 3)):
        served.unified.serve_numbers("gpu", "vllm", "tiny", replica, running(count))
    served.unified.serve_numbers("other", "vllm", "tiny", "http://a:8000/metrics", running(9))
    assert {held["replica"] for held in served.seen().labels(RUNNING)} == {"http://a:8000/metrics", "http://b:8000/metrics"}
    served.unified.drop("gpu", "http://a:8000/metrics")
    assert served.seen().value(RUNNING, target="gpu") == 3
    served.unified.forget("gpu")
    assert [held["target"] for held in served.seen().labels(RUNNING)] == ["other"]


def test_what_ollama_has_in_memory(served: Served) -> None:
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [QWEN, replace(QWEN, name="mistral:7b", vram_bytes=None)])
    seen = served.seen()
    assert seen.one(unified.MODEL_VRAM.name, target="pond", backend="ollama", model="qwen") == 3e9
    assert [held["model"] for held in seen.labels(unified.MODEL_VRAM.name)] == ["qwen"]
    assert [held["model"] for held in seen.labels(unified.MODEL_MEMORY.name)] == ["qwen", "mistral:7b"]
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [])
    assert unified.MODEL_MEMORY.name not in served.seen().names


def test_chats_with_ollama_become_counters_and_histograms(served: Served) -> None:
    served.unified.count_chat(said())
    served.unified.count_chat(said(native=replace(SAID, load_seconds=7.0), output_tokens=6))
    seen = served.seen()
    labels = {"target": "pond", "backend": "ollama", "model": "qwen"}
    assert (seen.one(unified.PROMPT_TOKENS.name, **labels), seen.one(TOKENS, **labels)) == (24, 10)
    assert (seen.one(unified.LOAD.count, **labels), seen.one(unified.LOAD.sum, **labels)) == (2, 7.004)
    loads = [seen.one(unified.LOAD.bucket, **labels, le=bound) for bound in ("0.005", "5.0", "10.0", "+Inf")]
    assert loads == [1, 1, 2, 2]
    assert (seen.one(unified.ITL.count, **labels), seen.one(unified.ITL.sum, **labels)) == (4, 3)
    assert (seen.one(unified.TPOT.count, **labels), seen.one(unified.TPOT.sum, **labels)) == (2, 0.8)
    assert {metric: seen.one(metric.sum, **labels) for metric in (unified.E2E, unified.PREFILL, unified.DECODE)} == {
        unified.E2E: 4,
        unified.PREFILL: 0.5,
        unified.DECODE: 3,
    }


def test_a_value_on_a_boundary_is_below_it(served: Served) -> None:
    served.unified.count_chat(said(native=Native(load_seconds=0.01)))
    assert served.seen().value(unified.LOAD.bucket, le="0.01") == 1
    assert served.seen().value(unified.LOAD.bucket, le="0.005") == 0


def test_chats_begin_at_0_with_the_first_look_at_the_engine(served: Served) -> None:
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [])
    seen = served.seen()
    assert seen.one(TOKENS, target="pond", backend="ollama", model="qwen") == 0
    assert seen.value(unified.LOAD.bucket, le="+Inf") == 0
    served.unified.count_chat(said())
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [QWEN])
    assert served.seen().one(TOKENS, target="pond", backend="ollama", model="qwen") == 4


def test_chats_that_are_not_ollamas_or_that_tell_nothing_count_nowhere(served: Served) -> None:
    served.unified.count_chat(said(backend="vllm"))
    served.unified.count_chat(said(outcome="cancelled"))
    assert names(served.seen()) == set()
    served.unified.count_chat(failed(Reason.CONNECT, target="pond", backend="ollama", model="qwen", input_tokens=None))
    seen = served.seen()
    assert {sum(seen.samples[name].values()) for name in names(seen)} == {0}


def test_while_the_engine_does_not_answer_only_its_gauges_are_gone(served: Served) -> None:
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [QWEN])
    served.unified.count_chat(said())
    served.unified.drop("pond", None)
    seen = served.seen()
    assert unified.MODEL_MEMORY.name not in seen.names
    assert seen.value(TOKENS, target="pond") == 4
    served.unified.forget("pond")
    assert names(served.seen()) == set()


def test_another_model_begins_anew_and_loses_no_chat(served: Served) -> None:
    later = START_NS + 1_000_000
    served.unified.count_chat(said())
    served.unified.count_chat(said(model="mistral", started_ns=later))
    served.unified.count_chat(said(started_ns=later - 1))  # was under way then
    assert {held["model"] for held in served.seen().labels(TOKENS)} == {"mistral"}
    assert served.seen().value(TOKENS, model="mistral") == 8
    served.unified.count_chat(said(started_ns=later + 1))
    assert served.seen().value(TOKENS, model="qwen") == 4


@pytest.mark.prometheus
def test_every_native_metric_is_served_by_some_engine_and_no_other_name(served: Served) -> None:
    for name in ("vllm-0.10", "vllm-0.32"):
        served.unified.serve_numbers(name, "vllm", "tiny", None, told("vllm", text(name)))
    served.unified.serve_numbers("hug", "tgi", "tiny", None, told("tgi", text("tgi-3.3")))
    served.unified.serve_loaded("pond", "ollama", "qwen", None, [QWEN])
    served.unified.count_chat(said())
    seen = served.seen()
    assert names(seen) == own_names(unified.NATIVE)
    for metric in unified.NATIVE:
        held = {label for labels in seen.labels(metric.count if metric.type == "histogram" else metric.name) for label in labels}
        assert held <= set(metric.labels)
    promtool_accepts(served.exposition.render("")[0])


def test_both_forms_say_the_same(served: Served) -> None:
    served.unified.serve_numbers("gpu", "vllm", 'a "quoted"\nname\\', "http://a:8000", told("vllm", text("vllm-0.10")))
    served.unified.serve_numbers("hug", "tgi", "tiny", None, told("tgi", text("tgi-3.3")))
    served.unified.count_chat(said())
    openmetrics = read(served.exposition.render("application/openmetrics-text")[0], as_openmetrics=True)
    plain = served.seen()
    assert names(plain) == names(openmetrics)
    assert {name: plain.samples[name] for name in names(plain)} == {name: openmetrics.samples[name] for name in names(plain)}


def test_a_scrape_sees_what_a_process_told_wholly_or_not_at_all(served: Served) -> None:
    states = [told("vllm", f"vllm:num_requests_running {count}\nvllm:num_requests_waiting {count}\n") for count in range(200)]
    done = threading.Event()

    def keep_putting() -> None:
        for state in states:
            served.unified.serve_numbers("gpu", "vllm", "tiny", None, state)
        done.set()

    writer = threading.Thread(target=keep_putting)
    writer.start()
    while not done.is_set():
        seen = served.seen()
        assert seen.value(RUNNING) == seen.value(unified.REQUESTS_WAITING.name)
    writer.join()
    assert served.seen().value(RUNNING) == 199


KNOWN = sorted(
    {sample.name for name in ("vllm-0.6", "vllm-0.10", "vllm-0.32", "tgi-3.3") for family in families(text(name)) for sample in family.samples}
)
VALUES = st.one_of(st.floats(), st.integers(-1, 5).map(float))
LABELS = st.dictionaries(
    st.sampled_from(["le", "engine", "err", "method", "finished_reason", "num_gpu_blocks", "block_size", "kv_cache_size_tokens", "target"]),
    st.one_of(st.text(max_size=5), st.sampled_from(["0.5", "1", "+Inf", "NaN", "-Inf", "decode", "prefill", "9" * 5000, *NUMBERS_TO_PYTHON_ALONE])),
    max_size=4,
).map(lambda labels: tuple(labels.items()))


@st.composite
def any_families(draw: st.DrawFn) -> tuple[Family, ...]:
    """Families as no engine has them, under the names that engines use."""
    samples = st.builds(Sample, st.one_of(st.sampled_from(KNOWN), st.text(max_size=3)), LABELS, VALUES)
    kinds = st.sampled_from(["counter", "gauge", "histogram", "summary", "unknown"])
    return tuple(draw(st.lists(st.builds(Family, st.sampled_from(KNOWN), kinds, st.text(max_size=3), st.lists(samples, max_size=8).map(tuple)))))


@given(any_families(), st.sampled_from(["vllm", "tgi"]))
def test_whatever_the_families_hold_what_is_made_of_them_makes_sense(found: tuple[Family, ...], backend: str) -> None:
    for value in numbers(backend, found).values():
        if isinstance(value, Histogram):
            assert value.bounds[-1] == math.inf
            assert sorted(set(value.bounds)) == list(value.bounds)
            assert sorted(value.counts) == list(value.counts)
            assert all(map(is_amount, (*value.counts, value.total)))
        else:
            assert is_amount(value)
    served = Served()
    served.unified.serve_numbers("x", backend, "m", None, numbers(backend, found))
    for accept in ("", "application/openmetrics-text"):
        read(served.exposition.render(accept)[0], as_openmetrics=bool(accept))


@given(st.sampled_from(["vllm-0.10", "tgi-3.3"]), st.data())
def test_real_expositions_with_values_and_series_missing_or_wrong(name: str, data: st.DataObject) -> None:
    """One damaged series takes away what it is part of, and changes nothing else."""
    whole = families(text(name))
    engine = name.partition("-")[0]
    place = data.draw(st.integers(0, len(whole) - 1))
    hurt = whole[place]
    position = data.draw(st.integers(0, len(hurt.samples) - 1))
    wrong = replace(hurt.samples[position], value=data.draw(st.sampled_from([math.nan, -1.0, math.inf])))
    damaged = replace(hurt, samples=(*hurt.samples[:position], wrong, *hurt.samples[position + 1 :]))
    before, after = numbers(engine, whole), numbers(engine, (*whole[:place], damaged, *whole[place + 1 :]))
    assert after.items() <= before.items()
    assert len(before) - len(after) <= 1


def test_several_ollamas_behind_one_target_are_told_apart(served: Served) -> None:
    served.unified.serve_loaded("pond", "ollama", "qwen", "ollama-0", [QWEN])
    served.unified.serve_loaded("pond", "ollama", "qwen", "ollama-1", [QWEN])
    name = unified.MODEL_MEMORY.name
    assert {labels["replica"] for labels in served.seen().labels(name)} == {"ollama-0", "ollama-1"}
    served.unified.drop("pond", "ollama-0")
    assert {labels["replica"] for labels in served.seen().labels(name)} == {"ollama-1"}
    served.unified.forget("pond")
    assert served.seen().labels(name) == []

"""What an engine tells of itself, and what chatprobe tells of itself, as pages have it."""

from __future__ import annotations

from catalogue import own
from exporter.native.failure import NativeReason
from exporter.web.pages.engine_side import engine_side
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from tests.exporter.pages.stage import three


def test_an_engines_numbers_have_their_units() -> None:
    metrics = three().metrics
    histogram = Histogram((0.1, float("inf")), (3, 4), 0.2)
    numbers: dict[Number, float | Histogram] = {
        Number.REQUESTS_RUNNING: 3.0,
        Number.KV_CACHE_USAGE: 0.425,
        Number.GENERATION_TOKENS: 1234567.0,
        Number.QUEUE: histogram,
        Number.MODEL_VRAM: 3.5 * 2**30,
        Number.MODEL_EXPIRY: 1_800_000_000.0,
    }
    metrics.unified.serve_numbers("vllm", "vllm", "tiny", None, numbers)
    side = engine_side("vllm", metrics.unified, metrics.ups)
    assert {one.name: one.value for one in side.numbers} == {
        "requests running": "3",
        "KV cache usage": "42%",
        "generation tokens": "1,234,567",
        "queue, mean": "50.0 ms",
        "model VRAM": "3.50 GiB",
        "model expiry timestamp": "2027-01-15 08:00",
    }
    assert side.troubles == ()


def test_a_page_of_metrics_that_cannot_be_read_is_told_until_it_can() -> None:
    metrics = three().metrics
    metrics.ups.told("vllm", "vllm", "tiny", "pod-1", NativeReason.TIMEOUT, 5.0)
    metrics.ups.told("vllm", "vllm", "tiny", "pod-2", None, 0.1)
    metrics.ups.told("tgi", "tgi", "tiny", None, NativeReason.UNREACHABLE, 0.1)
    (trouble,) = engine_side("vllm", metrics.unified, metrics.ups).troubles
    assert trouble == "pod-1: its metrics cannot be read (timeout): the page of metrics did not come whole in time"
    metrics.ups.told("vllm", "vllm", "tiny", "pod-1", None, 0.1)
    assert engine_side("vllm", metrics.unified, metrics.ups).troubles == ()
    metrics.ups.forget("tgi", None)
    assert engine_side("tgi", metrics.unified, metrics.ups).troubles == ()


def test_chatprobes_own_state_is_that_of_its_metrics() -> None:
    metrics = three().metrics
    before = metrics.own_figures()
    assert (before.loop_lag.times, before.loop_lag.seconds) == (0, None)
    for _ in range(99):
        metrics.own.loop_was_late(0.0004)
    metrics.own.loop_was_late(30.0)
    metrics.own.configured(1000.0)
    metrics.own.sharded(2, 5)
    found = metrics.own_figures()
    assert found.loop_lag.times == 100
    assert found.loop_lag.seconds == min(bound for bound in own.LOOP_LAG.bounds if bound >= 0.0004)
    assert (found.reloaded_well, found.reloaded_at, found.shards) == (True, 1000.0, "2 of 5")
    metrics.own.not_configured()
    assert not metrics.own_figures().reloaded_well
    assert found.memory_bytes is not None
    assert found.memory_bytes > 1e7
    assert found.version
    assert found.counted[own.STREAMS_IN_FLIGHT] == 0

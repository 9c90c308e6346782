"""Alerts on chatprobe itself, in the situations that they are for, and in those that only look like them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from pathlib import Path

import pytest

from alerts.prober import LOST
from alerts.rules import rules
from catalogue import own
from exporter.native.drops import DropReason
from tests.alerts.cases import Case, Firing, check
from tests.alerts.promtool import config
from tests.alerts.series import (
    GONE,
    INSTANCE,
    NOTHING,
    OK,
    OTHER_INSTANCE,
    REFUSED,
    RESTARTED,
    TGI,
    VLLM,
    Chat,
    Series,
    Skip,
    chats,
    lasting,
    seldom,
    series,
    up,
    without_fraction,
)

HERE, THERE = {"instance": INSTANCE}, {"instance": OTHER_INSTANCE}
UNKNOWN = {**VLLM, "model": "unknown"}
INACTIVE, BREAKER, MISSED, CAPPED = Skip("inactive"), Skip("breaker"), Skip("missed"), Skip("global_cap")


def exporter(scraped: Sequence[float | None], *, instance: str = INSTANCE) -> Series:
    """An exporter that could be scraped (1) or not (0), or that Prometheus was not told of (None)."""
    built = series(own.BUILD_INFO, [sample or None for sample in scraped], instance=instance, version="1.0.0", python_version="3.12.1")
    return up(scraped, instance=instance) | built


PROBER_DOWN = (
    Case(
        "LLMProberDown",
        "the only one cannot be scraped for twenty minutes: one alert",
        exporter([*[1] * 40, *[0] * 80, *[1] * 40]),
        39.5,
        (
            Firing(
                15,
                29.75,
                HERE,
                "Prometheus cannot scrape chatprobe-0:9840, which was chatprobe within the last day. "
                "Engines that no other one chats with are not watched: no alert on them can fire.",
            ),
        ),
    ),
    Case(
        "LLMProberDown",
        "there has never been one",
        up([1] * 40, instance="node:9100"),
        9.5,
        (
            Firing(
                5,
                9.5,
                says="Prometheus has no metrics of any chatprobe. Engines that no other one chats with are not watched: no alert on them can fire.",
            ),
        ),
    ),
    Case(
        "LLMProberDown",
        "its pod is replaced, and no longer known",
        exporter([*[1] * 40, *[None] * 80]) | exporter([*[None] * 44, *[1] * 76], instance=OTHER_INSTANCE),
        29.5,
    ),
    Case(
        "LLMProberDown",
        "one of two cannot be scraped for three hours",
        exporter([*[1] * 10, *[0] * 180]) | exporter([1] * 190, instance=OTHER_INSTANCE),
        189,
        (Firing(15, 189, HERE),),
        every_seconds=60,
    ),
    Case("LLMProberDown", "something else cannot be scraped", exporter([1] * 80) | up([0] * 80, instance="node:9100"), 19.5),
    Case("LLMProberDown", "a scrape fails now and then", exporter([*[1] * 10, 0] * 8), 21.5),
)

STALE = (
    Case(
        "LLMProberStale",
        "no chat from the tenth minute to the thirtieth",
        chats(lasting(10, OK) + lasting(20, NOTHING) + lasting(10, OK)),
        39.5,
        (
            Firing(
                13.25,
                29.75,
                {**VLLM, "scenario": "heartbeat"},
                "No chat of heartbeat with llm/vllm has ended for 3m 30s, though they are due more often. "
                "The numbers of this target are old, and its alerts blind.",
            ),
        ),
    ),
    Case("LLMProberStale", "the scheduler misses them all", chats(lasting(10, OK) + lasting(10, MISSED)), 19.5, (Firing(13.25, 19.5, VLLM),)),
    Case("LLMProberStale", "no chat at all since it runs", chats(lasting(10, NOTHING)), 9.5, (Firing(6, 9.5, VLLM),)),
    Case(
        "LLMProberStale",
        "no chat at all of a scenario that chats every ten minutes",
        chats(lasting(80, NOTHING), interval=600),
        79.5,
        (Firing(61, 79.5, VLLM),),
    ),
    Case("LLMProberStale", "the scenario rests by its calendar", chats(lasting(5, OK) + lasting(120, INACTIVE)), 120),
    Case(
        "LLMProberStale",
        "a scenario that chats every two hours rests for a night",
        chats(seldom(OK, *[INACTIVE] * 7, minutes=120, every_seconds=60), interval=7200, every_seconds=60),
        16 * 60,
        every_seconds=60,
    ),
    Case(
        "LLMProberStale",
        "the breaker is open, and another scenario has the few chats that it lets through",
        chats(lasting(10, OK) + lasting(60, BREAKER)) | chats(lasting(70, REFUSED), scenario="chat", interval=1),
        69.5,
    ),
    Case(
        "LLMProberStale",
        "a target that comes late, with chats every ten minutes, and whose model becomes known later still",
        chats(lasting(90, OK), target=TGI)
        | chats(lasting(60, GONE) + lasting(8, NOTHING) + lasting(22, GONE), target=UNKNOWN, interval=600)
        | chats(lasting(68, GONE) + lasting(9, NOTHING) + [OK] + lasting(12, NOTHING), interval=600),
        89.5,
    ),
    Case(
        "LLMProberStale",
        "chatprobe is started anew, and chats every ten minutes",
        chats(seldom(OK, OK, RESTARTED, OK, minutes=10), interval=600),
        39.5,
    ),
    Case("LLMProberStale", "a load test that has ended", chats(lasting(5, OK) + lasting(60, NOTHING), interval=inf), 64),
    Case(
        "LLMProberStale",
        "taken out of the configuration meanwhile",
        chats(lasting(10, OK) + lasting(10, NOTHING) + lasting(10, GONE)),
        29.5,
        (Firing(13.25, 19.75, VLLM),),
    ),
    Case(
        "LLMProberStale",
        "one of two exporters chats no more",
        chats(lasting(5, OK) + lasting(25, NOTHING)) | chats(lasting(30, OK), instance=OTHER_INSTANCE),
        29.5,
    ),
)

SKIPPED = (
    Case(
        "LLMProbesSkipped",
        "the cap of all streams holds back one chat in four, for half an hour",
        chats(lasting(10, OK) + lasting(30, OK, OK, OK, CAPPED) + lasting(30, OK)),
        69.5,
        (
            Firing(
                30.75,
                54.5,
                {**VLLM, "scenario": "heartbeat", "reason": "global_cap"},
                "25% of the chats of heartbeat with llm/vllm that were due in 15m were not sent (global_cap). "
                "They count for no SLO: what is measured is less than what was asked for.",
            ),
        ),
    ),
    Case(
        "LLMProbesSkipped",
        "the tokens of the hour are spent, for a scenario that chats every ten minutes",
        chats(seldom(NOTHING, *[Skip("token_budget")] * 3, minutes=10), interval=600),
        39.5,
        (Firing(30, 39.5, {"reason": "token_budget"}),),
    ),
    Case("LLMProbesSkipped", "three chats in a row are missed", chats(lasting(20, OK) + [MISSED] * 3 + lasting(30, OK)), 50),
    Case(
        "LLMProbesSkipped",
        "others use the engine, the scenario rests, and the breaker is open",
        chats(lasting(60, OK, Skip("load_share"), INACTIVE, BREAKER, Skip("target_busy"))),
        59.5,
    ),
    Case(
        "LLMProbesSkipped",
        "chatprobe is started anew meanwhile",
        chats(lasting(10, OK) + lasting(10, OK, OK, OK, CAPPED) + [RESTARTED] + lasting(20, OK, OK, OK, CAPPED)),
        39.5,
        (Firing(30.75, 39.5, {"reason": "global_cap"}),),
    ),
)


def shards(number: int, of: float | Sequence[float | None], length: int, *, leads: float | None = None) -> Series:
    """A process that is one of several shards; with a lease where `leads` is given."""
    instance = f"chatprobe-{number}-{'by' if leads == 0 else 'on'}:9840"
    samples = [of] * length if isinstance(of, int | float) else of
    found = series(own.SHARDS, samples, instance=instance, shard=str(number)) | exporter([1 if one else None for one in samples], instance=instance)
    return found if leads is None else found | series(own.LEADER, [leads if one else None for one in samples], instance=instance)


SHARD_TWO_GONE = [*[3] * 40, *[None] * 60, *[3] * 40]
SHARD_UNWATCHED = (
    Case(
        "LLMShardUnwatched",
        "one of three is scaled away for a quarter of an hour",
        shards(1, 3, 140) | shards(2, SHARD_TWO_GONE, 140) | shards(3, 3, 140),
        34.5,
        (
            Firing(
                15,
                24.75,
                {},
                "For 1 of the shards of chatprobe no chatprobe chats: it was scaled away, or no replica holds the lease. "
                "Engines of these shards are not watched: no alert on them can fire.",
            ),
        ),
    ),
    Case("LLMShardUnwatched", "nobody holds the lease", shards(1, 1, 80, leads=0), 19.5, (Firing(5, 19.5, {}),)),
    Case("LLMShardUnwatched", "one stands by", shards(1, 1, 80, leads=1) | shards(1, 1, 80, leads=0), 19.5),
    Case("LLMShardUnwatched", "all three are there", shards(1, 3, 80) | shards(2, 3, 80) | shards(3, 3, 80), 19.5),
    Case("LLMShardUnwatched", "all targets are one process's", shards(1, 1, 80), 19.5),
    Case(
        "LLMShardUnwatched",
        "the second cannot be scraped, which is told as that",
        shards(1, 2, 80) | series(own.SHARDS, [*[2] * 20, *[None] * 60], shard="2") | exporter([*[1] * 20, *[0] * 60]),
        19.5,
    ),
    Case(
        "LLMShardUnwatched",
        "a fourth comes, and the pods are replaced one by one",
        shards(1, [*[3] * 40, *[4] * 40], 80) | shards(2, 3, 80) | shards(3, 3, 80) | shards(4, [*[None] * 50, *[4] * 30], 80),
        19.5,
    ),
)

RELOAD_FAILED = (
    Case(
        "LLMConfigReloadFailed",
        "one of two has refused it, for ten minutes",
        series(own.RELOAD_SUCCESSFUL, [*[1] * 40, *[0] * 40, *[1] * 40]) | series(own.RELOAD_SUCCESSFUL, [1] * 120, instance=OTHER_INSTANCE),
        29.5,
        (
            Firing(
                15,
                19.75,
                HERE,
                "chatprobe-0:9840 goes on with the configuration of before: the new one has an error, which its log and its status page name.",
            ),
        ),
    ),
    Case("LLMConfigReloadFailed", "mended within four minutes", series(own.RELOAD_SUCCESSFUL, [*[1] * 40, *[0] * 16, *[1] * 40]), 23.5),
    Case("LLMConfigReloadFailed", "it was right the first time", series(own.RELOAD_SUCCESSFUL, [1] * 80), 19.5),
    Case(
        "LLMConfigReloadFailed",
        "its pod is replaced",
        series(own.RELOAD_SUCCESSFUL, [*[0] * 40, *[None] * 40]),
        19.5,
        (Firing(5, 9.75, HERE),),
    ),
)


def discovery(source: str, *samples: float | None, instance: str = INSTANCE) -> Series:
    return series(own.DISCOVERY_UP, samples, instance=instance, source=source)


DISCOVERY = (
    Case(
        "LLMDiscoveryFailing",
        "one of two sources fails for twenty minutes",
        discovery("files", *[1] * 40, *[0] * 80, *[1] * 40) | discovery("kubernetes", *[1] * 160),
        39.5,
        (
            Firing(
                20,
                29.75,
                {**HERE, "source": "files"},
                "chatprobe-0:9840 cannot discover targets from files. It goes on with those it knew; new ones are not found.",
            ),
        ),
    ),
    Case("LLMDiscoveryFailing", "nine minutes, as the API server is started anew", discovery("kubernetes", *[1] * 40, *[0] * 36, *[1] * 40), 28.5),
    Case("LLMDiscoveryFailing", "all is found", discovery("kubernetes", *[1] * 80), 19.5),
    Case("LLMDiscoveryFailing", "the source is taken out meanwhile", discovery("files", *[0] * 80, *[None] * 40), 29.5, (Firing(10, 19.75, HERE),)),
)


def timed_by(clock: str, *samples: float | None, instance: str = INSTANCE) -> Series:
    return series(own.MEASUREMENT_CLOCK, samples, instance=instance, clock=clock)


CLOCK = (
    Case(
        "LLMClockFallback",
        "without the kernel's stamps for ten minutes",
        timed_by("kernel", *[1] * 40, *[None] * 40, *[1] * 40) | timed_by("user", *[None] * 40, *[1] * 40, *[None] * 40),
        29.5,
        (
            Firing(
                15,
                19.75,
                {**HERE, "clock": "user"},
                "chatprobe-0:9840 gets no receive stamps from the kernel: latencies are those of its own reads, and a busy machine lengthens them.",
            ),
        ),
    ),
    Case(
        "LLMClockFallback",
        "a chat now and then",
        timed_by("kernel", *([1] * 9 + [None]) * 8) | timed_by("user", *([None] * 9 + [1]) * 8),
        19.5,
    ),
    Case(
        "LLMClockFallback",
        "one of two, since it was started",
        timed_by("kernel", *[1] * 40) | timed_by("user", *[1] * 40, instance=OTHER_INSTANCE),
        9.5,
        (Firing(5, 9.5, THERE),),
    ),
    Case("LLMClockFallback", "the kernel's", timed_by("kernel", *[1] * 80), 19.5),
)

BEYOND = Chat(ttft=70)
SATURATED = (
    Case(
        "LLMBucketSaturation",
        "one first token in ten comes after 70 s",
        chats(lasting(10, OK) + lasting(65, BEYOND, *[OK] * 9)),
        74.5,
        (
            Firing(
                70,
                74.5,
                {**VLLM, "scenario": "heartbeat", "metric": "chatprobe_ttft_seconds"},
                "10% of what chatprobe_ttft_seconds observed of llm/vllm in 1h (heartbeat) is above its last boundary, 60s: "
                "high quantiles are cut off there.",
            ),
        ),
    ),
    Case(
        "LLMBucketSaturation",
        "whole chats take 400 s, and boundaries are written without a fraction",
        chats(lasting(10, OK) + lasting(65, Chat(e2e=400)), le=without_fraction),
        74.5,
        (Firing(70, 74.5, {**VLLM, "metric": "chatprobe_e2e_seconds"}),),
    ),
    Case(
        "LLMBucketSaturation",
        "tokens come after 6 s",
        chats(lasting(65, Chat(stall=6))),
        64.5,
        tuple(
            Firing(60.25, 64.5, {"metric": metric}) for metric in ("chatprobe_inter_token_latency_seconds", "chatprobe_time_per_output_token_seconds")
        ),
    ),
    Case("LLMBucketSaturation", "four chats of a bad minute", chats(lasting(60, OK) + [BEYOND] * 4 + lasting(70, OK)), 130),
    Case("LLMBucketSaturation", "one chat in two hundred", chats(lasting(150, BEYOND, *[OK] * 199)), 149.5),
    Case("LLMBucketSaturation", "all within", chats(lasting(90, Chat(ttft=59, e2e=290))), 89.5),
    Case(
        "LLMBucketSaturation",
        "chatprobe is started anew meanwhile",
        chats(lasting(10, OK) + lasting(30, BEYOND, *[OK] * 9) + [RESTARTED] + lasting(35, BEYOND, *[OK] * 9)),
        74.5,
        (Firing(70, 74.5, {"metric": "chatprobe_ttft_seconds"}),),
    ),
)


def left_out(*each_scrape: float | None, reason: str = "budget", **replica: str) -> Series:
    """A counter that grows by so much at each scrape; None while nobody tells it."""
    total, told = 0.0, list[float | None]()
    for growth in each_scrape:
        total += growth or 0
        told.append(None if growth is None else total)
    return series(own.NATIVE_SERIES_DROPPED, told, target="llm/tgi", reason=reason, **replica)


NATIVE_SERIES_DROPPED = (
    Case(
        "LLMNativeSeriesDropped",
        "the second replica has more series than are relayed, for half an hour",
        left_out(*[0] * 200, replica="10.0.0.1:80") | left_out(*[0] * 20, *[1000] * 120, *[0] * 60, replica="10.0.0.2:80"),
        49.75,
        (
            Firing(
                20,
                44.5,
                {"target": "llm/tgi", "replica": "10.0.0.2:80", "reason": "budget"},
                "Of the engine's own metrics of llm/tgi, replica 10.0.0.2:80, chatprobe does not serve all on (budget): "
                "panels of its dashboard may be empty, and sums over replicas too small.",
            ),
        ),
    ),
    Case(
        "LLMNativeSeriesDropped",
        "the only process has too many lines, from the start",
        left_out(*[7] * 120, reason="too_large"),
        29.5,
        (
            Firing(
                15.25,
                29.5,
                {"target": "llm/tgi", "reason": "too_large"},
                "Of the engine's own metrics of llm/tgi chatprobe does not serve all on (too_large): "
                "panels of its dashboard may be empty, and sums over replicas too small.",
            ),
        ),
    ),
    Case(
        "LLMNativeSeriesDropped",
        "more for a moment, while many targets are found",
        left_out(*[0] * 40, 500, *[0] * 100, reason="budget_in_all"),
        34.5,
    ),
    Case("LLMNativeSeriesDropped", "buckets that nothing uses", left_out(*[1164] * 140, reason=own.UNUSED_BUCKET), 34.5),
    Case("LLMNativeSeriesDropped", "a line that is no metric, which no setting mends", left_out(*[1] * 140, reason="unreadable"), 34.5),
)


def test_the_reasons_that_it_fires_for_are_ones_that_there_are() -> None:
    assert set(LOST) < set(DropReason)
    assert own.UNUSED_BUCKET not in LOST


CASES = (*PROBER_DOWN, *SHARD_UNWATCHED, *STALE, *SKIPPED, *RELOAD_FAILED, *DISCOVERY, *NATIVE_SERIES_DROPPED, *CLOCK, *SATURATED)


@pytest.mark.prometheus
@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_on_chatprobe_itself(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


def test_a_threshold_beyond_the_buckets_is_the_last_boundary() -> None:
    configured = config(
        """
        targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
        scenarios: {heartbeat: {every: 15s, timeout: 150s, first_token_timeout: 100s}}
        slos: {patient: {scenario: heartbeat, ttft: 90.5s, e2e: 100s, objective: 99%}}
        """
    )
    expressions = {
        alert.labels["metric"]: alert.expr for group in rules(configured).alerts for alert in group.rules if alert.name == "LLMBucketSaturation"
    }
    assert 'le="90.5"' in expressions["chatprobe_ttft_seconds"]
    assert 'le=~"300([.]0)?"' in expressions["chatprobe_e2e_seconds"]

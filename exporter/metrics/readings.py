"""What a chat tells the metrics: a pure walk over its record. Cancelled chats tell nothing, and are not for these functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue import own
from catalogue.metric import Metric
from probes.failure import Reason
from probes.own_account import Native
from probes.record import ChatRecord

MOST_TOKENS_A_CHUNK = 10_000
"""More observations than this are not made of one chunk: no chunk bears so many tokens, whatever a gateway reports."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value for one metric: added to a counter, set on a gauge, observed by a histogram.

    `more` are the values of the labels that the metric has beyond those of every chat; an `exemplar` carries the chat's request id.
    """

    metric: Metric
    value: float
    more: tuple[str, ...] = ()
    exemplar: bool = False


def counts(record: ChatRecord) -> Iterator[Reading]:
    """What is counted of a chat, and when it was."""
    ended_at = record.started_at + record.e2e_seconds
    yield Reading(own.PROBES, 1)
    yield Reading(own.LAST_PROBE, ended_at)
    if record.reason is not None:
        yield Reading(own.PROBE_FAILURES, 1, (record.reason.value,))
    if record.outcome == "ok":
        yield Reading(own.LAST_SUCCESS, ended_at)
    if record.reason is not Reason.INTERNAL:
        yield Reading(own.PROBE_SUCCESS, record.outcome == "ok")
    yield Reading(own.INPUT_TOKENS, record.input_tokens or 0)
    yield Reading(own.OUTPUT_TOKENS, record.output_tokens or 0)
    yield Reading(own.CHUNKS, len(record.chunks))
    yield Reading(own.RETRIES, record.retries)
    yield Reading(own.SEGMENTS_OUT_OF_ORDER, record.mended.out_of_order if record.mended else 0)
    yield Reading(own.SEGMENTS_RESENT, record.mended.resent if record.mended else 0)
    yield Reading(own.DOUBTFUL, record.doubtful)
    yield Reading(own.GATHERED, record.bursts is not None)
    yield Reading(own.UNWANTED_LOADS, record.load == "unwanted")
    yield from _of_the_engine(record.native)


def _of_the_engine(told: Native) -> Iterator[Reading]:
    """What the chat cost the engine, as far as it told."""
    if told.cached_tokens is not None:
        yield Reading(own.CACHED_INPUT_TOKENS, told.cached_tokens)
    for phase, seconds in told.parts().items():
        if phase in own.ENGINE_PHASES and seconds is not None:
            yield Reading(own.ENGINE_SECONDS, seconds, (phase,))


def token_latencies(record: ChatRecord) -> list[tuple[float, int]]:
    """(ITL in seconds, how often it is observed) for each gap between chunks: whatever a chat has, however it ended."""
    return [(latency, min(tokens, MOST_TOKENS_A_CHUNK)) for latency, tokens in record.inter_token_latencies()]


def once_a_chat(record: ChatRecord) -> Iterator[Reading]:
    """What the histograms observe of a chat beside its tokens: whatever it has, however it ended.

    Those of a chat that waited for its model to be loaded begin with its first token: the rest is the load's, not the engine's usual.
    Chats that timed out without a token are in TTFT with the time they had waited, so that an overload does not improve the quantiles.
    """
    if record.load is None:
        yield from _with_the_first_token(record)
    for metric, value in (
        (own.TPOT, record.tpot_seconds),
        (own.STALL, record.stall_seconds),
    ):
        if value is not None:
            yield Reading(metric, value)


def _with_the_first_token(record: ChatRecord) -> Iterator[Reading]:
    """What has the time in it before the first token came."""
    yield Reading(own.E2E, record.e2e_seconds, (record.outcome,), exemplar=True)
    for phase, seconds in record.completed_phases():
        yield Reading(own.PHASE_SECONDS, seconds, (phase,))
    first_token = record.waited_seconds if record.ttft_seconds is None else record.ttft_seconds
    if first_token is not None:
        yield Reading(own.TTFT, first_token, exemplar=True)
    for metric, value in ((own.FIRST_CONTENT, record.first_content_seconds), (own.OUTPUT_RATE, record.output_tokens_per_second)):
        if value is not None:
            yield Reading(metric, value)


def reasoned(record: ChatRecord) -> bool:
    """Whether the model was seen to reason."""
    return record.reasoned

"""The definitions of the measures, each as a property of any record."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import replace

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.own_account import Native
from probes.record import PHASES, ChatRecord, Milestones

MS = 1_000_000
STARTED_NS = 10**15
KEYS = [
    *(
        "schema",
        "target",
        "backend",
        "model",
        "scenario",
        "request_id",
        "pair_id",
        "prompt_id",
        "started_at",
        "outcome",
        "reason",
        "detail",
        "failed_check",
        "answer_head",
        "http_status",
        "connection",
        "retries",
        "left_out",
        "load",
        "cache",
    ),
    *(
        "phases",
        "headers_seconds",
        "ttft_seconds",
        "waited_seconds",
        "first_content_seconds",
        "tpot_seconds",
        "e2e_seconds",
        "stall_seconds",
        "schedule_lag_seconds",
        "output_tokens",
    ),
    *(
        "input_tokens",
        "token_source",
        "chunk_token_source",
        "output_tokens_per_second",
        "finish_reason",
        "content_encoding",
        "clock",
        "max_timing_error_seconds",
        "doubtful",
        "bursts",
        "segments_out_of_order",
        "segments_resent",
        "chunks",
        "text",
        "native",
    ),
]

INSTANTS = st.integers(STARTED_NS, STARTED_NS + 10**11)


@st.composite
def records(draw: st.DrawFn) -> ChatRecord:
    """A record of a chat of any outcome, which came as far as it came: each of its instants may be missing, but none lies before an earlier one."""
    instants = iter(sorted(draw(st.lists(INSTANTS, min_size=20, max_size=20))))
    reached = draw(st.integers(0, 7))

    def instant(step: int) -> int | None:
        found = next(instants)
        return found if reached >= step and draw(st.booleans()) else None

    milestones = Milestones(instant(1), instant(2), instant(3))
    sent = next(instants) if reached >= 4 else None
    milestones = replace(milestones, request_sent_ns=instant(5))
    headers = next(instants) if reached >= 6 else None
    arrivals = list(itertools.islice(instants, draw(st.integers(0, 10)))) if reached >= 7 else []
    bounds = st.sampled_from([0, 40_000, MS, MS + 1, 3 * MS])
    chunks = tuple(Chunk(arrived, draw(st.integers(1, 5)), draw(bounds)) for arrived in arrivals)
    ended = next(instants)
    outcome = draw(st.sampled_from(["ok", "failed", "cancelled"] if chunks else ["failed", "cancelled"]))
    marker_came = outcome == "ok" or (outcome == "failed" and reached >= 7 and draw(st.booleans()))
    return ChatRecord(
        target="vllm",
        backend="vllm",
        model="tiny",
        scenario="cli",
        request_id="ab" * 16,
        prompt_id="short-question",
        cache="cold",
        started_at=1_795_000_000.123456,
        started_ns=STARTED_NS,
        ended_ns=ended,
        outcome=outcome,  # type: ignore[arg-type]
        failure=Failure(draw(st.sampled_from(Reason)), "it broke", ended) if outcome == "failed" else None,
        due_ns=draw(st.none() | st.integers(STARTED_NS - 10**9, STARTED_NS)),
        milestones=milestones,
        sent_ns=sent,
        sent_width_ns=draw(bounds),
        headers_ns=headers,
        first_content_ns=draw(st.sampled_from([None, *arrivals])),
        finished_ns=ended if marker_came else None,
        chunks=chunks,
        connection=draw(st.sampled_from(["fresh", "reused", None])),
        output_tokens=draw(st.none() | st.integers(0, 500)),
    )


CHATS = records()


@given(CHATS)
def test_tpot_is_the_token_weighted_mean_itl(record: ChatRecord) -> None:
    latencies = list(record.inter_token_latencies())
    if len(record.chunks) < 2:
        assert record.tpot_seconds is None
        assert latencies == []
        return
    tokens = sum(count for _, count in latencies)
    assert tokens == sum(chunk.tokens or 0 for chunk in record.chunks[1:])
    assert record.tpot_seconds == pytest.approx(sum(itl * count for itl, count in latencies) / tokens)


@given(st.integers(2, 50), st.integers(1, 10**9))
def test_tpot_is_the_fields_when_every_chunk_bears_one_token(tokens: int, gap_ns: int) -> None:
    chunks = tuple(Chunk(STARTED_NS + gap_ns * number, 1) for number in range(tokens))
    record = replace(SAMPLE, chunks=chunks)
    assert record.ttft_seconds is not None
    assert record.tpot_seconds == pytest.approx((chunks[-1].arrived_ns - chunks[0].arrived_ns) / 1e9 / (tokens - 1))


def test_where_the_tokens_of_chunks_cannot_be_told_nothing_is_said_per_token() -> None:
    record = replace(SAMPLE, chunks=tuple(one._replace(tokens=None) for one in SAMPLE.chunks))
    assert (record.tpot_seconds, record.later_tokens, list(record.inter_token_latencies())) == (None, None, [])
    assert record.ttft_seconds == SAMPLE.ttft_seconds
    assert record.stall_seconds == SAMPLE.stall_seconds
    assert record.to_json()["chunks"] == [[0.050200001, None], [0.070200003, None]]


@pytest.mark.parametrize(
    ("decode_seconds", "tpot_seconds", "factor"),
    [
        pytest.param(0.02, 0.01, None, id="alike"),
        pytest.param(0.012, 0.006, None, id="by less than two"),
        pytest.param(0.004, 0.002, 5.0, id="ours is larger"),
        pytest.param(0.1, 0.05, 0.2, id="ours is smaller"),
        pytest.param(0.0, 0.0, None, id="none at all"),
        pytest.param(None, None, None, id="not told"),
    ],
)
def test_the_engines_own_time_per_token_is_told_apart_from_ours(decode_seconds: float, tpot_seconds: float, factor: float | None) -> None:
    """Ours is 20 ms for two tokens."""
    record = replace(SAMPLE, output_tokens=3, token_source="usage", native=Native(decode_seconds=decode_seconds))
    assert record.native_tpot_seconds == tpot_seconds
    assert record.native_tpot_factor == (None if factor is None else pytest.approx(factor, rel=1e-6))
    own = record.to_json()["native"]
    assert isinstance(own, dict)
    assert (own["tpot_seconds"], own["tpot_factor"]) == (tpot_seconds, record.native_tpot_factor)


def test_an_engine_that_counts_no_tokens_has_no_time_per_token() -> None:
    record = replace(SAMPLE, output_tokens=3, token_source="chunks", native=Native(decode_seconds=0.004))
    assert (record.native_tpot_seconds, record.native_tpot_factor) == (None, None)


@given(CHATS)
def test_phases_add_up_to_e2e(record: ChatRecord) -> None:
    phases = record.phases()
    assert tuple(phases) == PHASES
    assert math.isclose(sum(seconds or 0.0 for seconds in phases.values()), record.e2e_seconds, abs_tol=1e-8)
    assert all(seconds is None or seconds >= 0 for seconds in phases.values())


@given(CHATS, st.lists(INSTANTS, min_size=5, max_size=5), st.integers(0, 10**11))
def test_phases_add_up_and_none_is_negative_whatever_the_instants(record: ChatRecord, instants: list[int], lasted_ns: int) -> None:
    """A kernel's stamp may lie before the moment at which the worker found out that its request was sent."""
    ended_ns = STARTED_NS + lasted_ns
    finished_ns = None if record.finished_ns is None else ended_ns
    odd = replace(record, milestones=Milestones(*instants[:4]), sent_ns=instants[4], ended_ns=ended_ns, finished_ns=finished_ns)
    phases = odd.phases()
    assert math.isclose(sum(seconds or 0.0 for seconds in phases.values()), odd.e2e_seconds, abs_tol=1e-8)
    assert all(seconds is None or seconds >= 0 for seconds in phases.values())


@given(CHATS)
def test_phases_end_where_the_chat_ended(record: ChatRecord) -> None:
    """Nothing stands behind the phase in which a chat ended, and that one is not completed unless the answer was finished."""
    phases = record.phases()
    last = max(PHASES.index(phase) for phase, seconds in phases.items() if seconds is not None)
    completed = dict(record.completed_phases())
    assert all(phases[phase] is None for phase in PHASES[last + 1 :])
    assert set(completed) <= {phase for phase, seconds in phases.items() if seconds is not None}
    if PHASES[last] in completed:
        assert PHASES[last] == "stream"
        assert record.finished_ns is not None


@given(CHATS)
def test_stall_is_the_longest_gap_the_open_one_of_a_failed_chat_included(record: ChatRecord) -> None:
    arrived = [chunk.arrived_ns for chunk in record.chunks]
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrived)]
    if arrived and record.outcome == "failed":
        gaps.append(record.ended_ns - arrived[-1])
    assert record.stall_seconds == (max(gaps) / 1e9 if gaps else None)


@given(CHATS)
def test_a_chat_is_doubtful_when_ttft_or_a_gap_may_be_off_by_more_than_a_millisecond(record: ChatRecord) -> None:
    bounds = [chunk.error_ns for chunk in record.chunks]
    if bounds:
        bounds[0] += record.sent_width_ns
    assert record.max_timing_error_seconds == max(bounds, default=0) / 1e9
    assert record.doubtful == any(bound > MS for bound in bounds)


@given(CHATS)
def test_the_wait_of_a_chat_that_timed_out_without_a_token_is_known(record: ChatRecord) -> None:
    in_vain = record.reason in (Reason.FIRST_TOKEN_TIMEOUT, Reason.TIMEOUT) and not record.chunks and record.sent_ns is not None
    assert (record.waited_seconds is not None) == in_vain
    assert record.waited_seconds is None or record.ttft_seconds is None
    if in_vain and record.sent_ns is not None:
        assert record.waited_seconds == (record.ended_ns - record.sent_ns) / 1e9


@given(CHATS)
def test_the_output_rate_is_of_ok_chats_over_the_whole_chat(record: ChatRecord) -> None:
    rate = record.output_tokens_per_second
    if rate is None:
        assert record.outcome != "ok" or record.output_tokens is None or record.e2e_seconds == 0
    else:
        assert record.outcome == "ok"
        assert rate * record.e2e_seconds == pytest.approx(record.output_tokens)


@given(CHATS)
def test_times_since_sent(record: ChatRecord) -> None:
    assume(record.sent_ns is not None)
    assert record.sent_ns is not None
    for seconds, instant in (
        (record.ttft_seconds, record.first_token_ns),
        (record.headers_seconds, record.headers_ns),
        (record.first_content_seconds, record.first_content_ns),
    ):
        assert seconds == (None if instant is None else (instant - record.sent_ns) / 1e9)
    if record.first_content_seconds is not None and record.ttft_seconds is not None:
        assert record.first_content_seconds >= record.ttft_seconds


@given(CHATS)
def test_schedule_lag_is_the_lateness_of_the_start(record: ChatRecord) -> None:
    assert record.schedule_lag_seconds == (0 if record.due_ns is None else (STARTED_NS - record.due_ns) / 1e9)


@given(CHATS, st.booleans(), st.booleans())
def test_json_has_the_keys_of_the_contract(record: ChatRecord, chunks: bool, text: bool) -> None:
    shown = record.to_json(chunks=chunks, text=text)
    assert set(shown) == set(KEYS) - (set() if chunks else {"chunks"})
    assert orjson.loads(orjson.dumps(shown)) is not None
    assert shown["reason"] == (record.failure.reason.value if record.failure else None)
    if chunks:
        assert shown["chunks"] == [[None if record.sent_ns is None else (one.arrived_ns - record.sent_ns) / 1e9, one.tokens] for one in record.chunks]


SAMPLE = ChatRecord(
    target="vllm",
    backend="vllm",
    model="tiny",
    scenario="cli",
    request_id="ab" * 16,
    prompt_id="short-question",
    cache="cold",
    started_at=1_795_000_000.0,
    started_ns=STARTED_NS,
    ended_ns=STARTED_NS + 123_456_789,
    outcome="ok",
    milestones=Milestones(STARTED_NS + 200_001, STARTED_NS + 300_002, None, STARTED_NS + 400_003),
    sent_ns=STARTED_NS,
    finished_ns=STARTED_NS + 123_456_789,
    chunks=(Chunk(STARTED_NS + 50_200_001, 1), Chunk(STARTED_NS + 70_200_003, 2)),
    text="Hello",
    native=Native(load_seconds=0.012, prefill_seconds=0.03, total_seconds=0.11, server_gaps_seconds=(0.02,)),
)


def test_json_of_a_sample() -> None:
    shown = orjson.loads(orjson.dumps(SAMPLE.to_json()))
    assert shown["phases"] == {
        "resolve": 0.000200001,
        "connect": 0.000100001,
        "tls": None,
        "send": 0.000100001,
        "wait": 0.049799998,
        "stream": 0.073256788,
    }
    assert shown["chunks"] == [[0.050200001, 1], [0.070200003, 2]]
    assert shown["e2e_seconds"] == 0.123456789
    own = {"load_seconds": 0.012, "queue_seconds": None, "prefill_seconds": 0.03, "decode_seconds": None, "total_seconds": 0.11}
    own |= {"tpot_seconds": None, "tpot_factor": None, "cached_tokens": None}
    assert list(shown["native"].items()) == [*own.items(), ("server_gaps_seconds", [0.02])]
    assert shown["text"] is None
    assert SAMPLE.to_json(text=True)["text"] == "Hello"
    assert SAMPLE.to_json(chunks=False)["native"] == own


@pytest.mark.parametrize(
    ("native", "seconds"),
    [
        (Native(queue_seconds=0.25, prefill_seconds=0.5, decode_seconds=9), 0.75),
        (Native(load_seconds=0.25, prefill_seconds=0.5, total_seconds=9), 0.75),
        (Native(load_seconds=0.25, queue_seconds=1, prefill_seconds=0.5), 1.75),
        (Native(queue_seconds=0.0, prefill_seconds=0.5), 0.5),
        (Native(prefill_seconds=0.5), None),
        (Native(queue_seconds=0.25, decode_seconds=1), None),
        (Native(), None),
    ],
)
def test_the_engines_own_time_to_first_token_is_whole_or_none(native: Native, seconds: float | None) -> None:
    assert native.first_token_seconds == seconds


def test_a_token_that_came_before_the_request_was_known_to_be_sent() -> None:
    early = replace(SAMPLE, milestones=replace(SAMPLE.milestones, request_sent_ns=SAMPLE.chunks[0].arrived_ns + 7))
    assert early.phases()["wait"] == 0
    assert sum(seconds or 0.0 for seconds in early.phases().values()) == pytest.approx(early.e2e_seconds, abs=1e-9)


@given(st.floats(0, 4e9))
def test_the_start_is_told_to_the_microsecond_in_utc(started_at: float) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", str(replace(SAMPLE, started_at=started_at).to_json()["started_at"]))

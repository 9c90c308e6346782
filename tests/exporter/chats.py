"""Chat records for tests: one with given instants, and all that hypothesis can think of."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from probes.chunk import Chunk
from probes.failure import Failure, Reason
from probes.mended import Mended
from probes.own_account import Native
from probes.record import ChatRecord, Milestones

MS = 1_000_000
START_NS = 1_000_000 * MS
STARTED_AT = 1_800_000_000.0


def chat(*, tokens: int = 3, ttft_ms: float = 50, gap_ms: float = 20, **changes: Any) -> ChatRecord:
    """An `ok` chat of `tokens` chunks with one token each, sent 2 ms after its start, on target `vllm` in scenario `heartbeat`."""
    sent_ns = START_NS + 2 * MS
    chunks = tuple(Chunk(sent_ns + round((ttft_ms + gap_ms * number) * MS), 1) for number in range(tokens))
    finished_ns = chunks[-1].arrived_ns + MS if chunks else sent_ns + 100 * MS
    record = ChatRecord(
        target="vllm",
        backend="vllm",
        model="tiny",
        scenario="heartbeat",
        request_id="0123456789abcdef0123456789abcdef",
        prompt_id="short-question",
        cache="cold",
        started_at=STARTED_AT,
        started_ns=START_NS,
        ended_ns=finished_ns,
        outcome="ok",
        due_ns=START_NS - 3 * MS,
        milestones=Milestones(START_NS + MS // 2, START_NS + MS, None, sent_ns + MS // 10),
        sent_ns=sent_ns,
        headers_ns=sent_ns + 10 * MS,
        first_content_ns=chunks[0].arrived_ns if chunks else None,
        finished_ns=finished_ns,
        chunks=chunks,
        http_status=200,
        connection="fresh",
        output_tokens=tokens,
        input_tokens=12,
        token_source="usage",
        chunk_token_source="usage",
        finish_reason="length",
    )
    return replace(record, **changes)


def failed(reason: Reason, *, after_ms: float = 100, **changes: Any) -> ChatRecord:
    """A chat that failed `after_ms` after it was started; without tokens unless told otherwise."""
    ended_ns = START_NS + round(after_ms * MS)
    failure = Failure(reason, f"it was {reason}", ended_ns)
    given = {"ended_ns": ended_ns, "finished_ns": None, "outcome": "failed", "failure": failure, "output_tokens": None, **changes}
    return chat(tokens=0, **given) if "chunks" not in changes else chat(**given)


def gathered(*, bursts: int = 4, chunks: int = 10, every_ms: float = 200, **changes: Any) -> ChatRecord:
    """An `ok` chat whose chunks came in bursts, by way of a router that holds them back."""
    record = chat(tokens=bursts * chunks)
    first_ns = record.chunks[0].arrived_ns
    held = tuple(Chunk(first_ns + round(every_ms * MS) * burst, 1) for burst in range(bursts) for _ in range(chunks))
    ended_ns = held[-1].arrived_ns + MS
    return replace(record, **{"chunks": held, "ended_ns": ended_ns, "finished_ns": ended_ns, **changes})


@st.composite
def chats(draw: st.DrawFn) -> ChatRecord:
    """Any chat that can happen: of every outcome and reason, with chunks of several tokens, doubtful or not, reasoning or not."""
    steps = st.integers(0, 3_000 * MS)
    _, resolved, connected, sent, written = itertools.accumulate(draw(st.lists(steps, min_size=4, max_size=4)), initial=START_NS)
    outcome = draw(st.sampled_from(["ok", "failed", "cancelled"]))
    arrivals = list(itertools.accumulate(draw(st.lists(st.integers(1, 3_000 * MS), max_size=12)), initial=written))[1:]
    if outcome == "ok" and not arrivals:
        arrivals = [written + MS]
    chunks = tuple(
        Chunk(at, draw(st.integers(1, 4)), error_ns=draw(st.sampled_from([0, MS // 10, 2 * MS])), shared=draw(st.booleans())) for at in arrivals
    )
    ended = (chunks[-1].arrived_ns if chunks else written) + draw(steps)
    reason = draw(st.sampled_from(Reason)) if outcome == "failed" else None
    return chat(
        started_ns=START_NS,
        ended_ns=ended,
        outcome=outcome,
        failure=Failure(reason, "", ended) if reason else None,
        due_ns=draw(st.sampled_from([None, START_NS, START_NS - 7 * MS])),
        milestones=Milestones(resolved, connected, None, written),
        sent_ns=sent,
        first_content_ns=draw(st.sampled_from([None, *arrivals])),
        reasoned=draw(st.booleans()),
        finished_ns=ended if outcome == "ok" else None,
        chunks=chunks,
        retries=draw(st.integers(0, 1)),
        mended=draw(st.none() | st.builds(Mended, st.integers(0, 5), st.integers(0, 5))),
        output_tokens=sum(chunk.tokens for chunk in chunks) or None,
        input_tokens=draw(st.sampled_from([None, 12])),
        clock=draw(st.sampled_from(["kernel", "user"])),
        native=draw(st.sampled_from([Native(), Native(cached_tokens=0), Native(1.0, 2.0, 0.25, 0.5, 4.0, 8), Native(prefill_seconds=0.125)])),
    )

"""Streams that are compressed on the way: read, timed by the arrival of what they were compressed to, and ended in time."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from dataclasses import replace

import brotli
import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import DONE, END, FINISH, ROLE, SSE, chunk, head, token, whole
from tests.servers import Peer, Script, Sent, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)
MS = 1_000_000


def gzip_events() -> Callable[[bytes], bytes]:
    """Compresses one event after the other, each so that it can be read at once."""
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return lambda event: packer.compress(event) + packer.flush(zlib.Z_SYNC_FLUSH)


def br_events() -> Callable[[bytes], bytes]:
    packer = brotli.Compressor()
    return lambda event: bytes(packer.process(event) + packer.flush())


def in_segments(coding: str, pack: Callable[[bytes], bytes], *events: bytes, end: bytes = END) -> Script:
    """Sends each event in a segment of its own, 20 ms apart, and then holds the connection open."""
    pause = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.server.sent.clear()
        peer.send(head(200, SSE, f"Content-Encoding: {coding}"))
        for event in events:
            pause.wait(0.02)
            peer.send(chunk(pack(event)))
        if end:
            peer.send(end)
        peer.await_client_gone()

    return script


async def chat(prober: Prober, ask: Ask, script: Script, timeouts: Timeouts = SHORT) -> tuple[ChatRecord, list[Sent]]:
    with serving(script) as server:
        record = await prober.chat(Endpoint("engine", "vllm", server.url), ask, scenario="faults", timeouts=timeouts)
    return record, server.sent


@pytest.mark.parametrize(("coding", "packer"), [("gzip", gzip_events), ("br", br_events)])
async def test_a_token_arrived_when_what_it_was_compressed_to_did(
    coding: str, packer: Callable[[], Callable[[bytes], bytes]], prober: Prober, ask: Ask
) -> None:
    record, sent = await chat(prober, ask, in_segments(coding, packer(), ROLE, token("one "), token("two "), FINISH, DONE))
    assert (record.outcome, record.text, record.content_encoding) == ("ok", "one two ", coding)
    assert record.finished_ns is not None
    for arrived_ns, sending in ((record.chunks[0].arrived_ns, sent[2]), (record.chunks[1].arrived_ns, sent[3]), (record.finished_ns, sent[5])):
        assert sending.before_ns - MS <= arrived_ns <= sending.after_ns + MS
    assert [one.error_ns for one in record.chunks] == [0, 0]


async def test_a_compressed_stream_is_over_with_its_marker(prober: Prober, ask: Ask) -> None:
    record, _ = await chat(prober, ask, in_segments("gzip", gzip_events(), token(), DONE, end=b""), replace(SHORT, stall_seconds=0.5))
    assert record.outcome == "ok"
    assert record.e2e_seconds < 0.3


async def test_a_compressed_stream_without_a_marker_is_over_with_its_message(prober: Prober, ask: Ask) -> None:
    record, _ = await chat(prober, ask, in_segments("gzip", gzip_events(), token(), FINISH))
    assert record.outcome == "ok"


async def test_a_compressed_stream_that_stalls_is_seen_to(prober: Prober, ask: Ask) -> None:
    record, _ = await chat(prober, ask, in_segments("gzip", gzip_events(), ROLE, token(), end=b""), replace(SHORT, stall_seconds=0.2))
    assert record.reason is Reason.STALLED
    assert record.stall_seconds == pytest.approx(0.2, abs=0.1)


async def test_a_piece_of_a_compressed_event_is_no_token_yet(prober: Prober, ask: Ask) -> None:
    packed = gzip_events()(token())
    pieces = iter([packed[:30], packed[30:]])
    record, sent = await chat(prober, ask, in_segments("gzip", lambda _: next(pieces), b"", b"", end=END))
    assert record.reason is Reason.TRUNCATED
    assert record.first_token_ns is not None
    assert record.first_token_ns >= sent[2].before_ns - MS


async def test_a_body_that_is_made_to_fill_memory_fails_its_own_chat_alone(prober: Prober, ask: Ask) -> None:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = packer.compress(b"a" * 50_000_000) + packer.flush()
    record, _ = await chat(prober, ask, in_segments("gzip", lambda _: bomb, b""))
    assert record.reason is Reason.PROTOCOL
    assert record.failure is not None
    assert "inflates to more than" in record.failure.detail
    after, _ = await chat(prober, ask, in_segments("gzip", gzip_events(), token(), DONE))
    assert after.outcome == "ok"


async def test_the_words_of_a_compressed_refusal_are_read(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(whole(429, gzip_events()(b'{"error":{"message":"slow down"}}'), "application/json", "Content-Encoding: gzip"))
        peer.await_client_gone()

    record, _ = await chat(prober, ask, script)
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.OVERLOADED, "slow down")

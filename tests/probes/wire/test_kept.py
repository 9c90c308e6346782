"""Kept-alive connections, from chat to chat: used again while they are open and silent, and given up once without blame."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import DONE, END, chunk, head, stream, token
from tests.servers import Peer, Server, serving, within_patience

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANSWER = stream(token())
SHORT = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)


def answering_all(peer: Peer) -> None:
    while True:
        peer.request()
        peer.send(ANSWER)


async def chat(prober: Prober, ask: Ask, server: Server, **options: object) -> ChatRecord:
    endpoint = Endpoint("engine", "vllm", server.url)
    return await prober.chat(endpoint, ask, scenario="kept", timeouts=SHORT, **options)  # type: ignore[arg-type]


async def test_a_connection_is_used_again(prober: Prober, ask: Ask) -> None:
    with serving(answering_all) as server:
        first, second = await chat(prober, ask, server), await chat(prober, ask, server)
    assert (first.connection, second.connection) == ("fresh", "reused")
    assert (server.connections, len(server.requests)) == (1, 2)
    assert [phase for phase, seconds in second.phases().items() if seconds is not None] == ["send", "wait", "stream"]
    assert (second.outcome, second.retries) == ("ok", 0)


async def test_a_tls_connection_is_used_again(prober: Prober, ask: Ask, secure: ssl.SSLContext, trusting: Callable[[Server], Endpoint]) -> None:
    with serving(answering_all, tls=secure) as server:
        first = await prober.chat(trusting(server), ask, scenario="kept", timeouts=SHORT)
        second = await prober.chat(trusting(server), ask, scenario="kept", timeouts=SHORT)
        other = await prober.chat(replace(trusting(server), tls=replace(trusting(server).tls, insecure=True)), ask, scenario="kept", timeouts=SHORT)
    assert (first.connection, second.connection, other.connection) == ("fresh", "reused", "fresh")
    assert first.certificate_expiry == second.certificate_expiry
    assert first.certificate_expiry is not None
    assert other.certificate_expiry is None


async def test_certificates_that_were_rotated_begin_new_connections_and_chats_under_those_of_before_end_well(
    prober: Prober, ask: Ask, secure: ssl.SSLContext, trusting: Callable[[Server], Endpoint]
) -> None:
    """The old files' last chat finds its kept connection dead, after the new files' first has put their context in the place of the old one's."""
    asked, rotated = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(ANSWER)
        if peer.number == 0:
            peer.request()
            asked.set()
            within_patience(rotated)
            return
        peer.await_client_gone()

    with serving(script, tls=secure) as server:
        old = trusting(server)
        new = replace(old, tls=replace(old.tls, edition="next"))
        await prober.chat(old, ask, scenario="kept", timeouts=SHORT)
        last = asyncio.create_task(prober.chat(old, ask, scenario="kept", timeouts=SHORT))
        await asyncio.to_thread(within_patience, asked)
        first = await prober.chat(new, ask, scenario="kept", timeouts=SHORT)
        rotated.set()
        record = await last
    assert (first.outcome, first.connection) == ("ok", "fresh")
    assert (record.outcome, record.reason, record.retries) == ("ok", None, 1)


async def test_a_fresh_connection_where_one_is_asked_for(prober: Prober, ask: Ask) -> None:
    with serving(answering_all) as server:
        records = [await chat(prober, ask, server, connection="fresh") for _ in range(2)]
        kept = await chat(prober, ask, server)
    assert [record.connection for record in (*records, kept)] == ["fresh", "fresh", "fresh"]
    assert server.connections == 3


@pytest.mark.parametrize("end", ["closes", "resets", "speaks"])
async def test_a_connection_that_does_not_stay_silent_is_dropped_before_use(end: str, prober: Prober, ask: Ask) -> None:
    ended = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(ANSWER)
        if peer.number == 0:
            if end == "closes":
                peer.close()
            elif end == "resets":
                peer.reset()
            else:
                peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        ended.set()
        peer.await_client_gone()

    with serving(script) as server:
        first = await chat(prober, ask, server)
        within_patience(ended)
        second = await chat(prober, ask, server)
    assert (first.connection, second.connection, second.retries) == ("fresh", "fresh", 0)
    assert [record.outcome for record in (first, second)] == ["ok", "ok"]
    assert len(server.requests) == 2


def dying_when_reused(peer: Peer) -> None:
    """The first connection takes its second request and ends without a byte; the next ones answer."""
    peer.request()
    peer.send(ANSWER)
    peer.request()
    if peer.number == 0:
        return
    peer.send(ANSWER)


async def test_a_kept_connection_that_dies_is_tried_again_in_the_same_chat(prober: Prober, ask: Ask) -> None:
    with serving(dying_when_reused) as server:
        await chat(prober, ask, server)
        record = await chat(prober, ask, server)
    assert (record.outcome, record.retries, record.connection) == ("ok", 1, "reused")
    assert len(server.requests) == 3
    assert server.requests[1] == server.requests[2]
    assert record.sent_ns is not None
    assert record.ttft_seconds is not None
    assert record.sent_ns - record.started_ns < record.ttft_seconds * 1e9
    phases = record.phases()
    assert [phase for phase, seconds in phases.items() if seconds is not None] == ["send", "wait", "stream"]
    assert sum(seconds or 0 for seconds in phases.values()) == pytest.approx(record.e2e_seconds, abs=1e-9)


async def test_sent_stays_that_of_the_first_try(prober: Prober, ask: Ask) -> None:
    """The time that the first try took is part of what its user waited."""
    pause = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(ANSWER)
        peer.request()
        pause.wait(0.2)

    with serving(script) as server:
        await chat(prober, ask, server)
        record = await chat(prober, ask, server)
    assert record.retries == 1
    assert record.ttft_seconds is not None
    assert record.ttft_seconds > 0.19


async def test_it_is_tried_again_only_once(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if len(peer.server.requests) == 1:
            peer.send(ANSWER)
            peer.request()

    with serving(script) as server:
        await chat(prober, ask, server)
        record = await chat(prober, ask, server)
    assert (record.reason, record.retries) == (Reason.TRUNCATED, 1)
    assert len(server.requests) == 3


async def test_nothing_is_tried_again_after_a_byte(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(ANSWER)
        peer.request()
        peer.send(b"H")

    with serving(script) as server:
        await chat(prober, ask, server)
        record = await chat(prober, ask, server)
    assert (record.reason, record.retries) == (Reason.TRUNCATED, 0)
    assert len(server.requests) == 2


async def test_a_fresh_connection_is_never_tried_again(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()

    with serving(script) as server:
        record = await chat(prober, ask, server)
    assert (record.reason, record.retries, len(server.requests)) == (Reason.TRUNCATED, 0, 1)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(head(200, "text/event-stream", "Connection: close") + chunk(token()) + chunk(DONE) + END, id="the server says so"),
        pytest.param(head(200, "text/event-stream") + chunk(token()) + chunk(DONE), id="the message never ended"),
        pytest.param(ANSWER + b"rubbish", id="something stands behind it"),
    ],
)
async def test_a_connection_that_cannot_carry_another_chat_is_not_kept(answer: bytes, prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        peer.await_client_gone()

    with serving(script) as server:
        records = [await chat(prober, ask, server) for _ in range(2)]
    assert [(record.outcome, record.connection) for record in records] == [("ok", "fresh")] * 2

"""Where several things go wrong in one chat, the first in time is the reason; what is said after the terminal marker is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from probes.ask import Ask, Endpoint, Timeouts
from probes.failure import Reason
from probes.probing import Prober
from probes.record import ChatRecord
from tests.answers import COMMENT, DONE, END, ERROR, FINISH, NDJSON, ROLE, chunk, delta, head, stream, token, whole
from tests.servers import Peer, Script, serving, then_close, then_hold, then_reset

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHORT = Timeouts(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=8)


async def chat(prober: Prober, ask: Ask, script: Script, timeouts: Timeouts = SHORT) -> ChatRecord:
    with serving(script) as server:
        endpoint = Endpoint("engine", "vllm", server.url)
        record = await prober.chat(endpoint, ask, scenario="faults", timeouts=timeouts)
    assert len(server.requests) == 1
    return record


async def test_a_status_goes_before_the_body_that_is_cut_short(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_close(head(500, "application/json", length=500) + b'{"error":'))
    assert (record.reason, record.http_status) == (Reason.SERVER_ERROR, 500)


async def test_a_status_goes_before_the_reset_that_follows(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_reset(head(429, "application/json", length=500)))
    assert (record.reason, record.http_status) == (Reason.OVERLOADED, 429)


async def test_the_words_of_a_status_are_not_waited_for_without_end(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head(401, "application/json", length=500) + b'{"err'))
    assert record.reason is Reason.AUTH
    assert record.e2e_seconds < 2


@pytest.mark.parametrize("end", [then_close, then_reset], ids=["closed", "reset"])
async def test_what_comes_after_the_marker_is_no_failure(end: Callable[..., Script], prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, end(head() + chunk(token()) + chunk(DONE)))
    assert (record.outcome, record.reason) == ("ok", None)


@pytest.mark.parametrize("end", [then_close, then_reset], ids=["closed", "reset"])
async def test_an_answer_without_a_length_ends_with_its_marker(end: Callable[..., Script], prober: Prober, ask: Ask) -> None:
    no_length = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    record = await chat(prober, ask, end(no_length + token() + FINISH + DONE))
    assert (record.outcome, record.reason) == ("ok", None)


def in_reads_of_their_own(*pieces: bytes) -> Script:
    """Sends each piece when the one before it has long been read, and then holds the connection open."""
    pause = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
            pause.wait(0.02)
        peer.await_client_gone()

    return script


MARKERS = [
    pytest.param((chunk(DONE),), id="whole"),
    pytest.param((chunk(DONE[:9]), chunk(DONE[9:])), id="in two segments"),
    pytest.param((chunk(DONE[:3]), chunk(DONE[3:8]), chunk(DONE[8:11]), chunk(DONE[11:])), id="in four segments"),
]


@pytest.mark.parametrize("pieces", MARKERS)
async def test_a_chat_is_over_with_the_end_of_its_message(pieces: tuple[bytes, ...], prober: Prober, ask: Ask) -> None:
    began = time.monotonic()
    record = await chat(prober, ask, in_reads_of_their_own(head() + chunk(token()), *pieces, END))
    assert record.outcome == "ok"
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("pieces", MARKERS)
async def test_a_message_that_never_ends_is_over_with_its_marker(pieces: tuple[bytes, ...], prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, in_reads_of_their_own(head() + chunk(token()), *pieces), replace(SHORT, stall_seconds=0.5))
    assert record.outcome == "ok"
    assert record.e2e_seconds < 0.3


async def test_a_marker_that_nothing_follows_is_not_waited_behind(prober: Prober, ask: Ask) -> None:
    began = time.monotonic()
    await chat(prober, ask, then_hold(head() + chunk(token()), chunk(DONE)))
    assert time.monotonic() - began < 2


async def test_an_error_goes_before_the_stall_behind_it(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head() + chunk(token()) + chunk(ERROR)), replace(SHORT, stall_seconds=0.3))
    assert record.reason is Reason.ERROR_IN_STREAM
    assert record.e2e_seconds < 0.2


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param((token(), ERROR), id="error event"),
        pytest.param((token(), delta(finish_reason="abort")), id="abort"),
        pytest.param((token(), delta(finish_reason="error")), id="error"),
    ],
)
async def test_an_error_goes_before_the_marker_behind_it(frames: tuple[bytes, ...], prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(stream(*frames)))
    assert record.reason is Reason.ERROR_IN_STREAM
    assert record.finished_ns is None


async def test_an_error_before_any_token_is_told_as_the_status_that_it_stands_for(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(stream(ERROR)))
    assert (record.reason, record.http_status, record.finished_ns) == (Reason.SERVER_ERROR, 200, None)


async def test_an_error_goes_before_the_reset_behind_it(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_reset(head() + chunk(token()) + chunk(ERROR)))
    assert record.reason is Reason.ERROR_IN_STREAM


async def test_a_stream_that_ends_cleanly_without_telling_so_is_truncated(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head() + chunk(token()) + END))
    assert (record.outcome, record.reason) == ("failed", Reason.TRUNCATED)
    assert record.ttft_seconds is not None


async def test_a_finish_reason_and_the_end_of_the_message_end_an_answer(prober: Prober, ask: Ask) -> None:
    """The end is then when that of the message arrived, not when the last frame did."""
    record = await chat(prober, ask, in_reads_of_their_own(head() + chunk(token()), chunk(FINISH), END))
    assert (record.outcome, record.finish_reason) == ("ok", "stop")
    assert record.last_token_ns is not None
    assert record.finished_ns is not None
    assert record.finished_ns - record.last_token_ns > 30_000_000


async def test_a_finish_reason_alone_does_not_end_an_answer(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head() + chunk(token()) + chunk(FINISH)), replace(SHORT, stall_seconds=0.2))
    assert record.reason is Reason.STALLED


@pytest.mark.parametrize("end", [then_close, then_reset], ids=["closed", "reset"])
async def test_a_finish_reason_does_not_mend_a_message_that_is_cut(end: Callable[..., Script], prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, end(head() + chunk(token()) + chunk(FINISH)))
    assert record.reason is Reason.TRUNCATED


async def test_a_body_without_a_length_ends_with_the_connection(prober: Prober, ask: Ask) -> None:
    no_length = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    good = await chat(prober, ask, then_close(no_length + token(), FINISH))
    cut = await chat(prober, ask, then_close(no_length + token()))
    broken = await chat(prober, ask, then_reset(no_length + token(), FINISH))
    assert (good.outcome, cut.reason, broken.reason) == ("ok", Reason.TRUNCATED, Reason.TRUNCATED)


@pytest.mark.parametrize("end", [then_close, then_reset], ids=["closed", "reset"])
async def test_no_answer_at_all_is_truncated(end: Callable[..., Script], prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, end())
    assert (record.reason, record.http_status, record.retries) == (Reason.TRUNCATED, None, 0)


async def test_a_frame_that_cannot_be_read_fails_where_it_stands(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token("one ")) + chunk(token("two ")))
        peer.send(chunk(b"data: {garbage\n\n") + chunk(token("three ")) + chunk(DONE) + END)
        peer.await_client_gone()

    record = await chat(prober, ask, script)
    assert record.reason is Reason.PROTOCOL
    assert record.text == "one two "


async def test_an_answer_that_is_no_http_is_a_protocol_failure(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_close(b"220 smtp.example.org ESMTP\r\n"))
    assert record.reason is Reason.PROTOCOL


async def test_switching_protocols_is_a_protocol_failure(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nxx"))
    assert record.reason is Reason.PROTOCOL


async def test_an_endless_line_is_a_protocol_failure(prober: Prober, ask: Ask) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token()) + chunk(b"data: "))
        while True:
            peer.send(chunk(b"x" * 60_000))

    record = await chat(prober, ask, script)
    assert record.reason is Reason.PROTOCOL
    assert len(record.chunks) == 1


@pytest.mark.parametrize(
    ("timeouts", "reason"),
    [
        (replace(SHORT, stall_seconds=0.15, total_seconds=0.4), Reason.STALLED),
        (replace(SHORT, stall_seconds=0.4, total_seconds=0.15), Reason.TIMEOUT),
    ],
    ids=["stall first", "total first"],
)
async def test_the_timeout_that_runs_out_first(timeouts: Timeouts, reason: Reason, prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head() + chunk(token())), timeouts)
    assert record.reason is reason
    assert 0.14 < record.e2e_seconds < 0.35


@pytest.mark.parametrize(
    ("timeouts", "reason"),
    [
        (replace(SHORT, first_token_seconds=0.15, total_seconds=0.4), Reason.FIRST_TOKEN_TIMEOUT),
        (replace(SHORT, first_token_seconds=0.4, total_seconds=0.15), Reason.TIMEOUT),
    ],
    ids=["first token first", "total first"],
)
async def test_a_chat_that_waits_in_vain(timeouts: Timeouts, reason: Reason, prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(), timeouts)
    assert record.reason is reason
    assert record.ttft_seconds is None
    assert record.waited_seconds == pytest.approx(0.15, abs=0.1)
    assert record.http_status is None


async def test_no_stall_before_the_first_token(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head(), chunk(ROLE)), replace(SHORT, stall_seconds=0.05, first_token_seconds=0.3))
    assert record.reason is Reason.FIRST_TOKEN_TIMEOUT
    assert record.waited_seconds == pytest.approx(0.3, abs=0.1)


def repeating(opening: bytes, piece: bytes) -> Script:
    """Sends `opening` once and then `piece` every 20 ms, until the client is gone."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(opening)
        pause = threading.Event()
        while not pause.wait(0.02):
            peer.send(piece)

    return script


@pytest.mark.parametrize("idle", [COMMENT, ROLE], ids=["comments", "roles"])
async def test_comments_and_roles_reset_no_timeout(idle: bytes, prober: Prober, ask: Ask) -> None:
    before = await chat(prober, ask, repeating(head(), chunk(idle)), replace(SHORT, first_token_seconds=0.2))
    assert before.reason is Reason.FIRST_TOKEN_TIMEOUT
    assert before.e2e_seconds < 0.5
    after = await chat(prober, ask, repeating(head() + chunk(token("w", 1)), chunk(idle)), replace(SHORT, stall_seconds=0.2))
    assert after.reason is Reason.STALLED
    assert after.e2e_seconds < 0.5


async def test_tokens_hold_off_the_stall(prober: Prober, ask: Ask) -> None:
    """A chat that is longer than its stall timeout, with gaps that are shorter."""
    record = await chat(
        prober, ask, repeating(head(), chunk(token())), replace(SHORT, stall_seconds=0.25, first_token_seconds=0.3, total_seconds=0.8)
    )
    assert record.reason is Reason.TIMEOUT
    assert record.stall_seconds is not None
    assert record.stall_seconds < 0.25


async def test_a_token_in_three_segments_around_a_look_holds_off_the_stall(prober: Prober, ask: Ask) -> None:
    """The worker looks at running timeouts for tokens; one that is half there at that moment is not lost."""
    pause = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head() + chunk(token("one ")))
        pause.wait(0.2)
        frame = token("two ")
        peer.send(chunk(token("one and a half ") + frame[:20]))
        pause.wait(0.02)
        peer.send(chunk(frame[20:40]))
        pause.wait(0.2)
        peer.send(chunk(frame[40:]))
        pause.wait(0.25)
        peer.send(chunk(token("three ")) + chunk(DONE) + END)

    record = await chat(prober, ask, script, replace(SHORT, stall_seconds=0.35))
    assert (record.outcome, record.text) == ("ok", "one one and a half two three ")


async def test_whole_bodies_of_errors_are_read(prober: Prober, ask: Ask) -> None:
    body = b'{"error":{"message":"The request queue is full.","type":"Service Unavailable","param":null,"code":503}}'
    record = await chat(prober, ask, then_hold(whole(503, body)[:150], whole(503, body)[150:]))
    assert record.failure is not None
    assert (record.reason, record.failure.detail) == (Reason.OVERLOADED, "The request queue is full.")


async def test_another_stream_than_the_one_asked_for(prober: Prober, ask: Ask) -> None:
    record = await chat(prober, ask, then_hold(head(200, NDJSON) + chunk(b'{"done":true}\n') + END))
    assert record.reason is Reason.PROTOCOL

"""One HTTP/1.1 response as it arrives, however it is cut."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.response import HEAD_LIMIT, Response, ResponseError
from tests.answers import END, chunk, head

BODY = b"data: one\n\ndata: two\n\n"
CHUNKED = head() + chunk(b"data: one\n\n") + chunk(b"data: two\n\n") + END
MEASURED = head(length=len(BODY)) + BODY
INFORMED = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nContent-Type: text/html\r\nLink: </x>\r\n\r\n" + MEASURED
UNTIL_CLOSED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n" + BODY
TRAILED = head() + chunk(BODY) + b"0\r\nX-Checksum: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("wire", "complete", "reusable"),
    [(CHUNKED, True, True), (MEASURED, True, True), (INFORMED, True, True), (UNTIL_CLOSED, False, False), (TRAILED, True, True)],
    ids=["chunked", "content-length", "informational heads first", "until it closes", "trailers"],
)
def test_the_same_response_comes_out_however_it_is_split(wire: bytes, complete: bool, reusable: bool) -> None:
    for cut in range(len(wire) + 1):
        response = Response()
        body = response.feed(wire[:cut]) + response.feed(wire[cut:])
        assert body == BODY
        assert (response.status, response.content_type) == (200, "text/event-stream; charset=utf-8")
        assert (response.complete, response.reusable) == (complete, reusable)


ODD_CHUNKS = (
    *(chunk(b"data: one\n\n"), chunk(b"a"), b"A\r\n0123456789\r\n", b"00a\r\n0123456789\r\n", chunk(b"1\r\na\r\n"), chunk(b"x" * 300)),
    *(b"2;name=value\r\nab\r\n", b"2 \r\nab\r\n", b"2\nab\n", b"2\r\nabc\r\n", b"-2\r\nab\r\n", b"0x2\r\nab\r\n", b"3\r\nab\r\n", b"\r\n", b"1"),
    *(END, b"0\r\n", b"0\r\nA: b\r\n\r\n", b"1\r\n", b"a\r\n", b"a"),
)


@given(st.lists(st.sampled_from(ODD_CHUNKS), max_size=6), st.lists(st.integers(0, 60), max_size=4))
def test_chunks_that_come_one_by_one_are_the_same_as_bytes_that_do(chunks: list[bytes], cuts: list[int]) -> None:
    """Until the response is complete: what stands behind it is nobody's."""

    def read(pieces: Iterable[bytes]) -> tuple[bytes, bool, bool]:
        response, body = Response(), b""
        response.feed(head())
        for piece in pieces:
            try:
                body += response.feed(piece)
            except ResponseError:
                return body, response.complete, True
            if response.complete:
                break
        return body, response.complete, False

    wire = b"".join(chunks)
    places = [0, *sorted(cuts), len(wire)]
    byte_by_byte = read(bytes((byte,)) for byte in wire)
    for pieces in (chunks, [wire], [wire[begin:end] for begin, end in pairwise(places)]):
        body, complete, broken = read(pieces)
        assert (complete, broken) == byte_by_byte[1:]
        assert body == byte_by_byte[0] or broken


def test_a_response_is_headed_before_its_body_comes() -> None:
    response = Response()
    response.feed(head(503, "application/json", length=500))
    assert (response.headed, response.status, response.complete) == (True, 503, False)


@pytest.mark.parametrize(
    "wire", [b"HTTP/1.1 204 No Content\r\n\r\n", head(200, length=0), head(304, None, length=0)], ids=["204", "no length", "304"]
)
def test_a_response_without_a_body_is_complete(wire: bytes) -> None:
    response = Response()
    assert response.feed(wire) == b""
    assert response.complete


@pytest.mark.parametrize("field", ["Connection: close", "Connection: Close"])
def test_a_connection_that_the_server_will_close_is_not_reused(field: str) -> None:
    response = Response()
    response.feed(head(200, None, field, length=2) + b"ok")
    assert (response.complete, response.reusable) == (True, False)


def test_http_1_0_is_not_reused() -> None:
    response = Response()
    assert response.feed(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok") == b"ok"
    assert not response.reusable


@pytest.mark.parametrize("rubbish", [b"rubbish", MEASURED, b"\x00\x01"], ids=["text", "a second response", "zeros"])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_stands_behind_a_response_spoils_the_connection_only(rubbish: bytes, at_once: bool) -> None:
    response = Response()
    body = response.feed(MEASURED + rubbish) if at_once else response.feed(MEASURED) + response.feed(rubbish)
    assert body == BODY
    assert (response.status, response.complete, response.reusable) == (200, True, False)


@pytest.mark.parametrize(
    "wire",
    [b"220 smtp\r\n", b"\x16\x03\x01\x02\x00", b"HTTP/2 200\r\n\r\n", head() + b"zz\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"],
    ids=["another protocol", "TLS", "no HTTP/1.1", "no chunk size", "no length"],
)
def test_what_is_no_response(wire: bytes) -> None:
    with pytest.raises(ResponseError, match=r"not an HTTP/1\.1 response"):
        Response().feed(wire)


def test_a_switch_of_protocols_is_no_response() -> None:
    with pytest.raises(ResponseError, match="switched"):
        Response().feed(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")


def test_a_head_without_end_is_given_up() -> None:
    response = Response()
    response.feed(b"HTTP/1.1 200 OK\r\n")
    response.feed(b"X-Filler: 1234567\r\n" * 3000)
    with pytest.raises(ResponseError, match=f"more than {HEAD_LIMIT} bytes"):
        response.feed(b"X-Filler: 1234567\r\n" * 1000)


def test_informational_heads_without_end_are_given_up() -> None:
    response = Response()
    response.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)
    with pytest.raises(ResponseError, match=f"more than {HEAD_LIMIT} bytes"):
        response.feed(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)


@given(st.lists(st.sampled_from([b"HTTP/1.1 ", b"200", b"101", b" OK\r\n", b"Upgrade: x\r\n", b"\r\n", b"Content-Length: 3\r\n", b"abc", b"\xff"])))
def test_whatever_comes_is_a_response_or_an_error(pieces: list[bytes]) -> None:
    response = Response()
    try:
        for piece in pieces:
            assert isinstance(response.feed(piece), bytes)
    except ResponseError:
        pass

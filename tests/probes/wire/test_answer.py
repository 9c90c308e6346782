"""What an answer is, by its head and by how its body begins."""

from __future__ import annotations

import gzip

import pytest

from probes.backends import form
from probes.backends.base import Framing
from probes.wire.answer import WORDS_LIMIT, Answer, begins_stream
from probes.wire.encoding import EncodingError
from probes.wire.response import Response


@pytest.mark.parametrize(
    ("framing", "body", "is_stream"),
    [
        ("sse", b"data: x", True),
        ("sse", b"\xef\xbb\xbf\r\n\n: hi", True),
        ("sse", b"event:x", True),
        ("sse", b"id: 1", True),
        ("sse", b"", None),
        ("sse", b"\n", None),
        ("sse", b"dat", None),
        ("sse", b"date: 1", False),
        ("sse", b'{"error":"x"}', False),
        ("sse", b"<html>", False),
        ("ndjson", b' {"message":', True),
        ("ndjson", b"", None),
        ("ndjson", b"data: {}", False),
        ("ndjson", b"404 page not found", False),
    ],
)
def test_a_stream_is_known_by_how_it_begins(framing: Framing, body: bytes, is_stream: bool | None) -> None:
    assert begins_stream(framing, body) is is_stream


def begun(head: str) -> Answer:
    response = Response()
    response.feed(f"HTTP/1.1 {head}\r\n\r\n".encode())
    answer = Answer(form("vllm"))
    answer.begin(response)
    return answer


def test_a_stream_by_its_content_type_is_plain_from_its_first_byte() -> None:
    answer = begun("200 OK\r\nContent-Type: text/event-stream; charset=utf-8")
    assert (answer.read(b"d"), answer.is_stream, answer.is_plain) == (b"d", True, True)


def test_nothing_of_a_stream_is_lost_that_is_known_late() -> None:
    answer = begun("200 OK\r\nContent-Type: text/plain")
    assert (answer.read(b"\nda"), answer.is_stream) == (b"", None)
    assert (answer.read(b"ta: x"), answer.is_stream, answer.words) == (b"\ndata: x", True, b"")


def test_of_a_refusal_the_first_words_are_kept() -> None:
    answer = begun("503 Service Unavailable\r\nContent-Type: text/event-stream")
    assert (answer.read(b"data: no"), answer.is_refusal, answer.words) == (b"", True, b"data: no")
    assert not answer.has_all_words
    answer.read(b" room" * WORDS_LIMIT)
    assert answer.has_all_words
    assert answer.words.startswith(b"data: no room")


def test_blanks_without_end_are_no_stream_to_wait_for() -> None:
    answer = begun("200 OK")
    answer.read(b"\n" * WORDS_LIMIT)
    assert (answer.is_stream, answer.has_all_words) == (None, True)


def test_a_compressed_stream_is_inflated_and_never_plain() -> None:
    answer = begun("200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip")
    assert (answer.coding, answer.read(gzip.compress(b"data: x")), answer.is_plain) == ("gzip", b"data: x", False)


def test_a_coding_that_is_not_known_is_read_as_it_is() -> None:
    answer = begun("200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: rot13")
    assert (answer.coding, answer.read(b"data: x"), answer.is_plain) == (None, b"data: x", True)


def test_too_many_codings_are_refused() -> None:
    with pytest.raises(EncodingError):
        begun("200 OK\r\nContent-Encoding: gzip, gzip, gzip, gzip, gzip")

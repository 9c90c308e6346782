"""What the worker sees of a body while it arrives: that it is over, when tokens last came, and that it is a stream at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.backends import form
from probes.wire.body import HELD_BYTES, Body
from probes.wire.order import Read
from tests.answers import COMMENT, DONE, FINISH, ROLE, delta, token, usage

MS = 1_000_000
GENERATED = b'data: {"token":{"text":"a"},"generated_text" : "a","details":null}\n\n'
MARKERS = [
    ("vllm", "chat", DONE),
    ("openai", "chat", b"data:[DONE]\n\n"),
    ("openai", "chat", b"data:   [DONE] \r\n\r\n"),
    ("openai", "chat", b"event: done\rdata: [DONE]\r\r"),
    ("ollama", "chat", b'{"message":{"content":""},"done":true}\n'),
    ("ollama", "chat", b'{"message": {"content": ""}, "done" : true}\r\n'),
    ("tgi", "generate", GENERATED),
    ("tgi", "generate", GENERATED.replace(b" : ", b":")),
]


def body_of(*pieces: bytes, backend: str = "vllm", api: str = "chat") -> Body:
    """A body whose pieces came 10 ms apart."""
    body = Body(form(backend, api))
    for place, piece in enumerate(pieces, 1):
        body.add(piece, place * 10 * MS, place * 10 * MS)
    return body


@pytest.mark.parametrize(("backend", "api", "marker"), MARKERS)
def test_a_marker_is_seen_however_it_is_cut_and_whatever_blanks_are_in_it(backend: str, api: str, marker: bytes) -> None:
    before = token() if form(backend, api).framing == "sse" else b'{"message":{"content":"a"},"done":false}\n'
    assert not body_of(before, backend=backend, api=api).ended
    for cut in range(len(marker)):
        # the last byte may be a line end without which the marker is whole already
        assert body_of(before, marker[:cut], marker[cut:], backend=backend, api=api).ended


@pytest.mark.parametrize(
    ("backend", "quoted"),
    [
        ("vllm", token("data: [DONE]")),
        ("vllm", b": [DONE]\n\n"),
        ("ollama", b'{"message":{"content":"\\"done\\":true"},"done":false}\n'),
    ],
)
def test_a_quoted_marker_is_none(backend: str, quoted: bytes) -> None:
    assert not body_of(quoted, backend=backend).ended


SEVERAL_LINES = b'data: {"choices":[{"delta":\ndata: {"content":"a"}}]}\n\n'


@pytest.mark.parametrize(
    ("pieces", "last_ms"),
    [
        pytest.param((ROLE, token(), COMMENT), 20, id="text"),
        pytest.param((token("a", 1), delta(2), delta(2)), 20, id="running usage that rose"),
        pytest.param((token(), FINISH, usage(9)), 10, id="finish and total"),
        pytest.param((token(), delta(9, "stop")), 10, id="a total on the finish chunk"),
        pytest.param((token("a", 1), delta(2, "stop")), 20, id="running usage that rose on the finish chunk"),
        pytest.param((ROLE, SEVERAL_LINES, COMMENT), 20, id="data in several lines"),
        pytest.param((ROLE, SEVERAL_LINES.replace(b"\n", b"\r\n"), COMMENT), 20, id="with CRLF"),
        pytest.param((ROLE, SEVERAL_LINES.replace(b"\n", b"\r"), COMMENT), 20, id="with CR"),
        pytest.param((SEVERAL_LINES[:20], SEVERAL_LINES[20:], COMMENT), 20, id="across two reads"),
        pytest.param((b'data: {"choices":[{"delta":{"content":[{"text":"a"}]}}]}\n\n', COMMENT), 10, id="parts"),
        pytest.param((b"event: ping\ndata: 7\n\n", token(), b"event: ping\ndata: pong\n\n"), 20, id="pings"),
        pytest.param((b'{"error":"x"}\n\n', ROLE), None, id="none"),
    ],
)
def test_when_tokens_last_came(pieces: tuple[bytes, ...], last_ms: int | None) -> None:
    assert body_of(*pieces).last_token_ns() == (None if last_ms is None else last_ms * MS)


PIECES = st.sampled_from(
    [token(), ROLE, FINISH, DONE, COMMENT, usage(3), b"\r", b"\n", b"data:", b" ", b"{", b"\xff", token("a", 5), b'"done":true', SEVERAL_LINES]
)


ENGINES = [("vllm", "chat"), ("ollama", "chat"), ("tgi", "generate"), ("openai", "chat")]


@given(st.lists(PIECES, max_size=20), st.sampled_from(ENGINES), st.sets(st.integers(1, 20)))
def test_whatever_comes_is_looked_at_without_harm_and_handed_over(pieces: list[bytes], engine: tuple[str, str], handed_over_at: set[int]) -> None:
    body = Body(form(*engine))
    reads = [Read(piece, place, place - 1, kernel=place % 2 == 0, exact=place % 5 == 0) for place, piece in enumerate(pieces, 1)]
    handed: list[Read] = []
    for place, read in enumerate(reads, 1):
        body.add(*read)
        token_ns = body.last_token_ns() if place % 3 == 0 else None
        assert token_ns is None or 0 < token_ns <= place
        handed += body.hand_over().reads() if place in handed_over_at else []
    assert handed + body.hand_over().reads() == reads
    assert not body.hand_over()


@given(st.lists(st.integers(1, 60_000), max_size=8), st.sets(st.integers(0, 8)))
def test_when_tokens_last_came_is_known_however_much_came_and_whenever_it_was_handed_over(sizes: list[int], handed_over_at: set[int]) -> None:
    body = Body(form("vllm"))
    for place, size in enumerate(sizes, 1):
        frame = token("x" * size)
        body.add(frame[:-1], place * 10, 0)
        assert body.is_full or size <= HELD_BYTES
        if place in handed_over_at or body.is_full:
            body.hand_over()
            assert not body.is_full
        body.add(frame[-1:], place * 10 + 1, 0)
        body.add(COMMENT, place * 10 + 2, 0)
        if place % 3 == 0:
            assert body.last_token_ns() in (place * 10, place * 10 + 1)
    assert body.last_token_ns() in ((len(sizes) * 10, len(sizes) * 10 + 1) if sizes else (None,))


def test_what_was_handed_over_and_is_over_is_held_no_longer() -> None:
    """Thousands of streams come together, and where the worker reads late each read is large."""
    body = Body(form("vllm"))
    for place in range(1, 101):
        body.add(token("word ", place) * 40, place * 10, 0)
        if body.is_full:
            body.hand_over()
            assert len(body._bodies) == 0
        assert len(body._bodies) <= HELD_BYTES
    assert body.last_token_ns() == 1000

"""Framing: the rules of SSE and NDJSON, and the same frames however the bytes are split."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.framing import ASIDE_LIMIT_BYTES, FRAME_LIMIT_BYTES, Frame, Framer, FramingError, Ndjson, Sse, framer

CHUNK = b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n'

SSE_BODIES = [
    pytest.param(CHUNK + CHUNK + b"data: [DONE]\n\n", id="chat"),
    pytest.param(b": keep-alive\n\n" + CHUNK + b":\n\n" + CHUNK, id="comments"),
    pytest.param(b"data:{}\r\n\r\ndata: 2\r\n\r\n", id="crlf"),
    pytest.param(b"data: 1\r\rdata: 2\r\r", id="cr"),
    pytest.param(b"data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\n\ndata: 4\n\r", id="mixed"),
    pytest.param(b"\xef\xbb\xbfdata: 1\n\ndata: \xef\xbb\xbf2\n\n", id="bom"),
    pytest.param(b"event: token\nid: 7\nretry: 10\ndata: a\ndata: b\ndata\ndata:\ndata:  c\nfoo\n\n", id="fields"),
    pytest.param(b"\n\n\r\n\rdata: 1\n\n\n\n", id="blank lines"),
    pytest.param(b"data: \xe2\x82\xac\xf0\x9f\x98\x80\n\n", id="utf-8"),
    pytest.param(CHUNK + b'data: {"cut":', id="cut short"),
    pytest.param(CHUNK + b"data: [DONE]", id="unterminated marker"),
    pytest.param(b": why\nevent: error\ndata: x\n\nevent:y\r\n: one\r:two\r\n\r\n", id="names and comments"),
    pytest.param(CHUNK + b'{\n  "error": "x"\n}\n\nnot a field\n' + CHUNK + b'{"error":"y"}', id="stray lines"),
]
NDJSON_BODIES = [
    pytest.param(b'{"a":1}\n{"b":2}\n', id="lines"),
    pytest.param(b'{"a":1}\r\n\r\n\n  \n{"b":2}\r\n', id="crlf and blank"),
    pytest.param(b'{"a":1}\n{"b":2}', id="unterminated object"),
    pytest.param(b'{"a":1}\n{"b":', id="cut short"),
]


def frames_of(cutter: Framer, pieces: list[bytes]) -> list[Frame]:
    found = [frame for piece in pieces for frame in cutter.feed(piece)]
    return found + cutter.close()


def data_of(cutter: Framer, *pieces: bytes) -> list[bytes]:
    return [frame.data for frame in frames_of(cutter, list(pieces)) if frame.data]


def assert_split_does_not_matter(kind: type[Framer], body: bytes) -> None:
    whole = frames_of(kind(), [body])
    for cut in range(len(body) + 1):
        assert frames_of(kind(), [body[:cut], body[cut:]]) == whole, cut
    assert frames_of(kind(), [body[place : place + 1] for place in range(len(body))]) == whole


@pytest.mark.parametrize("body", SSE_BODIES)
def test_every_split_of_sse_gives_the_same_frames(body: bytes) -> None:
    assert_split_does_not_matter(Sse, body)


@pytest.mark.parametrize("body", NDJSON_BODIES)
def test_every_split_of_ndjson_gives_the_same_frames(body: bytes) -> None:
    assert_split_does_not_matter(Ndjson, body)


PARTS = st.sampled_from([b"\r", b"\n", b"\r\n", b"data: ", b"data:", b"data", b":", b"event: x", b"\xef\xbb\xbf", b"[DONE]", b'{"a":1}', b" ", CHUNK])


@given(st.lists(PARTS, max_size=25), st.data(), st.sampled_from([Sse, Ndjson]))
def test_any_pieces_of_any_body_give_the_same_frames(parts: list[bytes], data: st.DataObject, kind: type[Framer]) -> None:
    body = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert frames_of(kind(), pieces) == frames_of(kind(), [body])


@given(st.lists(PARTS, max_size=25))
def test_sse_agrees_with_a_plain_reading_of_the_whatwg_rules(parts: list[bytes]) -> None:
    body = b"".join(parts)
    assert [frame.data for frame in Sse().feed(body) if frame.data] == [data for data in whatwg_events(body) if data]


def whatwg_events(body: bytes) -> list[bytes]:
    text = body.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    events: list[bytes] = []
    held: list[str] = []
    for line in text.split("\n")[:-1]:
        name, _, value = line.partition(":")
        if not line:
            events += ["\n".join(held).encode()] if held else []
            held = []
        elif name == "data":
            held.append(value.removeprefix(" "))
    return events


def test_the_end_of_an_event_is_the_byte_that_ends_its_blank_line() -> None:
    assert Sse().feed(b"data: 1\n\ndata: 2\r\n\r\n: x\n\n") == [
        Frame(b"1", 9),
        Frame(b"2", 19),
        Frame(b"", 25, comment=b"x"),
    ]


def test_the_end_of_a_line_is_its_line_feed() -> None:
    assert Ndjson().feed(b'\n{"a":1}\r\n{"b":2}\n') == [Frame(b'{"a":1}', 10), Frame(b'{"b":2}', 18)]


def test_a_byte_order_mark_is_skipped_at_the_start_only() -> None:
    assert data_of(Sse(), b"\xef\xbb", b"\xbfdata: 1\n\n", b"\xef\xbb\xbfdata: 2\n\n") == [b"1"]


def test_lines_of_one_event_are_joined() -> None:
    assert data_of(Sse(), b"data: a\ndata:b\n", b"data:\ndata:  c\n\n") == [b"a\nb\n\n c"]


def test_an_event_is_complete_only_at_its_blank_line() -> None:
    sse = Sse()
    assert sse.feed(b"data: 1\n") == []
    assert sse.feed(b"\n") == [Frame(b"1", 9)]


def test_a_cr_ends_its_line_before_the_next_byte_is_known() -> None:
    sse = Sse()
    assert sse.feed(b"data: 1\r\n\r") == [Frame(b"1", 10)]
    assert sse.feed(b"\ndata: 2\r\r") == [Frame(b"2", 20)]


@pytest.mark.parametrize("cut", [b'data: {"a":', b'data: {"a":1}\ndata: {', b"data: half a text", b"data: 12"])
def test_an_event_cut_short_by_the_end_is_dropped(cut: bytes) -> None:
    assert data_of(Sse(), CHUNK, cut) == [CHUNK[6:-2]]


@pytest.mark.parametrize("ending", [b'data: {"a":1}', b'data: {"a":1}\n', b'data: {"a":\ndata: 1}\n'])
def test_an_event_without_its_blank_line_counts_if_its_data_is_whole(ending: bytes) -> None:
    _, last = data_of(Sse(), CHUNK, ending)
    assert orjson.loads(last) == {"a": 1}


def test_the_name_and_the_comments_of_an_event_come_with_its_data() -> None:
    assert Sse().feed(b"event: error\n: worker 7 went away\n:\n: lease expired\n\n") == [
        Frame(b"", 53, b"error", b"worker 7 went away\nlease expired")
    ]
    assert Sse().feed(b": first\nevent:ping\ndata: 1\n\ndata: 2\n\n") == [Frame(b"1", 28, b"ping", b"first"), Frame(b"2", 37)]


def test_lines_that_are_no_fields_are_kept_apart() -> None:
    assert Sse().feed(b'{"error": "x"}\nid: 7\nretry: 1\nid\nretry\nevent\nupstream error: gone\n\n') == [
        Frame(b"", 67, stray=b'{"error": "x"}\nupstream error: gone')
    ]


def test_stray_lines_come_out_at_the_end_though_nothing_ends_them() -> None:
    assert frames_of(Sse(), [b'{"error":', b'"x"}']) == [Frame(b"", 13, stray=b'{"error":"x"}')]
    assert frames_of(Sse(), [b"event: error\ndata: half a text"]) == [Frame(b"half a text", 30, b"error")]


@pytest.mark.parametrize("line", [b": keep-alive\n", b"not a field\n"])
def test_of_many_lines_that_are_no_data_the_first_are_kept(line: bytes) -> None:
    sse = Sse()
    for _ in range(40):
        assert sse.feed(line * 4096) == []
    [frame] = sse.feed(b"\n")
    assert 0 < len(frame.comment + frame.stray) < 2 * ASIDE_LIMIT_BYTES


@pytest.mark.parametrize("ending", [b"data: [DONE]", b"data: [DONE]\n", b"data:[DONE]\r"])
def test_a_done_marker_counts_without_its_blank_line(ending: bytes) -> None:
    assert frames_of(Sse(), [CHUNK, ending]) == [Frame(CHUNK[6:-2], len(CHUNK)), Frame(b"[DONE]", len(CHUNK) + len(ending))]


def test_half_a_done_marker_does_not() -> None:
    assert data_of(Sse(), b"data: [DON") == []


def test_a_last_line_without_its_line_end_counts_if_it_is_whole() -> None:
    assert frames_of(Ndjson(), [b'{"done":', b"true}"]) == [Frame(b'{"done":true}', 13)]


@pytest.mark.parametrize("cut", [b'{"done":tr', b'{"a":{"b":1}', b"12", b"\xff"])
def test_a_last_line_that_was_cut_short_does_not(cut: bytes) -> None:
    assert data_of(Ndjson(), cut) == []


@pytest.mark.parametrize("kind", [Sse, Ndjson])
def test_an_endless_line_is_an_error_before_it_fills_memory(kind: type[Framer]) -> None:
    cutter = kind()
    for _ in range(16):
        assert cutter.feed(b"x" * (FRAME_LIMIT_BYTES // 16)) == []
    with pytest.raises(FramingError, match="more than 1048576 bytes"):
        cutter.feed(b"x")


@pytest.mark.parametrize("kind", [Sse, Ndjson])
def test_a_line_that_is_too_long_is_an_error_though_it_ends_in_the_same_piece(kind: type[Framer]) -> None:
    with pytest.raises(FramingError):
        kind().feed(b"data: " + b"x" * FRAME_LIMIT_BYTES + b"\n\n")


def test_an_endless_event_of_short_lines_is_an_error() -> None:
    sse = Sse()
    lines = b"data:\n" * (FRAME_LIMIT_BYTES // 5)
    assert sse.feed(lines) == []
    with pytest.raises(FramingError):
        sse.feed(b"data:\n")


def test_endless_comments_are_not_an_event() -> None:
    sse = Sse()
    for _ in range(40):
        sse.feed(b": keep-alive\n" * 4096)
    assert sse.feed(CHUNK)[0].data == CHUNK[6:-2]


def test_frames_before_an_endless_line_are_handed_over_with_the_error() -> None:
    with pytest.raises(FramingError) as caught:
        Sse().feed(CHUNK + b":" + b"x" * FRAME_LIMIT_BYTES)
    assert caught.value.frames == (Frame(CHUNK[6:-2], len(CHUNK)),)


def test_a_framer_is_chosen_by_name() -> None:
    assert isinstance(framer("sse"), Sse)
    assert isinstance(framer("ndjson"), Ndjson)

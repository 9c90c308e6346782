"""From reads to chunks, instants and words: what shares a read, where an answer ends, what it says of itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.answer import Answer
from probes.backends import form
from probes.chunk import Chunk
from probes.failure import Reason
from probes.framing import FRAME_LIMIT_BYTES
from probes.wire.order import Read
from tests.answers import COMMENT, DONE, ERROR, FINISH, ROLE, delta, frame, token, usage

FIXTURES = Path(__file__).parent / "backends" / "fixtures"
MS = 1_000_000


def answer_of(*bodies: bytes, backend: str = "vllm", api: str = "chat", gap_ns: int = 10 * MS) -> Answer:
    """The answer to bodies that came each in a read of its own, the first at 10 ms, with floors 3 ms below the stamps."""
    answer = Answer(form(backend, api))
    reads = [Read(body, gap_ns * (place + 1), gap_ns * (place + 1) - 3 * MS) for place, body in enumerate(bodies)]
    answer.feed(reads)
    answer.close(reads[-1])
    return answer


def lines(name: str) -> list[bytes]:
    """A fixture's frames, each with its framing."""
    body = (FIXTURES / name).read_bytes()
    return body.splitlines(keepends=True) if name.endswith(".ndjson") else [part + b"\n\n" for part in body.split(b"\n\n") if part]


def test_a_chunk_alone_in_its_read_is_exact() -> None:
    answer = answer_of(ROLE, token("a", 1), token("b c", 3), FINISH, usage(3), DONE)
    assert list(answer.counted.chunks) == [Chunk(20 * MS, 1), Chunk(30 * MS, 2)]
    assert answer.finished_ns == 60 * MS
    assert answer.failure is None


@pytest.mark.parametrize("before", [ROLE, COMMENT, token()], ids=["role", "comment", "token"])
def test_a_chunk_that_ends_its_read_is_exact_whatever_stands_before_it(before: bytes) -> None:
    answer = answer_of(before + token(), DONE)
    assert answer.counted.chunks[-1] == Chunk(10 * MS, 1, 0, False)


@pytest.mark.parametrize(
    "after",
    [token(), FINISH, usage(1), DONE, COMMENT, token()[:5]],
    ids=["token", "finish", "usage", "marker", "comment", "piece of a frame"],
)
def test_a_chunk_with_something_behind_it_in_its_read_has_the_bound_of_the_read(after: bytes) -> None:
    answer = answer_of(token() + after)
    assert answer.counted.chunks[0] == Chunk(10 * MS, 1, 3 * MS, True)


def test_a_blank_line_more_is_nothing_behind_it() -> None:
    answer = answer_of(token() + b"\r\n\n", DONE)
    assert answer.counted.chunks[0] == Chunk(10 * MS, 1, 0, False)


def test_a_chunk_in_two_reads_arrived_with_the_second() -> None:
    frame = token()
    answer = answer_of(frame[:20], frame[20:], DONE)
    assert list(answer.counted.chunks) == [Chunk(20 * MS, 1, 0, False)]


def test_a_blank_line_in_the_next_read_completes_a_frame() -> None:
    frame = token()
    answer = answer_of(frame[:-1], b"\n" + token("b"), DONE)
    assert list(answer.counted.chunks) == [Chunk(20 * MS, 1, 3 * MS, True), Chunk(20 * MS, 1, 0, False)]


def test_a_read_that_did_not_empty_the_socket_bounds_even_its_end() -> None:
    answer = Answer(form("vllm"))
    answer.feed([Read(token(), 10 * MS, 8 * MS, kernel=True, exact=False)])
    assert list(answer.counted.chunks) == [Chunk(10 * MS, 1, 2 * MS, False)]
    assert answer.kernel_clock


def test_a_reads_own_time_makes_the_clock_the_users() -> None:
    answer = Answer(form("vllm"))
    answer.feed([Read(token(), 10 * MS, 8 * MS), Read(token(), 20 * MS, 15 * MS, kernel=False, exact=False), Read(DONE, 30 * MS, 29 * MS)])
    assert [chunk.error_ns for chunk in answer.counted.chunks] == [0, 5 * MS]
    assert not answer.kernel_clock


@given(st.data())
def test_slices_make_no_difference(data: st.DataObject) -> None:
    """Handing over in slices, wherever they are cut, gives the same answer as handing over all at once."""
    frames = lines("vllm/chat.sse")
    reads = [Read(frame, MS * (place + 1), MS * place) for place, frame in enumerate(frames)]
    cuts = data.draw(st.sets(st.integers(0, len(reads))))
    whole, sliced = Answer(form("vllm")), Answer(form("vllm"))
    whole.feed(reads)
    edges = [0, *sorted(cuts), len(reads)]
    for begin, end in itertools.pairwise(edges):
        sliced.feed(reads[begin:end])
    assert sliced.counted.chunks == whole.counted.chunks
    assert (sliced.text, sliced.finished_ns, sliced.output_tokens) == (whole.text, whole.finished_ns, whole.output_tokens)
    assert whole.finished_ns is not None


def test_an_endless_line_is_a_protocol_failure_at_the_read_that_passes_the_limit() -> None:
    piece = b"x" * (FRAME_LIMIT_BYTES // 4)
    answer = answer_of(token(), b"data: ", piece, piece, piece, piece, piece)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.at_ns) == (Reason.PROTOCOL, 60 * MS)
    assert len(answer.counted.chunks) == 1


def test_frames_before_an_endless_line_in_the_same_read_count() -> None:
    answer = answer_of(token() + b"data: " + b"x" * FRAME_LIMIT_BYTES)
    assert answer.failure is not None
    assert answer.failure.reason is Reason.PROTOCOL
    assert list(answer.counted.chunks) == [Chunk(10 * MS, 1, 3 * MS, True)]


def test_a_marker_before_an_endless_line_in_the_same_read_ends_the_answer() -> None:
    answer = answer_of(token() + DONE + b"data: " + b"x" * FRAME_LIMIT_BYTES)
    assert answer.failure is None
    assert answer.finished_ns == 10 * MS


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: 7\n\n", b'data: {"choices":7}\n\n', b"data: \xff\xfe\n\n"])
def test_a_frame_that_cannot_be_read_fails_at_its_own_stamp(garbage: bytes) -> None:
    answer = answer_of(token("a"), token("b"), garbage, token("c"), DONE)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.at_ns) == (Reason.PROTOCOL, 30 * MS)
    assert (answer.text, len(answer.counted.chunks), answer.finished_ns) == ("ab", 2, None)


@pytest.mark.parametrize("together", [True, False], ids=["in one read", "in reads of their own"])
def test_an_error_before_the_marker_is_one_failure(together: bool) -> None:
    answer = answer_of(token(), ERROR + DONE) if together else answer_of(token(), ERROR, DONE, ERROR)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.detail, answer.failure.at_ns) == (Reason.ERROR_IN_STREAM, "the engine fell over", 20 * MS)
    assert answer.finished_ns is None


def test_what_comes_after_the_marker_is_ignored() -> None:
    answer = answer_of(token("a"), DONE, token("b"), ERROR, b"data: {\n\n")
    assert (answer.failure, answer.text, answer.finished_ns) == (None, "a", 20 * MS)


def test_a_marker_without_a_token_is_empty() -> None:
    answer = answer_of(ROLE, DONE)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.finished_ns) == (Reason.EMPTY, 20 * MS)


def test_a_marker_without_its_blank_line_counts_at_the_end() -> None:
    answer = answer_of(token(), b"data: [DONE]")
    assert answer.finished_ns == 20 * MS


def test_answer_text_comes_after_reasoning() -> None:
    answer = answer_of(ROLE, delta(1, reasoning="Hm"), delta(2, reasoning="."), token("Yes", 3), DONE)
    assert [chunk.arrived_ns for chunk in answer.counted.chunks] == [20 * MS, 30 * MS, 40 * MS]
    assert answer.first_content_ns == 40 * MS
    assert answer.text == "Yes"


def test_answer_text_is_none_of_a_chat_that_only_reasons() -> None:
    assert answer_of(delta(1, reasoning="Hm"), DONE).first_content_ns is None


@pytest.mark.parametrize(
    ("frames", "tokens", "by_usage", "of_chunks"),
    [
        pytest.param((token("a", 1), token("b", 2), usage(3), DONE), 3, True, "usage", id="the total goes before the running usage"),
        pytest.param((token("a", 1), token("b", 2)), 2, True, "usage", id="running usage where no total came"),
        pytest.param((token("a", 1), token("b"), token("c")), 3, False, "chunks", id="running usage that stands still is none"),
        pytest.param((token("a b "), token("b c "), usage(5), DONE), 5, True, "apportioned", id="a total without running usage"),
        pytest.param((token("a"), token("b"), usage(3), DONE), 3, True, "chunks", id="one more is the end of the sequence"),
        pytest.param((token("a"), token("b"), usage(1), DONE), 1, True, "chunks", id="a total that is less"),
        pytest.param((token("a"), token("b"), DONE), 2, False, "chunks", id="chunks counted where the engine says nothing"),
        pytest.param((token("a", 0), token("b", 0), usage(0), DONE), 2, False, "chunks", id="a zero beside text is no count"),
        pytest.param((ROLE,), None, False, None, id="usage of a chat without a token"),
        pytest.param((COMMENT,), None, False, None, id="nothing"),
    ],
)
def test_where_output_tokens_come_from(frames: tuple[bytes, ...], tokens: int | None, by_usage: bool, of_chunks: str | None) -> None:
    answer = answer_of(*frames)
    assert (answer.output_tokens, answer.counted_by_usage, answer.counted.token_source) == (tokens, by_usage, of_chunks)


def test_ollamas_own_stamps_give_the_servers_gaps() -> None:
    answer = answer_of(*lines("ollama/chat.ndjson"), backend="ollama")
    native = answer.native
    assert native.server_gaps_seconds == pytest.approx((0.019943211,), abs=1e-9)
    assert native.load_seconds == 0.012
    assert len(answer.counted.chunks) == 2
    assert (answer.output_tokens, answer.input_tokens, answer.finish_reason) == (3, 26, "stop")


def test_an_engine_without_stamps_of_its_own_has_no_gaps() -> None:
    assert answer_of(token(), token(), DONE).native.server_gaps_seconds is None


@pytest.mark.parametrize(
    ("fixture", "api"),
    [
        ("vllm/chat.sse", "chat"),
        ("vllm/chat-several-tokens-a-chunk.sse", "chat"),
        ("vllm/empty-deltas.sse", "chat"),
        ("vllm/finish-without-a-token.sse", "chat"),
        ("vllm/reasoning.sse", "chat"),
        ("tgi/chat-length.sse", "chat"),
        ("tgi/generate-length.sse", "generate"),
    ],
)
def test_chunks_bear_what_the_engine_counts(fixture: str, api: str) -> None:
    answer = answer_of(*lines(fixture), backend=fixture.partition("/")[0], api=api)
    assert answer.failure is None
    assert answer.output_tokens is not None
    borne = sum(chunk.tokens or 0 for chunk in answer.counted.chunks)
    # a stop token that only the total tells comes behind the last chunk
    assert borne == answer.output_tokens - (answer.finish_reason == "stop" and fixture == "tgi/chat.sse")


def test_the_text_that_is_kept_is_bounded_but_all_of_it_is_timed() -> None:
    long = token("x" * 600_000)
    answer = answer_of(long, long, long, DONE)
    assert len(answer.counted.chunks) == 3
    assert len(answer.text) == 1_200_000
    assert answer.finished_ns == 40 * MS


LINE = [
    "The sky looks blue",
    " because air molecules scatter",
    " short waves of light",
    " more than long ones",
    ", and so it comes",
    " from all sides here.",
]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param((FINISH, usage(24), DONE), id="with the usage at the end"),
        pytest.param((delta(24, "stop", content=""), DONE), id="on the finish chunk"),
        pytest.param((FINISH, delta(24, content=""), DONE), id="on a chunk with choices behind it"),
    ],
)
def test_a_total_of_chunks_of_several_tokens_is_apportioned_to_them(end: tuple[bytes, ...]) -> None:
    """24 tokens in 6 chunks, 40 ms apart: 10 ms a token, whatever frame tells the total."""
    answer = answer_of(ROLE.replace(b'"completion_tokens": 0', b'"completion_tokens": null'), *map(token, LINE), *end, gap_ns=40 * MS)
    assert (answer.failure, answer.output_tokens, answer.counted.token_source) == (None, 24, "apportioned")
    tokens = [one.tokens or 0 for one in answer.counted.chunks]
    assert tokens == [4, 5, 4, 4, 3, 4]
    assert 0.2 / sum(tokens[1:]) == pytest.approx(0.01, rel=0.05)


def test_characters_of_several_tokens_are_as_long_as_their_bytes() -> None:
    """Ollama sends a character that takes several tokens in one line: a line is not a token, and a character is not one either."""
    text = "日語大😀éЖцαωبא한ア"
    sent = [f'{{"model":"utf","message":{{"role":"assistant","content":"{character}"}},"done":false}}\n'.encode() for character in text]
    last = b'{"message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":35,"eval_duration":40000000}\n'
    answer = Answer(form("ollama"))
    instant = 20 * MS
    for character, line in zip(text, sent, strict=True):
        instant += 1_200_000 * len(character.encode())
        answer.feed([Read(line, instant, instant)])
    answer.feed([Read(last, instant + MS, instant + MS)])
    assert (answer.text, answer.output_tokens, answer.counted.token_source) == (text, 35, "apportioned")
    tokens = [one.tokens or 0 for one in answer.counted.chunks]
    assert sum(tokens) == 35
    span = answer.counted.chunks[-1].arrived_ns - answer.counted.chunks[0].arrived_ns
    assert span / sum(tokens[1:]) == pytest.approx(1_130_000, rel=0.05)


def test_reasoning_that_was_not_shown_is_borne_by_no_chunk() -> None:
    hidden = frame({"choices": [], "usage": {"completion_tokens": 60, "completion_tokens_details": {"reasoning_tokens": 52}}})
    answer = answer_of(token("one two three"), token(" four five six"), FINISH, hidden, DONE)
    assert (answer.output_tokens, [one.tokens for one in answer.counted.chunks], answer.counted.token_source) == (60, [4, 4], "apportioned")


def test_reasoning_that_was_shown_is_borne_by_its_chunks() -> None:
    told = frame({"choices": [], "usage": {"completion_tokens": 8, "completion_tokens_details": {"reasoning_tokens": 4}}})
    answer = answer_of(delta(reasoning="one two three"), token(" four five six"), FINISH, told, DONE)
    assert [one.tokens for one in answer.counted.chunks] == [4, 4]


def test_what_was_not_shown_and_is_not_counted_apart_leaves_nothing_to_tell_of_chunks() -> None:
    answer = answer_of(token("Yes"), token("."), FINISH, usage(500), DONE)
    assert (answer.output_tokens, [one.tokens for one in answer.counted.chunks], answer.counted.token_source) == (500, [None, None], None)


def test_a_prompt_of_no_tokens_is_not_told() -> None:
    answer = answer_of(frame({"choices": [], "usage": {"prompt_tokens": 0, "completion_tokens": 0}}), token(), DONE)
    assert (answer.input_tokens, answer.output_tokens) == (None, 1)


def test_the_end_of_the_message_ends_an_answer_whose_finish_reason_has_come() -> None:
    answer = answer_of(token(), FINISH)
    answer.end(70 * MS)
    assert (answer.finished_ns, answer.failure) == (70 * MS, None)


@pytest.mark.parametrize("frames", [(token(),), (ROLE,), ()], ids=["a token", "a role", "nothing"])
def test_the_end_of_the_message_ends_no_answer_without_one(frames: tuple[bytes, ...]) -> None:
    answer = answer_of(*frames) if frames else Answer(form("vllm"))
    answer.end(70 * MS)
    assert (answer.finished_ns, answer.failure) == (None, None)


def test_the_end_of_the_message_changes_nothing_of_an_answer_that_is_over() -> None:
    answer = answer_of(token(), FINISH, DONE)
    answer.end(70 * MS)
    assert answer.finished_ns == 30 * MS


@pytest.mark.parametrize(
    ("broken", "before", "after"),
    [
        (b'event: error\ndata: {"error":{"message":"gone"}}\n\n', Reason.SERVER_ERROR, Reason.ERROR_IN_STREAM),
        (b"event: error\n: gone\n\n", Reason.SERVER_ERROR, Reason.ERROR_IN_STREAM),
        (b"event: error\n: queue is full\n\n", Reason.OVERLOADED, Reason.OVERLOADED),
        (b'{"error":{"message":"gone","code":429}}\n\n', Reason.OVERLOADED, Reason.OVERLOADED),
        (b'data: {"error":{"message":"Loading model","type":"unavailable_error","code":503}}\n\n', Reason.UNAVAILABLE, Reason.ERROR_IN_STREAM),
        (b'data: {"error":{"message":"no healthy upstream","code":503}}\n\n', Reason.UNAVAILABLE, Reason.ERROR_IN_STREAM),
        (b'data: {"error":{"message":"The request queue is full.","type":"Abort","code":503}}\n\n', Reason.OVERLOADED, Reason.OVERLOADED),
        (b'data: {"error":"Template error: undefined value"}\n\n', Reason.REJECTED, Reason.ERROR_IN_STREAM),
        (b'data: {"error":"no such tool","error_type":"tool_error"}\n\n', Reason.REJECTED, Reason.ERROR_IN_STREAM),
        (b'data: {"error":{"message":"gone","code":400}}\n\n', Reason.REJECTED, Reason.ERROR_IN_STREAM),
        (frame({"choices": [{"delta": {}, "finish_reason": "error"}]}), Reason.ERROR_IN_STREAM, Reason.ERROR_IN_STREAM),
    ],
)
def test_an_error_is_told_as_what_it_stands_for_until_a_token_came(broken: bytes, before: Reason, after: Reason) -> None:
    first, later = answer_of(ROLE, broken, DONE), answer_of(ROLE, token(), broken, DONE)
    assert first.failure is not None
    assert later.failure is not None
    assert (first.failure.reason, later.failure.reason) == (before, after)


def test_what_stands_in_a_stream_and_is_nothing_of_it_is_kept() -> None:
    assert answer_of(ROLE, b"upstream connect error\n\nmore\n\n").stray == "upstream connect error"


@pytest.mark.parametrize("name", [b"ping", b"heartbeat", b"end"])
def test_named_events_that_are_no_errors_are_none_whatever_they_say(name: bytes) -> None:
    event = b"event: " + name + b"\n"
    answer = answer_of(event + b"data: 17\n\n", event + b'data: {"message":"here"}\n\n', event + b"\n", token(), DONE)
    assert (answer.failure, answer.text) == (None, "word ")


def test_halves_of_a_character_are_put_together_and_one_alone_is_replaced() -> None:
    halves = [b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % half for half in (b"\\ud83d", b"\\ude00", b"\\ude00", b"\\ud83d")]
    assert answer_of(*halves, DONE).text == "😀��"

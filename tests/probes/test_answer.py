"""From reads to chunks, instants and words: what shares a read, where an answer ends, what it says of itself."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.answer import Answer
from probes.backends import form
from probes.failure import Reason
from probes.framing import FRAME_LIMIT_BYTES
from probes.record import Chunk
from probes.wire.order import Read
from tests.answers import COMMENT, DONE, ERROR, FINISH, ROLE, delta, token, usage

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
    assert answer.chunks == [Chunk(20 * MS, 1), Chunk(30 * MS, 2)]
    assert answer.finished_ns == 60 * MS
    assert answer.failure is None


@pytest.mark.parametrize("before", [ROLE, COMMENT, token()], ids=["role", "comment", "token"])
def test_a_chunk_that_ends_its_read_is_exact_whatever_stands_before_it(before: bytes) -> None:
    answer = answer_of(before + token(), DONE)
    assert answer.chunks[-1] == Chunk(10 * MS, 1, 0, False)


@pytest.mark.parametrize(
    "after",
    [token(), FINISH, usage(1), DONE, COMMENT, token()[:5]],
    ids=["token", "finish", "usage", "marker", "comment", "piece of a frame"],
)
def test_a_chunk_with_something_behind_it_in_its_read_has_the_bound_of_the_read(after: bytes) -> None:
    answer = answer_of(token() + after)
    assert answer.chunks[0] == Chunk(10 * MS, 1, 3 * MS, True)


def test_a_blank_line_more_is_nothing_behind_it() -> None:
    answer = answer_of(token() + b"\r\n\n", DONE)
    assert answer.chunks[0] == Chunk(10 * MS, 1, 0, False)


def test_a_chunk_in_two_reads_arrived_with_the_second() -> None:
    frame = token()
    answer = answer_of(frame[:20], frame[20:], DONE)
    assert answer.chunks == [Chunk(20 * MS, 1, 0, False)]


def test_a_blank_line_in_the_next_read_completes_a_frame() -> None:
    frame = token()
    answer = answer_of(frame[:-1], b"\n" + token("b"), DONE)
    assert answer.chunks == [Chunk(20 * MS, 1, 3 * MS, True), Chunk(20 * MS, 1, 0, False)]


def test_a_read_that_did_not_empty_the_socket_bounds_even_its_end() -> None:
    answer = Answer(form("vllm"))
    answer.feed([Read(token(), 10 * MS, 8 * MS, kernel=True, exact=False)])
    assert answer.chunks == [Chunk(10 * MS, 1, 2 * MS, False)]
    assert answer.kernel_clock


def test_a_reads_own_time_makes_the_clock_the_users() -> None:
    answer = Answer(form("vllm"))
    answer.feed([Read(token(), 10 * MS, 8 * MS), Read(token(), 20 * MS, 15 * MS, kernel=False, exact=False), Read(DONE, 30 * MS, 29 * MS)])
    assert [chunk.error_ns for chunk in answer.chunks] == [0, 5 * MS]
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
    assert sliced.chunks == whole.chunks
    assert (sliced.text, sliced.finished_ns, sliced.output_tokens) == (whole.text, whole.finished_ns, whole.output_tokens)
    assert whole.finished_ns is not None


def test_an_endless_line_is_a_protocol_failure_at_the_read_that_passes_the_limit() -> None:
    piece = b"x" * (FRAME_LIMIT_BYTES // 4)
    answer = answer_of(token(), b"data: ", piece, piece, piece, piece, piece)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.at_ns) == (Reason.PROTOCOL, 60 * MS)
    assert len(answer.chunks) == 1


def test_frames_before_an_endless_line_in_the_same_read_count() -> None:
    answer = answer_of(token() + b"data: " + b"x" * FRAME_LIMIT_BYTES)
    assert answer.failure is not None
    assert answer.failure.reason is Reason.PROTOCOL
    assert answer.chunks == [Chunk(10 * MS, 1, 3 * MS, True)]


def test_a_marker_before_an_endless_line_in_the_same_read_ends_the_answer() -> None:
    answer = answer_of(token() + DONE + b"data: " + b"x" * FRAME_LIMIT_BYTES)
    assert answer.failure is None
    assert answer.finished_ns == 10 * MS


@pytest.mark.parametrize("garbage", [b"data: {\n\n", b"data: 7\n\n", b'data: {"choices":7}\n\n', b"data: \xff\xfe\n\n"])
def test_a_frame_that_cannot_be_read_fails_at_its_own_stamp(garbage: bytes) -> None:
    answer = answer_of(token("a"), token("b"), garbage, token("c"), DONE)
    assert answer.failure is not None
    assert (answer.failure.reason, answer.failure.at_ns) == (Reason.PROTOCOL, 30 * MS)
    assert (answer.text, len(answer.chunks), answer.finished_ns) == ("ab", 2, None)


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
    assert [chunk.arrived_ns for chunk in answer.chunks] == [20 * MS, 30 * MS, 40 * MS]
    assert answer.first_content_ns == 40 * MS
    assert answer.text == "Yes"


def test_answer_text_is_none_of_a_chat_that_only_reasons() -> None:
    assert answer_of(delta(1, reasoning="Hm"), DONE).first_content_ns is None


@pytest.mark.parametrize(
    ("frames", "tokens", "by_usage", "chunks_by_usage"),
    [
        pytest.param((token("a", 1), token("b", 2), usage(3), DONE), 3, True, True, id="the total goes before the running usage"),
        pytest.param((token("a", 1), token("b", 2)), 2, True, True, id="running usage where no total came"),
        pytest.param((token("a"), token("b"), usage(5), DONE), 5, True, False, id="a total without running usage"),
        pytest.param((token("a"), token("b"), DONE), 2, False, False, id="chunks counted where the engine says nothing"),
        pytest.param((ROLE,), 0, True, True, id="usage of a chat without a token"),
        pytest.param((COMMENT,), None, False, True, id="nothing"),
    ],
)
def test_where_output_tokens_come_from(frames: tuple[bytes, ...], tokens: int | None, by_usage: bool, chunks_by_usage: bool) -> None:
    answer = answer_of(*frames)
    assert (answer.output_tokens, answer.counted_by_usage, answer.chunks_by_usage) == (tokens, by_usage, chunks_by_usage)


def test_ollamas_own_stamps_give_the_servers_gaps() -> None:
    answer = answer_of(*lines("ollama/chat.ndjson"), backend="ollama")
    native = answer.native
    assert native.server_gaps_seconds == pytest.approx((0.019943211,), abs=1e-9)
    assert native.load_seconds == 0.012
    assert len(answer.chunks) == 2
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
    borne = sum(chunk.tokens for chunk in answer.chunks)
    assert borne == answer.output_tokens


def test_the_text_that_is_kept_is_bounded_but_all_of_it_is_timed() -> None:
    long = token("x" * 600_000)
    answer = answer_of(long, long, long, DONE)
    assert len(answer.chunks) == 3
    assert len(answer.text) == 1_200_000
    assert answer.finished_ns == 40 * MS

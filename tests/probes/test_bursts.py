"""Which rhythms are something's that gathers tokens on the way, and which an engine's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from probes.bursts import Bursts, bursts
from probes.chunk import Chunk
from probes.own_account import Native
from tests.exporter.chats import chat, gathered

MS = 1_000_000
SENT_NS = 10**15
SILENT = Native()


def arriving(milliseconds: Iterable[float], tokens: int = 1) -> tuple[Chunk, ...]:
    """Chunks that came so many milliseconds after the request."""
    return tuple(Chunk(SENT_NS + round(at * MS), tokens) for at in milliseconds)


def judged(milliseconds: Iterable[float], native: Native = SILENT) -> Bursts | None:
    return bursts(arriving(milliseconds), native, SENT_NS)


def steady(pace: float, count: int = 100, first: float = 10.0) -> list[float]:
    return [first + pace * place for place in range(count)]


def held_for(times: Sequence[float], milliseconds: float = 200.0) -> list[float]:
    """What came by way of a router that holds back for so long from the first piece on, and hands all on when the answer ends."""
    arrived: list[float] = []
    flushed = 0.0
    for at in times:
        if at > flushed:
            flushed = min(at + milliseconds, times[-1])
        arrived.append(flushed)
    return arrived


def filled(times: Sequence[float], chunks: int) -> list[float]:
    """What came by way of a proxy that hands on when a buffer holds so many chunks, and when the answer ends."""
    return [times[min(place - place % chunks + chunks, len(times)) - 1] for place in range(len(times))]


PACES = st.floats(0.15, 2_000)


@st.composite
def engines(draw: st.DrawFn) -> list[float]:
    """When an engine's tokens come that sends each as it is computed, with pauses of any length between them."""
    pace = draw(PACES)
    pauses = st.just(0.0) | st.just(0.0) | st.floats(0, 3_000)
    gaps = draw(st.lists(st.tuples(st.floats(0.8, 1.5), pauses), min_size=3, max_size=120))
    return list(accumulate((pace * jitter + pause for jitter, pause in gaps), initial=draw(st.floats(1, 3_000))))


@st.composite
def guessing(draw: st.DrawFn) -> list[float]:
    """When the tokens come of an engine that guesses ahead: each step gives up to eight, each an event of its own, all at once."""
    step = draw(st.floats(5, 90))
    steps = draw(st.lists(st.tuples(st.integers(1, 8), st.floats(0.5, 1.1)), min_size=3, max_size=60))
    ends = accumulate(step * jitter for _, jitter in steps)
    return [end + 0.01 * place for end, (tokens, _) in zip(ends, steps, strict=True) for place in range(tokens)]


@given(engines())
def test_no_pace_and_no_pause_of_an_engine_is_taken_for_it(times: list[float]) -> None:
    assert judged(times) is None


@pytest.mark.parametrize("pace", [0.15, 0.5, 0.75, 0.9, 1.0, 2.0])
def test_a_fast_engine_is_not_it(pace: float) -> None:
    assert judged(steady(pace, 500)) is None


@given(guessing())
def test_several_tokens_of_one_step_are_not_it(times: list[float]) -> None:
    assert judged(times) is None


@given(st.floats(5, 2_000), st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12), st.floats(0.7, 1.3)), min_size=5, max_size=40))
def test_several_tokens_of_steps_of_any_length_are_not_it_where_a_guess_fails_now_and_then(step: float, steps: list[tuple[int, int, float]]) -> None:
    """As of TGI's `--speculate` with a large model: a step that gives one token takes as long as one that gives several."""
    given_tokens = [tokens for two, three, _ in steps for tokens in (two, 1, three)]
    jitter = [factor for *_, factor in steps for _ in range(3)]
    ends = accumulate(step * factor for factor in jitter)
    assert judged([end for end, tokens in zip(ends, given_tokens, strict=True) for _ in range(tokens)]) is None


def test_single_tokens_after_an_engines_pauses_do_not_hide_a_router() -> None:
    """It holds back for 200 ms; an engine of 20 ms a token pauses once in a while right after a piece was sent, or hands one on soon."""
    assert judged(after((10, 1), *[(220, 11), (220, 11), (220, 11), (220, 11), (900, 1)] * 3)) is not None
    assert judged(after((10, 1), *[(200, 20), (20, 1)] * 5, (200, 20))) is not None


@given(engines(), st.integers(2, 20))
def test_several_tokens_in_a_chunk_are_not_it(times: list[float], tokens: int) -> None:
    assert bursts(arriving(times, tokens), SILENT, SENT_NS) is None


@given(engines(), st.floats(1, 500))
def test_what_a_busy_chatprobe_read_late_is_not_it(times: list[float], rest: float) -> None:
    """Chunks that share a read have its stamp, and a bound on how much earlier they came."""
    reads: dict[int, list[float]] = {}
    for at in times:
        reads.setdefault(int(at // rest), []).append(at)
    chunks: list[Chunk] = []
    for read, came in reads.items():
        stamp_ns, floor_ns = SENT_NS + round(came[-1] * MS), SENT_NS + round(read * rest * MS)
        chunks += [Chunk(stamp_ns, 1, stamp_ns - floor_ns, shared=True) for _ in came[:-1]] + [Chunk(stamp_ns, 1)]
    assert bursts(chunks, SILENT, SENT_NS) is None


@given(st.floats(1, 190), st.integers(32, 300))
def test_a_router_that_holds_back_for_a_while_is_found(pace: float, count: int) -> None:
    found = judged(held_for(steady(pace, count)))
    assert found is not None
    assert found.share >= 0.4
    assert found.every_seconds is None or found.every_seconds <= 0.4


@given(st.floats(1.1, 190), st.integers(9, 200), st.integers(32, 300))
def test_a_proxy_that_fills_a_buffer_is_found(pace: float, chunks: int, count: int) -> None:
    assume(pace * chunks >= 40)
    found = judged(filled(steady(pace, count), chunks))
    assert found is not None
    assert found.count == -(-count // chunks)
    assert found.chunks <= chunks


@given(engines(), st.floats(100, 300))
def test_it_makes_no_difference_in_what_unit_of_time_the_chat_began(times: list[float], hold: float) -> None:
    held = held_for(times, hold)
    later = tuple(chunk._replace(arrived_ns=chunk.arrived_ns + 10**12) for chunk in arriving(held))
    assert bursts(later, SILENT, SENT_NS + 10**12) == judged(held)


def test_what_is_said_of_it() -> None:
    """HAProxy on plain HTTP before an engine of 50 ms a token, as it was seen; then nginx with TLS; then nginx with gzip."""
    assert judged(held_for(steady(50))) == Bursts(count=20, chunks=5, every_seconds=0.25, share=80 / 99)
    assert judged(filled(steady(50), 46)) == Bursts(count=3, chunks=46, every_seconds=2.3, share=97 / 99)
    assert judged([1_990.0] * 100) == Bursts(count=1, chunks=100, every_seconds=None, share=1.0)


SPARSE = steady(20, 8)
"""Eight tokens: HAProxy hands them on at once, and nobody who only looks on can tell that from a step of an engine that guesses ahead."""


@pytest.mark.parametrize(
    ("computed_seconds", "found"),
    [(None, False), (0.14, True), (0.05, True), (0.04, False), (0.0, False)],
)
def test_the_engines_own_time_tells_where_the_rhythm_cannot(computed_seconds: float | None, found: bool) -> None:
    native = Native(decode_seconds=computed_seconds)
    assert (judged(held_for(SPARSE), native) is not None) == found
    assert judged(SPARSE, native) is None


@pytest.mark.parametrize(("computed_seconds", "found"), [(0.78, False), (1.43, False), (1.45, True)])
def test_the_engine_must_have_taken_twice_the_time(computed_seconds: float, found: bool) -> None:
    """Four tokens each 80 ms may be steps of an engine that guesses ahead, and are, by its own time."""
    times = [80.0 * step for step in range(1, 11) for _ in range(4)]
    assert (judged(times, Native(decode_seconds=computed_seconds)) is not None) == found


def test_an_engine_that_thinks_in_silence_is_not_it() -> None:
    """Its own time has the tokens of reasoning that nobody sees; those of the answer come one by one."""
    assert judged(steady(20, 20, first=5_000), Native(decode_seconds=5.4)) is None


def test_what_the_engine_itself_sent_at_once_is_not_held_back() -> None:
    """Ollama stamps each object: a slow engine that guesses ahead has steps of 200 ms with four tokens each."""
    times = [200.0 * step for step in range(1, 11) for _ in range(4)]
    own = tuple(0.2 if place % 4 == 0 else 0.00001 for place in range(1, 40))
    assert judged(times) is not None
    assert judged(times, Native(server_gaps_seconds=own)) is None
    assert judged(times, Native(server_gaps_seconds=(0.05,) * 39)) is not None


def test_a_whole_answer_at_once_is_faster_than_any_engine() -> None:
    assert judged([64.0] * 127) == Bursts(count=1, chunks=127, every_seconds=None, share=1.0)
    assert judged([64.0] * 8) is None
    assert judged([64.0] * 9) is not None


@pytest.mark.parametrize(("pause", "found"), [(4.0, False), (29.0, False), (31.0, True)])
def test_an_engine_whose_server_waits_for_a_processor_is_not_it(pause: float, found: bool) -> None:
    """Ten tokens at once each 4 ms, as of a llama.cpp of 0.2 ms a token on a busy machine."""
    assert (judged([pause * burst for burst in range(1, 11) for _ in range(10)]) is not None) == found
    assert (judged([pause] * 16) is not None) == found


def after(*bursts: tuple[float, int]) -> list[float]:
    """Bursts of so many chunks, each after so many milliseconds of silence."""
    ends = accumulate(silence for silence, _ in bursts)
    return [end for end, (_, chunks) in zip(ends, bursts, strict=True) for _ in range(chunks)]


@pytest.mark.parametrize(("held", "found"), [(7, False), (8, True)])
def test_one_bad_moment_is_not_it(held: int, found: bool) -> None:
    assert (judged(after((10, 1), (500, held))) is not None) == found


def test_most_bursts_must_have_been_held_back() -> None:
    """A program on the way that waits for a processor holds back a hundred tokens, and hands on the others one by one."""
    assert judged(after((10, 1), (200, 20), (20, 1), (200, 20))) is not None
    assert judged(after((10, 1), (20, 1), (200, 60), (20, 1), (200, 60))) is None
    assert judged([*steady(20, 20), *[900.0] * 200]) is None


def test_most_chunks_must_have_been_held_back() -> None:
    assert judged(after(*[(90, 8), (110, 8)] * 5)) is not None
    assert judged(after(*[(90, 8), (110, 7)] * 5)) is None


def test_nothing_is_known_of_a_chat_without_a_rhythm() -> None:
    assert bursts((), SILENT, SENT_NS) is None
    assert bursts(arriving([500.0] * 100), SILENT, None) is None
    assert judged([500.0] * 3, Native(decode_seconds=1.0)) is None


def test_a_record_tells_of_it() -> None:
    assert (chat(tokens=40).bursts, chat(tokens=40).to_json()["bursts"]) == (None, None)
    assert gathered().to_json()["bursts"] == {"count": 4, "chunks": 10, "every_seconds": 0.2, "share": 36 / 39}

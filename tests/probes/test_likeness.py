"""Frames that are like those before them: what is read off them is what the engine's adapter reads in them, whatever the bytes."""

from __future__ import annotations

import json
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probes import backends
from probes.answer import Answer
from probes.backends.base import WireForm
from probes.likeness import MOST_TRIES, Likeness, Likenesses
from probes.piece import Piece
from probes.wire.order import Read
from tests.answers import COMMENT, DONE, ERROR, FINISH, ROLE, delta, token, usage

FIXTURES = Path(__file__).parent / "backends" / "fixtures"
STREAMS = sorted([*FIXTURES.glob("*/*.sse"), *FIXTURES.glob("*/*.ndjson")])
ENGINES = [("vllm", "chat"), ("sglang", "chat"), ("tgi", "chat"), ("tgi", "generate"), ("llamacpp", "chat"), ("ollama", "chat"), ("openai", "chat")]
MS = 1_000_000


def without_likenesses(form: WireForm) -> WireForm:
    """The same form, all of whose frames are read by its adapter."""
    kind = type(form)
    plain: WireForm = type(kind.__name__, (kind,), {"varying": ()})()
    return plain


def reads_of(pieces: list[bytes]) -> list[Read]:
    """Every fifth read has a bound, every seventh another clock."""
    return [Read(piece, n * MS, n * MS - MS // 4, kernel=n % 7 != 0, exact=n % 5 != 0) for n, piece in enumerate(pieces, 1)]


def all_of(form: WireForm, reads: list[Read], batch: int = 1000) -> dict[str, object]:
    """Whatever an answer makes of reads that come in batches."""
    heard: list[Piece] = []
    answer = Answer(form, heard.append)
    for place in range(0, len(reads), batch):
        answer.feed(reads[place : place + batch])
    answer.close(reads[-1])
    answer.end(reads[-1].stamp_ns)
    names = [name for name, value in vars(Answer).items() if isinstance(value, property)]
    public = {name: value for name, value in vars(answer).items() if not name.startswith("_")}
    return public | {name: getattr(answer, name) for name in names} | {"heard": heard}


def likeness_of(form: WireForm, *reads: bytes) -> Likeness | None:
    likenesses = Likenesses(form)
    for read in reads:
        likenesses.learn(read)
    return likenesses.found


def chunk_of(engine: tuple[str, str], text: str, count: int, *, ascii_only: bool, reasoning: bool = False, identity: str = "c-1") -> bytes:
    """A frame of text as the engine writes it, in a read of its own."""
    said: dict[str, object]
    match engine:
        case ("ollama", _):
            said = {"model": "m", "created_at": f"2026-08-22T10:00:01.{count}Z", "message": {"content": text}, "done": False}
        case ("tgi", "generate"):
            said = {"index": count, "token": {"id": count, "text": text, "logprob": -count / 8, "special": False}, "generated_text": None}
        case (name, _):
            words = {"reasoning" if reasoning else "content": text}
            said = {"id": identity, "created": 1_790_000_000 + count, "choices": [{"index": 0, "delta": words, "finish_reason": None}]}
            if name in ("vllm", "sglang"):
                said["usage"] = {"prompt_tokens": 9, "total_tokens": 9 + count, "completion_tokens": count}
            if name == "llamacpp":
                said["timings"] = {"cache_n": 0, "predicted_n": count, "predicted_ms": count * 1.5}
    line = json.dumps(said, ensure_ascii=ascii_only, separators=(",", ":") if count % 2 else None).encode(errors="surrogatepass")
    return line + b"\n" if engine[0] == "ollama" else b"data: " + line + b"\n\n"


ODD_TEXTS = ("", '"', "\\", "\n", "/", "é", "日本", "😀", "\ud83d", "\x7f", "\x00", "12", "true", "[DONE]", '"content":"x"', "x" * 5000)
TEXTS = st.one_of(st.sampled_from(["a", " word", *ODD_TEXTS]), st.text(max_size=8))
COUNTS = st.one_of(st.integers(0, 30), st.sampled_from([-1, 9_999_999, 10_000_000, 10_000_001, 10**15, 10**20]))
BYTES = st.sampled_from([b"", b"\\", b'"', b"\x00", b"\xff", b"0", b"-", b"e", b"\n", b"\r", b" ", b"}"])
OTHERS = st.sampled_from(
    [
        *(ROLE, FINISH, usage(3), COMMENT, ERROR, DONE, token("a", 1), token(), delta(4, content="a", reasoning="b")),
        *(delta(3, "stop"), delta(4, "stop", content="a"), delta(5, "stop", content="b"), b"event: error\n", b": c\n", b"data: "),
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[tuple[str, str], list[bytes]]:
    """Mostly frames that are alike, some with a byte that is not, with others among them; mostly a frame in a read."""
    engine = draw(st.sampled_from(ENGINES))
    alike = st.builds(partial(chunk_of, engine), TEXTS, COUNTS, ascii_only=st.booleans(), reasoning=st.booleans(), identity=TEXTS)
    plain = st.integers(1, 40).map(lambda count: chunk_of(engine, f" word{count}", 2 * count + 1, ascii_only=True))
    damaged = st.builds(_damaged, plain, st.integers(0, 10**6), BYTES)
    pieces = draw(st.lists(st.one_of(plain, plain, plain, alike, damaged, OTHERS), min_size=1, max_size=14))
    if draw(st.booleans()):
        pieces = [piece.replace(b"\n", b"\r\n") for piece in pieces]
    if draw(st.integers(0, 3)) == 0:
        body = b"".join(pieces)
        cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=8)))
        pieces = [body[begin:end] for begin, end in pairwise([0, *cuts, len(body)])]
    return engine, pieces


def _damaged(frame: bytes, place: int, by: bytes) -> bytes:
    """A frame with a byte put in, or put in place of another."""
    place, instead = place // 2 % len(frame), place % 2
    return frame[:place] + by + frame[place + instead :]


COUNTED_IN_QUOTES = b'data: {"id":"a","choices":[{"delta":{"content":"a"}}],"usage":{"completion_tokens":"%d"}}\n\n'


@given(streams(), st.integers(1, 5))
@example((("vllm", "chat"), [token("a", 1), token("b", 2), token("c", 3), token("c", 3), token("", 4), token("d", 5)]), 2)
@example((("vllm", "chat"), [b"\xef\xbb\xbf" + token("a", 1)] * 4), 1)
@example((("openai", "chat"), [b'data: {"error":{"id":"1","message":"content"}}\n\n'] * 3), 1)
@example((("openai", "chat"), [COUNTED_IN_QUOTES % n for n in range(1, 6)]), 1)
@example((("openai", "chat"), [b'data: {"choices":[{"delta":{"content":"\\ud83d%b"}}]}\n\n' % n for n in (b"a", b"b", b"\\ude00", b"\xff")]), 1)
@example((("vllm", "chat"), [token("a", 1), token("b", 2), b"event: error\n", token("c", 3)]), 1)
def test_an_answer_is_the_same_without_likenesses(stream: tuple[tuple[str, str], list[bytes]], batch: int) -> None:
    engine, pieces = stream
    form, reads = backends.form(*engine), reads_of(pieces)
    assert all_of(form, reads, batch) == all_of(without_likenesses(form), reads)


@given(st.sampled_from(STREAMS), st.data())
def test_what_engines_sent_is_read_the_same_without_likenesses(path: Path, data: st.DataObject) -> None:
    """Each of its frames a few times over, so that there are likenesses, in whatever reads."""
    form = backends.form(path.parent.name, "generate" if path.name.startswith("generate") else "chat")
    body = path.read_bytes()
    frames = [part + b"\n\n" for part in body.split(b"\n\n")] if form.framing == "sse" else body.splitlines(keepends=True)
    pieces = [frame for frame in frames for _ in range(data.draw(st.integers(1, 4)))]
    if data.draw(st.booleans()):
        whole = b"".join(pieces)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
        pieces = [whole[begin:end] for begin, end in pairwise([0, *cuts, len(whole)])]
    reads = reads_of(pieces)
    assert all_of(form, reads, data.draw(st.integers(1, 9))) == all_of(without_likenesses(form), reads)


@given(st.sampled_from(ENGINES), st.booleans(), st.lists(st.tuples(TEXTS, COUNTS, st.booleans()), max_size=8), st.integers(0, 400), BYTES)
def test_a_likeness_says_what_the_adapter_reads_or_nothing(
    engine: tuple[str, str], reasoning: bool, others: list[tuple[str, int, bool]], place: int, by: bytes
) -> None:
    form = backends.form(*engine)
    likeness = likeness_of(form, *(chunk_of(engine, text, 1, ascii_only=True, reasoning=reasoning) for text in ("a", "bc")))
    if likeness is None:
        assert not form.varying
        return
    reads = [chunk_of(engine, text, count, ascii_only=ascii_only, reasoning=reasoning) for text, count, ascii_only in others]
    candidates = [one for read in reads for one in (read, read[:place] + by + read[place:], read[:place] + by + read[place + len(by) :])]
    while candidates:
        texts, text_bytes, running_tokens = likeness.said(candidates)
        for candidate, text, size, running in zip(candidates, texts, text_bytes, running_tokens, strict=False):
            event, example = form.read(candidate.removeprefix(b"data: ").strip()), likeness.example
            assert event == example._replace(text=text if example.text else "", reasoning=text if example.reasoning else "", running_tokens=running)
            assert size == event.text_bytes
        assert len(texts) == len(text_bytes) == len(running_tokens)
        assert not any(likeness.said(candidates[len(texts) :][:1]))
        candidates = candidates[len(texts) + 1 :]


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if backends.form(*engine).varying])
def test_two_frames_of_text_show_the_likeness_of_the_others(engine: tuple[str, str]) -> None:
    one, two, three = (chunk_of(engine, text, count, ascii_only=True) for text, count in (("a", 1), (" bé", 5), ('"c"\n', 7)))
    likeness = likeness_of(backends.form(*engine), one, two)
    assert likeness is not None
    running = 7 if engine[0] in ("vllm", "sglang") else None
    assert likeness.said([three]) == (['"c"\n'], [4], [running])
    assert likeness.said([three, three, ROLE, three]) == (['"c"\n'] * 2, [4, 4], [running, running])


@pytest.mark.parametrize("reads", [(token("a", 1),), (token("a", 1), ROLE), *((one, one) for one in (ROLE, FINISH, ERROR, COMMENT, DONE))])
def test_other_frames_have_none(reads: tuple[bytes, ...]) -> None:
    assert likeness_of(backends.form("vllm"), *reads) is None


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(token("a", 1) + token("b", 2), id="two frames"),
        pytest.param(b": x\n" + token("a", 1), id="a comment"),
        pytest.param(b"event: message\n" + token("a", 1), id="a name"),
        pytest.param(token("a", 1) + b"data: ", id="a piece of the next"),
        pytest.param(token("a" * 5000, 1), id="a long one"),
        pytest.param(delta(1, content="a", reasoning="b"), id="two texts"),
        pytest.param(b'data: {"choices":[{"delta":{"content":"a"}}],"id":"b"\n\n', id="no JSON"),
    ],
)
def test_a_read_that_holds_anything_else_has_none(frame: bytes) -> None:
    assert likeness_of(backends.form("vllm"), frame, frame) is None


def test_a_stream_without_a_likeness_is_not_looked_at_for_ever() -> None:
    likenesses = Likenesses(backends.form("vllm"))
    for count in range(MOST_TRIES):
        likenesses.learn(token("a", 1).replace(b"tiny", b"%d" % count))
    likenesses.learn(token("a", 1))
    likenesses.learn(token("b", 2))
    assert likenesses.found is None

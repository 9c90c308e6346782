"""Traces of recorded loads, read from files: which chats came when, with how many tokens in prompt and answer.

- `mooncake`: a JSON object a line with `timestamp` (milliseconds), `input_length`, `output_length` (tokens) and `hash_ids`,
  the prompt's blocks of 512 tokens. An id stands for its block and all before it, so prompts with an id in common begin
  alike (Mooncake, FAST'25, `FAST25-release/README.md`; arXiv 2407.00079, section 4).
- `azure`: CSV with `TIMESTAMP,ContextTokens,GeneratedTokens`, of 2023 (`2023-11-16 18:17:03.9799600`) and 2024
  (`2024-05-10 00:00:00.009930+00:00`; Azure/AzurePublicDataset, `AzureLLMInferenceDataset2023.md`, `…2024.md`).
- `records`: chatprobe's own records, a JSON object a line (`docs/records.md`), of one target.

Times count from the first chat. Lines may be out of order by a minute at most; records, which are written when chats
end, by any time. Files that end in `.gz` are unpacked.
"""

from __future__ import annotations

import gzip
import heapq
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import IO, get_args

import orjson

from config.bench_courses import TraceFormat
from config.load import Arrival, Trace

MOONCAKE_BLOCK_TOKENS = 512
DISORDER_SECONDS = 60.0
"""How far lines may be out of order."""

LONGEST_LINE = 64 << 20
"""In characters; the longest records have a tenth of that."""
MOST_TOKENS = 10_000_000
"""Of a prompt or an answer: prompts are made as long as the trace says."""

_DIGITS = re.compile(r"[0-9]{1,18}")
_AZURE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
_NO_COUNT = "without a count of their tokens"
_TOO_LONG = "longer than the longest that was asked for"


class TraceError(ValueError):
    """A file that is no trace. The text names the file, mostly the line, what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Which part of a trace is held: chats that came from `from_seconds` on, for so many seconds, so many of them, none
    with more tokens in prompt and answer together, and of this target. None is all.
    """

    from_seconds: float = 0.0
    seconds: float | None = None
    chats: int | None = None
    longest_tokens: int | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A trace, and how many chats of the part were left out, by why."""

    trace: Trace
    format: TraceFormat
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Row:
    """What a line tells. `at_us` is microseconds since any instant."""

    at_us: int
    input_tokens: int | None
    output_tokens: int | None
    blocks: tuple[int, ...] = ()
    target: str | None = None


class _WrongError(Exception):
    """What is wrong with a line; what would be right."""


def read_trace(path: Path, part: Excerpt = Excerpt(), *, format: TraceFormat | None = None, speed: float = 1.0) -> Recorded:
    """A part of the trace in a file, to be held at this speed. `format` None finds out what it is by the first line.

    Raises `TraceError` for a file that cannot be read, is no trace, or has no chat in this part.
    """
    with _lines(path) as lines:
        numbered = ((number, line) for number, line in enumerate(_of_bounded_length(path, lines), 1) if line.strip())
        first = next(numbered, None)
        if first is None:
            raise TraceError(f"{path}: is empty; give a trace with a chat a line")
        known = format or _format_of(first[1])
        if known is None:
            formats = ", ".join(get_args(TraceFormat))
            raise TraceError(f"{path}:{first[0]}: is no line of a trace that is known; give one of the formats {formats}")
        rows = _rows(path, chain([first], numbered), _READERS[known])
        arrivals, left_out = _taken(_of_one_target(path, rows, part.target) if known == "records" else _in_order(path, rows), part)
    if not arrivals:
        because = "".join(f"; left out: {count} {why}" for why, count in left_out.items())
        raise TraceError(f"{path}: has no chat in the part that was asked for{because}; take a larger part")
    return Recorded(Trace(tuple(arrivals), speed, MOONCAKE_BLOCK_TOKENS), known, left_out)


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            yield file
    except UnicodeDecodeError:
        raise TraceError(f"{path}: is no text in UTF-8; give a trace with a chat a line") from None
    except (OSError, EOFError, zlib.error) as error:
        raise TraceError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); give a file that is there and whole") from None


def _of_bounded_length(path: Path, lines: IO[str]) -> Iterator[str]:
    """Each line. One without an end would fill the memory: a small file may unpack to it."""
    for number, line in enumerate(iter(partial(lines.readline, LONGEST_LINE), ""), 1):
        if len(line) == LONGEST_LINE:
            raise TraceError(f"{path}:{number}: is longer than {LONGEST_LINE} characters; write one chat a line")
        yield line


def _rows(path: Path, numbered: Iterable[tuple[int, str]], read: Callable[[str], _Row | None]) -> Iterator[_Row]:
    for number, line in numbered:
        try:
            row = read(line)
        except _WrongError as wrong:
            raise TraceError(f"{path}:{number}: {wrong}") from None
        if row is not None:
            yield row


def _of_one_target(path: Path, rows: Iterable[_Row], target: str | None) -> Iterator[_Row]:
    """The rows of this target, or of the only one that there is, in the order of their time."""
    kept = [row for row in rows if target in (None, row.target)]
    targets = sorted({str(row.target) for row in kept})
    if len(targets) > 1:
        raise TraceError(f"{path}: has chats with several targets ({', '.join(targets)}); name the one whose chats are to be held again")
    return iter(sorted(kept, key=lambda row: row.at_us))


def _in_order(path: Path, rows: Iterable[_Row]) -> Iterator[_Row]:
    """The rows in the order of their time, which their lines have but for a minute. Holds no more than those of a minute."""
    waiting: list[tuple[int, int, _Row]] = []
    given_us: int | None = None
    for number, row in enumerate(rows):
        if given_us is not None and row.at_us < given_us:
            raise TraceError(f"{path}: has lines that are out of order by more than {DISORDER_SECONDS:.0f} s; sort it by time")
        heapq.heappush(waiting, (row.at_us, number, row))
        while waiting[0][0] < row.at_us - DISORDER_SECONDS * 1e6:
            given_us, _, next_row = heapq.heappop(waiting)
            yield next_row
    while waiting:
        yield heapq.heappop(waiting)[2]


def _taken(rows: Iterable[_Row], part: Excerpt) -> tuple[list[Arrival], Mapping[str, int]]:
    """The chats of the part, and how many of it were left out. Reads no further than it must."""
    left_out: Counter[str] = Counter()
    found: list[Arrival] = []
    zero_us: int | None = None
    for row in rows:
        zero_us = row.at_us if zero_us is None else zero_us
        at_seconds = (row.at_us - zero_us - round(part.from_seconds * 1e6)) / 1e6
        if at_seconds < 0:
            continue
        if len(found) == part.chats or (part.seconds is not None and at_seconds >= part.seconds):
            break
        if row.input_tokens is None or row.output_tokens is None:
            left_out[_NO_COUNT] += 1
        elif part.longest_tokens is not None and row.input_tokens + row.output_tokens > part.longest_tokens:
            left_out[_TOO_LONG] += 1
        else:
            found.append(Arrival(at_seconds, row.input_tokens, row.output_tokens, row.blocks))
    return found, left_out


def _format_of(line: str) -> TraceFormat | None:
    """What a trace's first line says of its format."""
    if tuple(field.strip() for field in line.split(",")) == _AZURE:
        return "azure"
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if isinstance(told, dict) and "input_length" in told:
        return "mooncake"
    return "records" if isinstance(told, dict) and "started_at" in told else None


def _mooncake(line: str) -> _Row:
    told = _object(line)
    at = told.get("timestamp")
    if not isinstance(at, int | float) or isinstance(at, bool) or not isfinite(at * 1000.0):
        raise _WrongError("timestamp is no number; write when the chat came, in milliseconds")
    blocks = told.get("hash_ids", [])
    if not isinstance(blocks, list) or not all(type(block) is int for block in blocks):
        raise _WrongError("hash_ids is no list of whole numbers; write the ids of the prompt's blocks, or leave it out")
    return _Row(
        round(at * 1000), _tokens(told.get("input_length"), "input_length"), _tokens(told.get("output_length"), "output_length"), tuple(blocks)
    )


def _azure(line: str) -> _Row | None:
    fields = [field.strip() for field in line.split(",")]
    if tuple(fields) == _AZURE:
        return None
    if len(fields) != len(_AZURE):
        raise _WrongError(f"has {len(fields)} fields; write {','.join(_AZURE)}")
    given, answered = (int(field) if _DIGITS.fullmatch(field) else field for field in fields[1:])
    return _Row(_microseconds(fields[0], "TIMESTAMP"), _tokens(given, "ContextTokens"), _tokens(answered, "GeneratedTokens"))


def _record(line: str) -> _Row:
    told = _object(line)
    late = told.get("schedule_lag_seconds", 0.0)
    if not isinstance(late, int | float) or not isfinite(late * 1e6):
        raise _WrongError("schedule_lag_seconds is no number; give records as chatprobe writes them")
    given, answered = (None if told.get(key) is None else _tokens(told[key], key) for key in ("input_tokens", "output_tokens"))
    at_us = _microseconds(told.get("started_at"), "started_at") - round(late * 1e6)
    return _Row(at_us, given, answered, target=str(told.get("target")))


_READERS: Mapping[TraceFormat, Callable[[str], _Row | None]] = {"mooncake": _mooncake, "azure": _azure, "records": _record}


def _object(line: str) -> dict[str, object]:
    try:
        told = orjson.loads(line)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise _WrongError("is no JSON object; write one chat a line")
    return told


def _tokens(count: object, name: str) -> int:
    """A number of tokens, at least one: no chat asks for none."""
    if type(count) is not int or count < 0:
        raise _WrongError(f"{name} is no number of tokens; write a whole one")
    if count > MOST_TOKENS:
        raise _WrongError(f"{name} is more than any engine takes; write at most {MOST_TOKENS}")
    return max(1, count)


def _microseconds(written: object, name: str) -> int:
    """Microseconds since the epoch of an instant as it is written; UTC where it does not say."""
    try:
        instant = datetime.fromisoformat(str(written))
    except ValueError:
        raise _WrongError(f"{name} is no instant; write one like 2024-05-10 00:00:00.009930+00:00") from None
    return ((instant if instant.tzinfo else instant.replace(tzinfo=UTC)) - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

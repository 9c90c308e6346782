"""The little that the worker must know of a body while it arrives: whether the stream is over, and when tokens last came.

Both are asked rarely (a likely terminal marker, a timeout that has run out), so a chat's frames are not parsed here, but for one or two of them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from probes.backends.base import Event, FrameError, WireForm
from probes.wire.packed import Packed


def says_done(form: WireForm, body: bytes) -> bool:
    """Whether a line of `body` is the terminal marker. A marker quoted inside an answer's text is none."""
    return any(event.done for _, event in _events_from_the_end(form, body))


def last_token_ns(form: WireForm, reads: Packed, tokens_before: int) -> tuple[int | None, int]:
    """(when the newest token-bearing chunk of `reads` arrived, or None; the newest running usage).

    A chunk without text bears tokens if the running usage rose with it, so it takes the frame before it to tell; on a
    finish chunk, what no count came before is the total. `tokens_before` is the running usage at the end of the reads
    that were looked at earlier.
    """
    newest_usage: int | None = None
    candidate: tuple[int, int, bool] | None = None  # (usage, arrival, whether it may be a total) of a frame without text
    for arrived_ns, event in _arrivals_from_the_end(form, reads):
        usage = event.running_tokens
        if newest_usage is None and usage is not None:
            newest_usage = usage
        if candidate is not None and usage is not None and candidate[0] > usage:
            return candidate[1], newest_usage or tokens_before
        if event.has_text or event.is_token:
            return arrived_ns, tokens_before if newest_usage is None else newest_usage
        if usage is not None:
            candidate = usage, arrived_ns, event.finish_reason is not None
    if candidate is not None and candidate[0] > tokens_before and (tokens_before or not candidate[2]):
        return candidate[1], newest_usage or tokens_before
    return None, tokens_before


def _arrivals_from_the_end(form: WireForm, reads: Packed) -> Iterator[tuple[int, Event]]:
    begin, stamp_ns = len(reads.bodies), 0
    earlier = reads.from_the_end()
    for last, event in _events_from_the_end(form, bytes(reads.bodies)):
        while last < begin:
            begin, stamp_ns = next(earlier)
        yield stamp_ns, event


def _events_from_the_end(form: WireForm, body: bytes) -> Iterator[tuple[int, Event]]:
    """(offset of its last byte, event) of each readable frame, newest first. What cannot be read is the frame reader's
    to judge, later.
    """
    for offset, frame in _data_from_the_end(body) if form.framing == "sse" else _lines_from_the_end(body):
        if frame:
            with contextlib.suppress(FrameError):
                yield offset, form.read(frame)


def _data_from_the_end(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset of its last byte, data) of each event, newest first; what one says in several lines is put together."""
    held: list[bytes] = []
    last = 0
    for offset, line in _lines_from_the_end(body):
        if line.startswith(b"data:"):
            last = last if held else offset
            held.append(line[5:].lstrip())
        elif not line and held:
            yield last, b"\n".join(reversed(held))
            held = []
    if held:
        yield last, b"\n".join(reversed(held))


def _lines_from_the_end(body: bytes) -> Iterator[tuple[int, bytes]]:
    """(offset of its last byte, line) of each line, newest first, however lines end."""
    if b"\r" in body:
        body = body.replace(b"\r\n", b" \n").replace(b"\r", b"\n")
    end = len(body)
    while end > 0:
        start = body.rfind(b"\n", 0, end) + 1
        yield max(start, end - 1), body[start:end].strip()
        end = start - 1

"""The body of a streamed answer while it arrives: held until it is handed over, and looked at as little as possible.

Two things must be known early: whether the stream is over, and, when a timeout has run out, when tokens last came.
"""

from __future__ import annotations

from itertools import chain, count, islice
from typing import NamedTuple

from probes.backends.base import WireForm
from probes.wire.glance import last_token_ns, says_done
from probes.wire.packed import ROW, Packed

TAIL_BYTES = 64
"""How much of an unfinished line is looked at again with the next read: the longest marker, with blanks in it."""
HELD_BYTES = 16_384
"""Bytes that may be held here before they are handed over, and before they are looked through for tokens: the more, the more memory a stream takes;
the fewer, the more messages there are.
"""
LINE_BYTES = 65_536
"""Of a line that is longer, only the end is looked at."""


class _Mark(NamedTuple):
    """A place between two reads: how many bytes of rows and of bodies are before it."""

    rows: int = 0
    bodies: int = 0


class Body:
    """Takes reads in order, of which `most_held_bytes` may be held. `ended` is whether the terminal marker has come, `is_full`
    whether it is time to hand over.
    """

    __slots__ = (
        "_bodies", "_enough_bytes", "_forgotten_bytes", "_form", "_handed", "_has_marker", "_line_is_open", "_looked_bytes", "_most_held_bytes",
        "_rows", "_seen", "_token_ns", "_tokens", "ended", "is_full",
    )  # fmt: skip

    def __init__(self, form: WireForm, most_held_bytes: int = HELD_BYTES) -> None:
        self.ended = False
        self.is_full = False
        self._form = form
        self._most_held_bytes = most_held_bytes
        self._has_marker = form.marker.search
        self._bodies = bytearray()
        self._rows = bytearray()
        self._forgotten_bytes = 0
        self._handed = _Mark()
        self._seen = _Mark()
        self._looked_bytes = 0
        self._line_is_open = False
        self._tokens = 0
        self._token_ns: int | None = None
        self._forget()

    def add(self, body: bytes, stamp_ns: int, floor_ns: int, kernel: bool = True, exact: bool = True) -> bool:
        """Take the next read, by the fields of `Read`. True if it has `ended` or `is_full`."""
        bodies = self._bodies
        bodies += body
        self._rows += ROW.pack(len(body), stamp_ns, floor_ns, kernel, exact)
        if self._line_is_open:
            body = bytes(bodies[-len(body) - TAIL_BYTES :])
        self._line_is_open = not body.endswith(b"\n")
        if self._has_marker(body) and not self.ended:
            self.ended = self._says_done()
        if len(bodies) > self._enough_bytes:
            if len(bodies) - self._looked_bytes > HELD_BYTES:
                self.last_token_ns()
            self.is_full = len(bodies) - self._handed.bodies > self._most_held_bytes
        return self.ended or self.is_full

    @property
    def added_bytes(self) -> int:
        """All that has come so far."""
        return self._forgotten_bytes + len(self._bodies)

    def _says_done(self) -> bool:
        """The marker's line spans two reads at the most, or the end of the HTTP message tells it."""
        last_two = [begin for begin, _ in islice(Packed(self._bodies, self._rows).from_the_end(), 2)]
        return says_done(self._form, bytes(self._bodies[last_two[-1] :]))

    def hand_over(self) -> Packed:
        """What has come since the last time."""
        packed = Packed(bytes(self._bodies[self._handed.bodies :]), bytes(self._rows[self._handed.rows :]))
        self._handed = _Mark(len(self._rows), len(self._bodies))
        self.is_full = False
        self._forget()
        return packed

    def last_token_ns(self) -> int | None:
        """When the newest token-bearing chunk arrived; None if there was none. Looks through what came since it was last asked."""
        unseen = Packed(bytes(self._bodies[self._seen.bodies :]), bytes(self._rows[self._seen.rows :]))
        token_ns, self._tokens = last_token_ns(self._form, unseen, self._tokens)
        if token_ns is not None:
            self._token_ns = token_ns
        before = _before_the_open_line(unseen)
        self._seen = _Mark(self._seen.rows + before.rows, self._seen.bodies + before.bodies)
        self._looked_bytes = len(self._bodies)
        self._forget()
        return self._token_ns

    def _forget(self) -> None:
        """Let go of what was handed over, and is looked at no more."""
        done = min(self._handed, self._seen)
        del self._bodies[: done.bodies], self._rows[: done.rows]
        self._forgotten_bytes += done.bodies
        self._handed = _Mark(self._handed.rows - done.rows, self._handed.bodies - done.bodies)
        self._seen = _Mark(self._seen.rows - done.rows, self._seen.bodies - done.bodies)
        self._looked_bytes -= done.bodies
        self._enough_bytes = min(self._handed.bodies + self._most_held_bytes, self._looked_bytes + HELD_BYTES)


def _before_the_open_line(packed: Packed) -> _Mark:
    """In front of the reads that hold the last line, which the next ones may complete; of one that is too long in front of
    the last. In front of nothing if an event is over there.
    """
    if packed.bodies.endswith((b"\n\n", b"\r\n\r\n")):
        return _Mark(len(packed.rows), len(packed.bodies))
    line_end = packed.bodies.rfind(b"\n")
    marks = (_Mark(row * ROW.size, begin) for row, (begin, _) in zip(count(len(packed) - 1, -1), packed.from_the_end(), strict=False))
    last = next(marks, _Mark())
    for mark in chain((last,), marks):
        if len(packed.bodies) - mark.bodies > LINE_BYTES:
            return last
        if mark.bodies <= line_end:
            return mark
    return _Mark()

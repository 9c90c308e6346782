"""The body of a streamed answer while it arrives: held until it is handed over, and looked at as little as possible.

Two things must be known early: whether the stream is over, and, when a timeout has run out, when tokens last came.
"""

from __future__ import annotations

from probes.backends.base import Framing, WireForm
from probes.wire.glance import last_token_ns, says_done
from probes.wire.order import Read

TAIL_BYTES = 64
"""How much of an unfinished line is looked at again with the next read: the longest marker, with blanks in it."""
SLICE_BYTES = 65_536
"""Bytes that may be held here before they are handed over, or before they are looked through for tokens."""


_SSE_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")


def begins_stream(framing: Framing, body: bytes) -> bool | None:
    """Whether a body whose content type does not tell begins as a stream does, so that whoever reads no content types
    reads it; None if it is too short to tell.
    """
    begin = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    fields = _SSE_FIELDS if framing == "sse" else (b"{",)
    if begin.startswith(fields):
        return True
    return None if any(field.startswith(begin) for field in fields) else False


class Body:
    """Takes reads in order, of which `most_held_bytes` may be held. `ended` once the terminal marker has come."""

    def __init__(self, form: WireForm, most_held_bytes: int = SLICE_BYTES) -> None:
        self.ended = False
        self._form = form
        self._most_held_bytes = most_held_bytes
        self._has_marker = form.marker.search
        self._held: list[Read] = []
        self._held_bytes = 0
        self._unseen: list[Read] = []
        self._unseen_bytes = 0
        self._tail = b""
        self._tokens = 0
        self._token_ns: int | None = None

    def add(self, read: Read) -> None:
        body = read.body
        size = len(body)
        self._held.append(read)
        self._held_bytes += size
        self._unseen.append(read)
        self._unseen_bytes += size
        window = self._tail + body if self._tail else body
        if self._has_marker(window) and not self.ended:
            # the marker's line spans two reads at the most, or the end of the HTTP message tells it
            self.ended = says_done(self._form, b"".join(read.body for read in self._unseen[-2:]))
        self._tail = b"" if body.endswith(b"\n") else window[-TAIL_BYTES:]
        if self._unseen_bytes > SLICE_BYTES:
            self.last_token_ns()

    @property
    def is_full(self) -> bool:
        return self._held_bytes > self._most_held_bytes

    def hand_over(self) -> list[Read]:
        """What has come since the last time."""
        held, self._held, self._held_bytes = self._held, [], 0
        return held

    def last_token_ns(self) -> int | None:
        """When the newest token-bearing chunk arrived; None if there was none. Looks through what came since it was last asked."""
        token_ns, self._tokens = last_token_ns(self._form, self._unseen, self._tokens)
        if token_ns is not None:
            self._token_ns = token_ns
        self._unseen = self._open_line()
        self._unseen_bytes = sum(len(read.body) for read in self._unseen)
        return self._token_ns

    def _open_line(self) -> list[Read]:
        """The reads that hold the last line, which the next ones may complete; of one that is longer than a slice only the last."""
        size = 0
        for place in range(len(self._unseen) - 1, -1, -1):
            body = self._unseen[place].body
            size += len(body)
            if size > SLICE_BYTES:
                break
            if b"\n" in body:
                return self._unseen[place:]
        return self._unseen[-1:] if size > SLICE_BYTES else self._unseen

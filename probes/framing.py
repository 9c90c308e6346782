"""Bytes to frames: cuts a body, fed in whatever pieces it arrived in, into SSE events or NDJSON lines.

The same frames with the same ends come out however the bytes are split. What is held back for a frame that is not complete yet is bounded.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple

from probes.backends.base import DONE, FrameError, Framing
from probes.backends.fields import parse

FRAME_LIMIT_BYTES = 1024 * 1024
"""The longest line, and the longest event, that is read."""

ASIDE_LIMIT_BYTES = 64 * 1024
"""How much is kept of the comments and the stray lines of one event."""

_OTHER_FIELD = re.compile(rb"(id|retry)(:|$)|event$")
_NEWLINE = re.compile(rb"\n")
_BOM = b"\xef\xbb\xbf"
_ENDLESS = f"a line or event of more than {FRAME_LIMIT_BYTES} bytes"


class Frame(NamedTuple):
    """The data of one SSE event, or one NDJSON line, without its framing.

    `end` counts the body's bytes up to and including the one that completed the frame, so that the read which holds
    byte `end - 1` is the read that completed it. For SSE that is the first byte that ends the blank line behind the
    event: no client can act on an event before it. The LF of a CRLF there is a framing byte behind the end. For NDJSON
    it is the line's LF.

    `event` is the name of an SSE event, `comment` what its comments say, and `stray` its lines that are nothing of SSE,
    which is how a server that has announced a stream writes an error into it; the frame of a block that has only these
    has no data.
    """

    data: bytes
    end: int
    event: bytes = b""
    comment: bytes = b""
    stray: bytes = b""


class FramingError(ValueError):
    """A line or event longer than `FRAME_LIMIT_BYTES`. `frames` are those that the same feed completed before it."""

    frames: tuple[Frame, ...] = ()


class Framer(ABC):
    """Cuts one body into lines, and what they say into frames."""

    _line_end: re.Pattern[bytes]

    def __init__(self) -> None:
        self._open_line: list[bytes] = []
        self._open_bytes = 0
        self.fed_bytes = 0
        """How many bytes of the body have come."""
        self._after_cr = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that `data` completes. Raises `FramingError`, after which the framer is of no more use."""
        frames: list[Frame] = []
        try:
            for line, end in self._lines(data):
                frame = self._read_line(line, end)
                if frame is not None:
                    frames.append(frame)
        except FramingError as error:
            error.frames = tuple(frames)
            raise
        return frames

    def _lines(self, data: bytes) -> Iterator[tuple[bytes, int]]:
        """(line, offset in the body after the first byte of its line end) of each line that `data` completes."""
        base = self.fed_bytes
        self.fed_bytes += len(data)
        begin = 0
        if self._after_cr and data:
            # A CR ended its line at once, when nobody knew yet whether an LF belongs to it.
            self._after_cr = False
            begin = int(data.startswith(b"\n"))
        # Without a CR both patterns find the same ends, the literal one in a third of the time.
        line_end = self._line_end if b"\r" in data else _NEWLINE
        for match in line_end.finditer(data, begin):
            stop = match.start()
            line = data[begin:stop]
            if self._open_line:
                line = self._take_open_line() + line
            if len(line) > FRAME_LIMIT_BYTES:
                raise FramingError(_ENDLESS)
            yield line, base + stop + 1
            begin = match.end()
        if begin < len(data):
            self._open_line.append(data[begin:])
            self._open_bytes += len(data) - begin
            if self._open_bytes > FRAME_LIMIT_BYTES:
                raise FramingError(_ENDLESS)
        elif data:
            self._after_cr = data.endswith(b"\r")

    def _take_open_line(self) -> bytes:
        line = b"".join(self._open_line)
        self._open_line.clear()
        self._open_bytes = 0
        return line

    @property
    def idle(self) -> bool:
        """Whether nothing is held, so that what comes next stands for itself."""
        return not (self._open_line or self._after_cr)

    def skip(self, size: int) -> None:
        """Count bytes that somebody else has read while it was idle."""
        self.fed_bytes += size

    @abstractmethod
    def _read_line(self, line: bytes, end: int) -> Frame | None:
        """The frame that this line completes, if it completes one."""

    @abstractmethod
    def close(self) -> list[Frame]:
        """The frames that the end of the body completes. What was cut off in the middle is none."""


class Sse(Framer):
    """Server-sent events by the WHATWG rules (HTML, "Interpreting an event stream"), with what these leave out: names,
    comments, stray lines.
    """

    _line_end = re.compile(rb"\r\n?|\n")

    def __init__(self) -> None:
        super().__init__()
        self._data: list[bytes] = []
        self._event = b""
        self._comments: list[bytes] = []
        self._stray: list[bytes] = []
        self._event_bytes = 0
        self._aside_bytes = 0
        self._at_start = True
        self._at_event = True
        """Nothing of an event is held."""

    @property
    def idle(self) -> bool:
        return self._at_event and super().idle

    def feed(self, data: bytes) -> list[Frame]:
        if self._is_one_event(data):
            self._at_start = False
            self.fed_bytes += len(data)
            return [Frame(data[6:-2], self.fed_bytes)]
        return super().feed(data)

    def _is_one_event(self, data: bytes) -> bool:
        """Whether `data` is the usual `data: …` with its blank line, with nothing held before it; read in half the time."""
        return (
            data.find(b"\n") == len(data) - 2
            and data.startswith(b"data: ")
            and data.endswith(b"\n")
            and b"\r" not in data
            and len(data) <= FRAME_LIMIT_BYTES
            and self.idle
        )

    def _read_line(self, line: bytes, end: int) -> Frame | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            return None if self._at_event else self._take_event(end)
        self._at_event = False
        if line.startswith(b"data:"):
            self._hold(line, line[6:] if line.startswith(b"data: ") else line[5:])
        elif line == b"data":
            self._hold(line, b"")
        elif line.startswith(b"event:"):
            self._event = line[6:].strip()[:ASIDE_LIMIT_BYTES]
        elif line.startswith(b":"):
            self._hold_aside(self._comments, line[1:].strip())
        elif not _OTHER_FIELD.match(line):
            self._hold_aside(self._stray, line)
        return None

    def _hold(self, line: bytes, value: bytes) -> None:
        self._event_bytes += len(line)
        if self._event_bytes > FRAME_LIMIT_BYTES:
            raise FramingError(_ENDLESS)
        self._data.append(value)

    def _hold_aside(self, held: list[bytes], line: bytes) -> None:
        """Hold a line that is no data; of many only the first."""
        if line and self._aside_bytes + len(line) <= ASIDE_LIMIT_BYTES:
            self._aside_bytes += len(line)
            held.append(line)

    def _take_event(self, end: int) -> Frame | None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        frame = Frame(data, end, self._event, b"\n".join(self._comments), b"\n".join(self._stray))
        found = self._data or self._event or self._comments or self._stray
        self._data, self._event, self._comments, self._stray = [], b"", [], []
        self._event_bytes = self._aside_bytes = 0
        self._at_event = True
        return frame if found else None

    def close(self) -> list[Frame]:
        """An event without its blank line counts if its data is whole: a JSON object, or the marker `[DONE]`, which
        clients that read line by line end at.

        What was cut short is dropped, but for stray lines: what a server says last is often all that it says.
        """
        line, end = self._take_open_line(), self.fed_bytes
        if line:
            self._read_line(line, end)
        frame = None if self._at_event else self._take_event(end)
        if frame is None:
            return []
        if frame.event or DONE.fullmatch(frame.data.strip(b' "')) or _is_whole(frame.data):
            return [frame]
        return [frame._replace(data=b"")] if frame.comment or frame.stray else []


class Ndjson(Framer):
    """One JSON value a line; blank lines are left out."""

    _line_end = _NEWLINE

    def _read_line(self, line: bytes, end: int) -> Frame | None:
        line = line.strip()
        return Frame(line, end) if line else None

    def close(self) -> list[Frame]:
        """A last line without its line end counts if it is a whole JSON object: what is cut short was truncated, not garbled."""
        line = self._take_open_line().strip()
        return [Frame(line, self.fed_bytes)] if _is_whole(line) else []


def _is_whole(data: bytes) -> bool:
    """Whether it is a JSON object, or a list, from its beginning to its end."""
    try:
        return isinstance(parse(data), dict | list)
    except FrameError:
        return False


def framer(framing: Framing) -> Framer:
    """A fresh framer for one body."""
    return Sse() if framing == "sse" else Ndjson()

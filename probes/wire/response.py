"""One HTTP/1.1 response, parsed as it arrives: status, a few headers, body pieces, the end.

Read as leniently as curl and the `openai` package read, where llhttp has a flag for it: a `Content-Length` beside
chunks, line feeds without their carriage return, blanks behind a chunk's size, headers that are folded or have odd
characters.
"""

from __future__ import annotations

import re

import httptools

HEAD_LIMIT = 65_536
"""Bytes that a response head, its informational ones included, may have."""


_CHUNKED = re.compile(rb"[, \t]*\bchunked\b[, \t]*", re.IGNORECASE)
_CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})\r\n")
_HEAD_END = re.compile(rb"\n\r?\n")
_LENGTH = re.compile(rb"^content-length:[ \t]*([0-9][0-9, \t]*)\r?(?:\n|\Z)", re.IGNORECASE | re.MULTILINE)


_OTHERS = (
    ("HTTP/2", re.compile(rb"\0[\0-\xff]{2}\x04[\0\x01]\0{4}")),  # a SETTINGS frame, with which every server begins (RFC 9113, 3.4)
    ("TLS", re.compile(rb"\x15\x03[\0-\x04]\0\x02")),  # an alert (RFC 8446, 6)
)
"""What servers speak that expect something else than HTTP/1.1, by their first bytes."""


class ResponseError(Exception):
    """The bytes are no HTTP/1.1 response; the text says why."""


class Response:
    """Feeds llhttp and keeps what a chat needs. Informational (1xx) heads are skipped.

    Of `content_type` and `content_encoding` there may be several, separated by commas. `body_is_last` says that nothing
    stood behind the body's last bytes in what was fed last, so that it was they that ended a segment: the end of the
    message, or the next chunk's size, may have come in one of its own.
    """

    __slots__ = (
        "_body", "_chunk_is_over", "_framing", "_head", "_is_between_chunks", "_parser", "body_is_last", "complete", "content_encoding",
        "content_type", "headed", "location", "reusable", "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self.status: int | None = None
        self.content_type = ""
        self.content_encoding = ""
        self.location = ""
        self.headed = False
        self.complete = False
        self.reusable = False
        self.body_is_last = False
        self._framing: set[bytes] = set()
        self._body: list[bytes] = []
        self._head = b""
        self._chunk_is_over = self._is_between_chunks = False
        self._parser = self._new_parser()

    @property
    def until_closed(self) -> bool:
        """Whether the body has no length and no chunks, so that it ends properly with the connection."""
        return b"chunked" not in self._framing and self._framing != {b"length"}

    def _new_parser(self) -> httptools.HttpResponseParser:
        parser = httptools.HttpResponseParser(self)
        parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_transfer_encoding=True,
            lenient_version=True,
            lenient_data_after_close=True,
            lenient_optional_cr_before_lf=True,
            lenient_optional_lf_after_cr=True,
            lenient_spaces_after_chunk_size=True,
        )
        return parser

    def feed(self, data: bytes) -> bytes:
        """The body bytes in `data`. Raises `ResponseError`."""
        if self._is_between_chunks and (body := _of_whole_chunks(data)):
            self.body_is_last = True
            return body
        try:
            if self.headed:
                self._parser.feed_data(data)
            else:
                self._feed_head(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                spoken = next((name for name, sign in _OTHERS if not self.headed and sign.match(self._head)), None)
                raise ResponseError(f"not an HTTP/1.1 response{f', but {spoken}' if spoken else ''}: {error}") from error
            self.reusable = False
        except httptools.HttpParserUpgrade as error:
            raise ResponseError("the server switched to another protocol") from error
        body = b"".join(self._body)
        self._body.clear()
        ends_chunk = data.endswith(body[-8:] + b"\r\n")
        self.body_is_last = ends_chunk or data.endswith(body[-8:])
        self._is_between_chunks = self._chunk_is_over and ends_chunk and bool(body) and not self.complete
        return body

    def _feed_head(self, data: bytes) -> None:
        self._head += data
        self._parse(data)
        if self.headed:
            self._head = b""
        elif len(self._head) > HEAD_LIMIT:
            raise ResponseError(f"a response head of more than {HEAD_LIMIT} bytes")

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self.headed or not _has_several_lengths(self._head):
                raise
            if _HEAD_END.search(self._head) is None:
                return  # the rest of the head will tell whether they are the same
            repaired = with_one_length(self._head)
            if repaired is None:
                raise
            self._forget_headers()
            self._parser = self._new_parser()
            self._parser.feed_data(repaired)

    def _forget_headers(self) -> None:
        self.content_type = self.content_encoding = self.location = ""
        self._framing.clear()

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.headed:
            return
        match name.strip().lower():
            case b"content-type":
                self.content_type = _joined(self.content_type, value)
            case b"content-encoding":
                self.content_encoding = _joined(self.content_encoding, value)
            case b"location":
                self.location = value.decode("latin-1")
            case b"content-length":
                self._framing.add(b"length")
            case b"transfer-encoding":
                self._framing.add(b"chunked" if b"chunked" in value.lower() else b"other")
                # a coding besides (RFC 9112, 7) lies over those of the content
                self.content_encoding = _joined(self.content_encoding, _CHUNKED.sub(b"", value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.headed:
            return
        if 100 <= status < 200:
            self._forget_headers()
            return
        self.status = status
        self.headed = True

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self._body.append(body)

    def on_chunk_header(self) -> None:
        self._chunk_is_over = False

    def on_chunk_complete(self) -> None:
        self._chunk_is_over = True

    def on_message_complete(self) -> None:
        if self.headed and not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()


def _of_whole_chunks(data: bytes) -> bytes:
    """The body bytes of data that is nothing but whole chunks, and not the last one; empty if it may be anything else.

    Servers mostly send each event as a chunk of its own. llhttp stands between two chunks before and after them alike,
    so that it need not see them, which takes twice as long.
    """
    bodies = []
    place, size = 0, len(data)
    while place < size:
        head = _CHUNK_HEAD.match(data, place)
        if head is None:
            return b""
        begin = head.end()
        end = begin + int(head[1], 16)
        place = end + 2
        if end == begin or data[end:place] != b"\r\n":
            return b""
        bodies.append(data[begin:end])
    return bodies[0] if len(bodies) == 1 else b"".join(bodies)


def _joined(before: str, value: bytes) -> str:
    """A header that may come more than once, as one (RFC 9110, 5.3)."""
    return ", ".join(filter(None, (before, value.decode("latin-1").strip())))


def _has_several_lengths(head: bytes) -> bool:
    lengths = _LENGTH.findall(head)
    return len(lengths) > 1 or any(b"," in length for length in lengths)


def with_one_length(head: bytes) -> bytes | None:
    """The head with one `Content-Length` where it has the same several times, as proxies make it (RFC 9112, 6.3), which
    llhttp takes for an error; else None.

    What stands behind the head stays as it is.
    """
    end = _HEAD_END.search(head)
    if end is None:
        return None
    fields, rest = head[: end.end()], head[end.end() :]
    lengths: set[bytes] = {length.strip() for value in _LENGTH.findall(fields) for length in value.split(b",")}
    if len(lengths) != 1:
        return None
    status_line, _, others = fields.partition(b"\n")
    return status_line + b"\nContent-Length: " + lengths.pop() + b"\r\n" + _LENGTH.sub(b"", others) + rest

"""What the body of an answer is: a stream, compressed or not, or the words of a refusal."""

from __future__ import annotations

from probes.backends.base import Framing, WireForm
from probes.wire.encoding import Inflater
from probes.wire.response import Response

WORDS_LIMIT = 65_536
"""Bytes that are kept of an answer that is no stream."""
INFLATED_LIMIT = 4 * 1024 * 1024
"""Bytes that one read of a compressed answer may inflate to: so many hold up the other chats for about 10 ms."""

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


class Answer:
    """Takes the bytes of a body in order, once the head of its answer has come (`begin`).

    `is_stream` is None until it is known. `is_plain` says of a stream that its bytes need no inflating, so that they need not go through here.
    `words` are the first of an answer that is no stream, and what came before it was known to be one.
    """

    __slots__ = ("_form", "_inflater", "is_plain", "is_stream", "words")

    def __init__(self, form: WireForm) -> None:
        self.is_stream: bool | None = None
        self.is_plain = False
        self.words = b""
        self._form = form
        self._inflater = Inflater("")

    @property
    def is_refusal(self) -> bool:
        """It is no stream: its status is known, only the words are missing."""
        return self.is_stream is False

    @property
    def has_all_words(self) -> bool:
        """No more of them are kept."""
        return len(self.words) == WORDS_LIMIT

    @property
    def coding(self) -> str | None:
        """The content coding that is undone; None without one."""
        return self._inflater.coding

    def begin(self, response: Response) -> None:
        """Take in what the head tells. Raises `EncodingError` for more codings over each other than are undone."""
        media_types = [one.partition(";")[0].strip().lower() for one in response.content_type.split(",")]
        if not (response.status and 200 <= response.status < 300):
            self.is_stream = False
        elif self._form.content_type in media_types:
            self.is_stream = True
        if response.content_encoding:
            self._inflater = Inflater(response.content_encoding)

    def read(self, body: bytes) -> bytes:
        """Those bytes of the stream that are known with these: none of a refusal. Raises `EncodingError`."""
        if self._inflater.coding is not None:
            body = self._inflater.inflate(body, INFLATED_LIMIT)
        if self.is_stream is None:
            body, self.words = self.words + body, b""
            self.is_stream = begins_stream(self._form.framing, body)
        self.is_plain = self.is_stream is True and self._inflater.coding is None
        if self.is_stream:
            return body
        self.words = (self.words + body)[:WORDS_LIMIT]
        return b""

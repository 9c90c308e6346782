"""One HTTP/1.1 response, parsed as it arrives: status, content type, body pieces, the end."""

from __future__ import annotations

import httptools

HEAD_LIMIT = 65_536
"""Bytes that a response head, its informational ones included, may have."""


class ResponseError(Exception):
    """The bytes are no HTTP/1.1 response; the text says why."""


class Response:
    """Feeds llhttp and keeps what a chat needs. Informational (1xx) heads are skipped."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.content_type = ""
        self.headed = False
        self.complete = False
        self.reusable = False
        self._body: list[bytes] = []
        self._head_bytes = 0
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """The body bytes in `data`. Raises `ResponseError`."""
        if not self.headed:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            if not self.complete:
                raise ResponseError(f"not an HTTP/1.1 response: {error}") from error
            self.reusable = False
        except httptools.HttpParserUpgrade as error:
            raise ResponseError("the server switched to another protocol") from error
        if not self.headed and self._head_bytes > HEAD_LIMIT:
            raise ResponseError(f"a response head of more than {HEAD_LIMIT} bytes")
        body = self._body
        if len(body) == 1:
            data = body[0]
        elif body:
            data = b"".join(body)
        else:
            return b""
        body.clear()
        return data

    # llhttp's callbacks

    def on_message_begin(self) -> None:
        if self.complete:
            self.reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-type" and not self.headed:
            self.content_type = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self.headed or 100 <= status < 200:
            return
        self.status = status
        self.headed = True

    def on_body(self, body: bytes) -> None:
        if not self.complete:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self.headed and not self.complete:
            self.complete = True
            self.reusable = self._parser.should_keep_alive()

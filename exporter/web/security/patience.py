"""How long a connection may keep the server waiting.

aiohttp bounds the size of a request's head, and how long a connection may be idle between requests. It has no bound for a head that comes a byte at a
time (slowloris), nor for an answer that is not taken. Those are here, around each of its protocols.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

HEAD_SECONDS = 10.0
"""From a connection's start, or the first byte of another request, to the end of the request's head."""
BODY_SECONDS = 10.0
WRITE_SECONDS = 30.0
"""In which a client takes some of an answer that waits for it."""
LEAST_BYTES = 16 * 1024
"""Of an answer that waits, it takes so much in that time, or the connection is cut."""


class PatientProtocol(asyncio.Protocol):
    """Hands everything on to the protocol of the server, and cuts the connection where it waits for too long.

    `admitted` looks at a connection once it stands, TLS included: one that it does not want is cut. `closed` is called at its end.
    """

    def __init__(
        self,
        inner: asyncio.Protocol,
        loop: asyncio.AbstractEventLoop,
        admitted: Callable[[asyncio.BaseTransport], bool],
        closed: Callable[[PatientProtocol], None],
    ) -> None:
        self._inner, self._loop, self._admitted, self._closed = inner, loop, admitted, closed
        self._transport: asyncio.Transport | None = None
        self._let_in = False
        self._answering = 0
        self._head: asyncio.TimerHandle | None = None
        self._write: asyncio.TimerHandle | None = None
        self.idle_since = loop.time()

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        return self._answering == 0

    def cut(self) -> None:
        """End the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def request_began(self) -> None:
        """A request's head is whole: it is being answered."""
        self._answering += 1
        _cancel(self._head)
        self._head = None

    def request_ended(self) -> None:
        """It was answered."""
        self._answering -= 1
        self.idle_since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self._admitted(transport):
            self._transport.abort()
            return
        self._let_in = True
        self._inner.connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        if not self._let_in:
            return
        self._inner.data_received(data)
        if self.idle:
            self._await_head()

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._let_in else None

    def pause_writing(self) -> None:
        self._inner.pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        _cancel(self._write)
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._head)
        _cancel(self._write)
        self._closed(self)
        if self._let_in:
            self._inner.connection_lost(exc)

    def _await_head(self) -> None:
        if self._head is None:
            self._head = self._loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head = None
        if self.idle:
            self.cut()

    def _await_taking(self) -> None:
        assert self._transport is not None
        waiting = self._transport.get_write_buffer_size()
        self._write = self._loop.call_later(WRITE_SECONDS, self._look_whether_taken, waiting)

    def _look_whether_taken(self, waited_before: int) -> None:
        assert self._transport is not None
        if self._transport.get_write_buffer_size() > waited_before - LEAST_BYTES:
            self.cut()
        else:
            self._await_taking()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

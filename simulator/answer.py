"""One HTTP answer, written byte for byte, each write stamped into the ground truth."""

from __future__ import annotations

import socket
import struct

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from simulator.clock import Clock
from simulator.dialect import Group
from simulator.truth import ChatTruth, Write

END_OF_CHUNKS = b"0\r\n\r\n"


def chunk(payload: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


class Answer(web.StreamResponse):
    """What is written here goes to the socket as it stands: aiohttp adds no head and no framing of its own.

    `closing` is whether the connection ends with this answer, `sent_status` the status of the head once it is known,
    `content_length_sent` the length of a body that is no stream.
    """

    def __init__(self, request: web.BaseRequest, clock: Clock, truth: ChatTruth | None) -> None:
        super().__init__()
        if request.transport is None:
            raise ConnectionResetError("the client went away")
        self._transport = request.transport
        self._writer = request.writer
        self._clock = clock
        self._truth = truth
        self.closing = not request.keep_alive
        self.sent_status: int | None = None
        self.content_length_sent = 0

    @property
    def keep_alive(self) -> bool:
        return not self.closing

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing: the head has been written, or the connection is gone."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing: the end has been written."""

    def send(self, data: bytes, *kinds: str, tokens: int = 0, due_ns: int | None = None) -> None:
        """Hand bytes to the kernel in one write. Raises `ConnectionResetError` if the client has gone."""
        if self._transport.is_closing():
            raise ConnectionResetError("the client went away")
        before_ns = self._clock.now_ns()
        self._transport.write(data)
        after_ns = self._clock.now_ns()
        if self._truth is not None:
            unsent = self._transport.get_write_buffer_size()
            self._truth.note(Write(before_ns, after_ns, len(data), kinds, tokens, due_ns, unsent))

    def send_head(self, status: int, head: bytes, body: bytes = b"") -> None:
        """Send the response head, with the body of an answer that is no stream."""
        self._note_status(status)
        self.send(head + body, "head", *(["body"] if body else []))

    def _note_status(self, status: int) -> None:
        self.sent_status = status
        if self._truth is not None:
            self._truth.status = status

    def send_group(self, group: Group, due_ns: int | None, head: bytes = b"") -> None:
        """Send frames as one write, each in a chunk of its own, behind the head of a 200 if it has not been sent."""
        if head:
            self._note_status(200)
        kinds = [frame.kind for frame in group]
        data = head + b"".join([chunk(frame.payload) for frame in group])
        self.send(data, *(["head"] if head else []), *kinds, tokens=sum(frame.tokens for frame in group), due_ns=due_ns)

    async def drain(self) -> None:
        """Wait until a client that reads slowly has caught up."""
        await self._writer.drain()

    def close(self) -> None:
        """End the connection (FIN) once what was written is out."""
        self.closing = True
        self._transport.close()

    def reset(self) -> None:
        """End the connection with a reset (RST)."""
        self.closing = True
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

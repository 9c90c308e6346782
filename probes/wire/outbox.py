"""What the worker has to tell the main process, in the order in which it came up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from probes.wire.channel import FromWorker, Reads, encode
from probes.wire.packed import Packed

TOLD_BYTES = 16_384
"""Between two polls as many messages are told as fill this: one chat that was held until its end, or the reads of fifty that are watched."""


class Outbox:
    """Tells between two polls, and more at once the more waits, while the channel is not `full`.

    A wave of chats that end must not hold the loop, so it is told one by one. But where many are watched, each poll brings reads of several: with
    one message between two polls they would pile up, and new chats, which wait for their turn behind them, would not begin. And where the main
    process does not keep up, a chat's reads wait for each other here, and are one message: there are a few messages for each chat at most, of as
    many bytes as its answer.
    """

    def __init__(self, later: Callable[[Callable[[], None]], None], send: Callable[[bytes], None], full: Callable[[], bool]) -> None:
        self._later = later
        self._send = send
        self._full = full
        self._waiting: deque[Callable[[], FromWorker]] = deque()
        self._reads: dict[int, Packed] = {}
        self._scheduled = False

    def put(self, message: Callable[[], FromWorker]) -> None:
        """Have it made when it is told."""
        self._waiting.append(message)
        self.go_on()

    def put_reads(self, number: int, reads: Packed) -> None:
        """Those of a chat, with others of it that were not told yet."""
        held = self._reads.get(number)
        if held is not None:
            held.bodies += reads.bodies
            held.rows += reads.rows
            return
        self._reads[number] = reads
        self.put(lambda: Reads.pack(number, self._reads.pop(number)))

    def go_on(self) -> None:
        """Tell what waits, if the channel takes it; to be called when it does so again."""
        if self._waiting and not self._scheduled and not self._full():
            self._scheduled = True
            self._later(self._tell)

    def _tell(self) -> None:
        self._scheduled = False
        told = b""
        while self._waiting and len(told) < TOLD_BYTES:
            told += encode(self._waiting.popleft()())
        self._send(told)
        self.go_on()

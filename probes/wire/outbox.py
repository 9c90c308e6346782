"""What the worker has to tell the main process, in the order in which it came up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from probes.wire.channel import FromWorker, encode

TOLD_BYTES = 16_384
"""Between two polls as many messages are told as fill this: one chat that was held until its end, or the reads of fifty that are watched."""


class Outbox:
    """Tells between two polls, and more at once the more waits.

    A wave of chats that end must not hold the loop, so it is told one by one. But where many are watched, each poll brings reads of several: with
    one message between two polls they would pile up, and new chats, which wait for their turn behind them, would not begin.
    """

    def __init__(self, later: Callable[[Callable[[], None]], None], send: Callable[[bytes], None]) -> None:
        self._later = later
        self._send = send
        self._waiting: deque[Callable[[], FromWorker]] = deque()

    def put(self, message: Callable[[], FromWorker]) -> None:
        """Have it made when it is told."""
        self._waiting.append(message)
        if len(self._waiting) == 1:
            self._later(self._tell)

    def _tell(self) -> None:
        told = b""
        while self._waiting and len(told) < TOLD_BYTES:
            told += encode(self._waiting.popleft()())
        if self._waiting:
            self._later(self._tell)
        self._send(told)

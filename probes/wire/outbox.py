"""What the worker has to tell the main process, in the order in which it came up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.wire.channel import FromWorker, Reads, encode
from probes.wire.packed import Packed, joined

MOST_BYTES = 32 * 1024 * 1024
"""Reads that may wait for the main process, of all chats together. Beyond, each chat that brings more is read no further until its own were told, and
there is room again.
"""
CHAT_BYTES = 256 * 1024
"""The same of one chat, so that no message is much larger."""
TOLD_BYTES = 16_384
"""Between two polls as many messages are told as fill this: one chat that was held until its end, or the reads of fifty that are watched."""


@dataclass(slots=True)
class _Held:
    """A chat's reads as they were handed over: to put them together only once leaves no holes in the memory."""

    parts: list[Packed] = field(default_factory=list)
    size: int = 0


class Outbox:
    """Tells between two polls, and more at once the more waits, while the channel is not `full`.

    A wave of chats that end must not hold the loop, so it is told one by one. But where many are watched, each poll brings reads of several: with
    one message between two polls they would pile up, and new chats, which wait for their turn behind them, would not begin. And where the main
    process does not keep up, a chat's reads wait for each other here, and are one message: there are a few messages for each chat at most. What
    waits is bounded: what chats bring beyond that has to wait in their sockets, where the kernel has stamped it.
    """

    def __init__(
        self,
        later: Callable[[Callable[[], None]], None],
        send: Callable[[bytes], None],
        full: Callable[[], bool],
        has_room: Callable[[int], None],
    ) -> None:
        """`has_room` hears of each chat that was to be read no further, by its number, once it may be."""
        self._later = later
        self._send = send
        self._full = full
        self._has_room = has_room
        self._waiting: deque[Callable[[], FromWorker]] = deque()
        self._reads: dict[int, _Held] = {}
        self._bytes = 0
        self._held_up: set[int] = set()
        self._told: deque[int] = deque()
        self._scheduled = False

    def put(self, message: Callable[[], FromWorker]) -> None:
        """Have it made when it is told."""
        self._waiting.append(message)
        self.go_on()

    def put_reads(self, number: int, reads: Packed) -> bool:
        """Those of a chat, with others of it that were not told yet. False if the chat is to be read no further until there is room."""
        held = self._reads.get(number)
        if held is None:
            held = self._reads[number] = _Held()
            self.put(lambda: self._message(number))
        held.parts.append(reads)
        held.size += reads.size
        self._bytes += reads.size
        if self._bytes <= MOST_BYTES and held.size <= CHAT_BYTES:
            return True
        self._held_up.add(number)
        return False

    def _message(self, number: int) -> Reads:
        held = self._reads.pop(number)
        self._bytes -= held.size
        if number in self._held_up:
            self._held_up.remove(number)
            self._told.append(number)
        while self._told and self._bytes <= MOST_BYTES:
            self._has_room(self._told.popleft())
        return Reads.pack(number, joined(held.parts))

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

"""Puts what traffic tells of one block in its place in the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.chat import Chat, Place, chat_of
from bench.events import ChatEnded, Listener, Unsent
from bench.level import Block
from probes.record import ChatRecord
from traffic.events import Event, Skip
from traffic.schedule import NANOSECONDS, Clock
from traffic.success import skip_succeeded


class Ledger:
    """The sink of one block. It begins with the block's load.

    A chat that was due and was not sent because of its engine becomes a chat too, an attempt that was not good. Chats that
    were not sent for another reason are told by their number alone.
    """

    def __init__(self, block: Block, models: Mapping[str, str], clock: Clock, tell: Listener, ended: Callable[[Chat], None]) -> None:
        """`models` are what the targets are chatted with, by their names. `ended` is told each chat before the listener is."""
        self._tell_ended = ended
        self._block = block
        self._models = models
        self._tell = tell
        self._start_ns = clock.monotonic_ns()
        self._start_epoch_seconds = clock.epoch_seconds()
        self._closed = False
        self.chats: list[Chat] = []

    @property
    def start_ns(self) -> int:
        """When the load began, on the monotonic clock."""
        return self._start_ns

    def since_seconds(self, at_ns: int) -> float:
        """An instant of the monotonic clock, counted from the begin of the load."""
        return (at_ns - self._start_ns) / NANOSECONDS

    def close(self) -> None:
        """Take nothing more: a run that is stopped at once waits for no chat."""
        self._closed = True

    def __call__(self, event: Event) -> None:
        if self._closed:
            return
        match event:
            case ChatRecord():
                place = self._place(self.since_seconds(event.started_ns))
                self._ended(chat_of(event, place, cut=event.outcome == "cancelled"), event)
            case Skip() if skip_succeeded(event.reason) is False:
                place = self._place(event.at - self._start_epoch_seconds)
                chat = Chat(target=event.target, place=place, outcome="unsent", reason=event.reason, model=self._models.get(event.target, ""))
                for _ in range(event.count):
                    self._ended(chat, None)
            case Skip():
                self._tell(Unsent(event.target, self._block, event.reason, event.count, event.at))

    def _ended(self, chat: Chat, record: ChatRecord | None) -> None:
        self.chats.append(chat)
        self._tell_ended(chat)
        self._tell(ChatEnded(chat, record))

    def _place(self, since_seconds: float) -> Place:
        block = self._block
        return Place(block.level, block.round, block.number, since_seconds, warm_up=since_seconds < block.warm_up_seconds)

"""The times between two scrapes of one process in which nobody but chatprobe used it: what it says of them, it says of our chats."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.native.families import start_seconds
from exporter.native.scrape import Scraped
from probes.numbers.number import Number
from probes.numbers.page import amount, histogram
from probes.record import ChatRecord
from traffic.schedule import NANOSECONDS

SETTLED_AFTER_NS = NANOSECONDS // 10
"""An engine may count a token a little after it has sent it: by then it has."""
CHATS_KEPT = 10_000
"""Of one process, between three scrapes. Where there are more, the engine has counted more than are known, and the window tells nothing."""

_NOW = (Number.REQUESTS_RUNNING, Number.REQUESTS_WAITING)


@dataclass(frozen=True, slots=True)
class Window:
    """So many chats with a model had their first token; `client_seconds` is the sum of their TTFT, `engine_seconds` the engine's for the same."""

    model: str
    chats: int
    client_seconds: float
    engine_seconds: float


@dataclass(frozen=True, slots=True)
class _Chat:
    model: str
    sent_ns: int
    ended_ns: int
    ttft_seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """What matters of one scrape. `idle`: no request was in the engine."""

    began_ns: int
    ended_ns: int
    start: float | None
    idle: bool
    first_tokens: float
    ttft_seconds: float

    def meets(self, chat: _Chat) -> bool:
        """Whether the chat was open, or hardly over, while the engine told what it had counted: it may have counted the chat or not."""
        return chat.sent_ns <= self.ended_ns and chat.ended_ns + SETTLED_AFTER_NS >= self.began_ns


class Windows:
    """The windows of one process, each told at the scrape after it, when the records of its chats have come.

    A window tells nothing unless the engine was idle at both of its scrapes, none of our chats was open at either, its counters did not begin
    anew, and it counted exactly as many first tokens as our chats had. That they are equal is proof: a chat of ours that bore a token is always
    counted by the engine, so whoever else had one, or a chat of which nothing is known yet, makes the engine's number the larger one.
    """

    def __init__(self) -> None:
        self._chats: deque[_Chat] = deque(maxlen=CHATS_KEPT)
        self._looks: deque[Look] = deque(maxlen=2)

    def chat(self, record: ChatRecord) -> None:
        """A chat of ours has ended."""
        if record.sent_ns is not None and record.ttft_seconds is not None:
            self._chats.append(_Chat(record.model, record.sent_ns, record.ended_ns, record.ttft_seconds))

    def take(self, newest: Look) -> Window | None:
        """A scrape; gives the window between the two before it, if it tells something."""
        found = self._between(*self._looks) if len(self._looks) == 2 else None
        self._looks.append(newest)
        first = self._looks[0]
        self._chats = deque((chat for chat in self._chats if first.meets(chat) or chat.sent_ns > first.ended_ns), CHATS_KEPT)
        return found

    def _between(self, first: Look, last: Look) -> Window | None:
        if not (first.idle and last.idle) or first.start is None or first.start != last.start:
            return None
        if any(one.meets(chat) for one in (first, last) for chat in self._chats):
            return None
        chats = [chat for chat in self._chats if first.ended_ns < chat.sent_ns < last.began_ns]
        engine_seconds = last.ttft_seconds - first.ttft_seconds
        if not chats or last.first_tokens - first.first_tokens != len(chats) or engine_seconds < 0 or not _alike(chats):
            return None
        return Window(chats[0].model, len(chats), sum(chat.ttft_seconds for chat in chats), engine_seconds)


def look(scraped: Scraped) -> Look | None:
    """None of an engine that does not count first tokens."""
    ttft = histogram(scraped.numbers, Number.TTFT)
    if ttft is None:
        return None
    idle = all(amount(scraped.numbers, gauge) == 0 for gauge in _NOW)
    return Look(scraped.began_ns, scraped.ended_ns, start_seconds(scraped.families), idle, ttft.count, ttft.total)


def _alike(chats: Sequence[_Chat]) -> bool:
    """Whether all are with one model."""
    return len({chat.model for chat in chats}) == 1

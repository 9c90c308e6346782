"""Windows between two scrapes in which all requests of a process were chatprobe's.

What the engine's sums grew by in such a window is the engine's figure for chatprobe's own chats.
"""

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
"""An engine may count a token a little after it has sent it. After this time it has."""
CHATS_KEPT = 10_000
"""Chats of one process that are kept, between three scrapes.

With more chats than this the engine has counted more than are known, so that the window tells nothing.
"""

_NOW = (Number.REQUESTS_RUNNING, Number.REQUESTS_WAITING)


@dataclass(frozen=True, slots=True)
class Window:
    """Chats with one model that had their first token in a window.

    `client_seconds` is the sum of their TTFT, and `engine_seconds` the engine's sum for the same chats.
    """

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
    """What matters of one scrape. `idle` says that no request was in the engine."""

    began_ns: int
    ended_ns: int
    start: float | None
    idle: bool
    first_tokens: float
    ttft_seconds: float

    def meets(self, chat: _Chat) -> bool:
        """Whether the chat was open, or hardly over, during the scrape.

        Of such a chat it is not known whether the engine had counted it.
        """
        return chat.sent_ns <= self.ended_ns and chat.ended_ns + SETTLED_AFTER_NS >= self.began_ns


class Windows:
    """The windows of one process. Each is told at the scrape after it, when the records of its chats have come.

    A window tells something only if all of this holds:

    - The engine was idle at both of its scrapes, and none of our chats was open at either.
    - The process did not restart between them.
    - The engine counted exactly as many first tokens as our chats had.

    Equal counts prove that nobody else had a chat: the engine counts each of ours that bore a token, so a chat of
    anybody else, or one whose record has not come yet, makes the engine's count the larger one.
    """

    def __init__(self) -> None:
        self._chats: deque[_Chat] = deque(maxlen=CHATS_KEPT)
        self._looks: deque[Look] = deque(maxlen=2)

    def add_chat(self, record: ChatRecord) -> None:
        """Take a chat of ours that has ended."""
        if record.sent_ns is not None and record.ttft_seconds is not None:
            self._chats.append(_Chat(record.model, record.sent_ns, record.ended_ns, record.ttft_seconds))

    def add_look(self, newest: Look) -> Window | None:
        """Take a scrape. Gives the window between the two scrapes before it, if that tells something."""
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
    """What matters of a scrape; None of an engine that does not count first tokens."""
    ttft = histogram(scraped.numbers, Number.TTFT)
    if ttft is None:
        return None
    idle = all(amount(scraped.numbers, gauge) == 0 for gauge in _NOW)
    return Look(scraped.began_ns, scraped.ended_ns, start_seconds(scraped.families), idle, ttft.count, ttft.total)


def _alike(chats: Sequence[_Chat]) -> bool:
    """Whether all chats are with one model."""
    return len({chat.model for chat in chats}) == 1

"""The last chats, in bounded memory: a busy target pushes out no quiet one, and successes no failure."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter

from exporter.history.kept import Kept, Wanted

OVERHEAD_BYTES = 250
"""What a chat takes in memory beside its JSON."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much is held at most: of failures half of it, and of successes the other half."""

    chats: int = 20_000
    megabytes: int = 48

    @property
    def half_chats(self) -> int:
        """How many chats of one kind."""
        return self.chats // 2

    @property
    def half_bytes(self) -> int:
        """How many bytes of one kind."""
        return self.megabytes * 1_000_000 // 2


class Ring:
    """Holds the last chats of each target and scenario. Where there is no more room, the one that takes most gives up its oldest."""

    def __init__(self, room: Room) -> None:
        self._halves = {failed: _Half(room.half_chats, room.half_bytes) for failed in (False, True)}

    def add(self, kept: Kept) -> None:
        """Hold a chat. It is newer than all that are held."""
        self._halves[kept.failed].add(kept)

    def restore(self, earlier: Iterable[Kept]) -> None:
        """Hold chats that are older than all that are held, newest first, as far as there is room."""
        for kept in earlier:
            self._halves[kept.failed].restore(kept)

    def forget_before(self, at: float) -> None:
        """Forget chats that became known before that instant, in seconds since the epoch."""
        for half in self._halves.values():
            half.forget_before(at)

    def newest_first(self, wanted: Wanted) -> list[Kept]:
        """The chats that are asked for."""
        shelves = [shelf for half in self._halves.values() for shelf in half.shelves(wanted)]
        merged = heapq.merge(*(reversed(shelf.chats) for shelf in shelves), key=attrgetter("number"), reverse=True)
        return list(islice(filter(wanted.includes, merged), wanted.limit))

    def get(self, number: int) -> Kept | None:
        """The chat with this number; None where it is not held."""
        shelves = (shelf for half in self._halves.values() for shelf in half.shelves(Wanted()))
        return next((kept for shelf in shelves for kept in shelf.chats if kept.number == number), None)


@dataclass(slots=True)
class _Shelf:
    """The chats of one target and scenario, oldest first."""

    chats: deque[Kept] = field(default_factory=deque)
    size_bytes: int = 0


class _Half:
    """The successes, or the failures."""

    def __init__(self, most_chats: int, most_bytes: int) -> None:
        self._most_chats = most_chats
        self._most_bytes = most_bytes
        self._shelves: dict[tuple[str, str], _Shelf] = {}
        self._chats = 0
        self._bytes = 0

    def shelves(self, wanted: Wanted) -> Iterator[_Shelf]:
        """Those on which may stand what is asked for."""
        for (target, scenario), shelf in self._shelves.items():
            if wanted.target in (None, target) and wanted.scenario in (None, scenario):
                yield shelf

    def add(self, kept: Kept) -> None:
        shelf = self._count(kept)
        shelf.chats.append(kept)
        while self._is_full():
            self._give_up_oldest()

    def restore(self, kept: Kept) -> None:
        if self._chats < self._most_chats and self._bytes + _size(kept) <= self._most_bytes:
            self._count(kept).chats.appendleft(kept)

    def forget_before(self, at: float) -> None:
        for key, shelf in list(self._shelves.items()):
            while shelf.chats and shelf.chats[0].at < at:
                self._drop_first(shelf)
            if not shelf.chats:
                del self._shelves[key]

    def _count(self, kept: Kept) -> _Shelf:
        shelf = self._shelves.setdefault((kept.target, kept.scenario), _Shelf())
        shelf.size_bytes += _size(kept)
        self._bytes += _size(kept)
        self._chats += 1
        return shelf

    def _is_full(self) -> bool:
        return self._chats > self._most_chats or self._bytes > self._most_bytes

    def _give_up_oldest(self) -> None:
        self._drop_first(max(self._shelves.values(), key=attrgetter("size_bytes")))

    def _drop_first(self, shelf: _Shelf) -> None:
        size = _size(shelf.chats.popleft())
        shelf.size_bytes -= size
        self._bytes -= size
        self._chats -= 1


def _size(kept: Kept) -> int:
    return len(kept.json) + OVERHEAD_BYTES

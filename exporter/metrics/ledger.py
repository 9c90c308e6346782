"""One writer that never waits, readers in other threads that see whole states only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")


class Ledger:
    """Changes are made one after the other, none while somebody reads: then they are kept, and made when the reading is over.

    A scrape that reads between two changes sees each chat wholly or not at all, although a chat touches dozens of series. The event
    loop, which writes, is never held by a scrape, however many series that reads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Callable[[], None]] = deque()

    def write(self, change: Callable[[], None]) -> None:
        """Make the change now, or at the end of the reading that goes on."""
        self._waiting.append(change)
        self._settle()

    def read(self, look: Callable[[], T]) -> T:
        try:
            with self._lock:
                return look()
        finally:
            self._settle()

    def _settle(self) -> None:
        # Looked at again after the lock is given back: a change that came while it was held found it taken and went away.
        while self._waiting and self._lock.acquire(blocking=False):
            try:
                while self._waiting:
                    self._waiting.popleft()()
            finally:
                self._lock.release()

"""Hands what is to be written to a thread of its own: a slow disk, or a reader that hangs, never holds the event loop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Background(Generic[Item]):
    """Has items written in order, by `write`, which may block and may raise `OSError`.

    An item that finds the queue full, or that cannot be written, is lost and counted. `on_error` is called from the
    thread at the first of several failures in a row.
    """

    def __init__(self, write: Callable[[Item], None], *, at_most: int, on_error: Callable[[OSError], None] | None = None) -> None:
        self._write = write
        self._on_error = on_error
        self._items: queue.Queue[Item | _End] = queue.Queue(at_most)
        self._lost = 0
        self._counting = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Items given up so far."""
        return self._lost

    def put(self, item: Item) -> bool:
        """Queue one item. Never blocks. False where there was no place for it."""
        try:
            self._items.put_nowait(item)
        except queue.Full:
            self._lose()
            return False
        return True

    def close(self, within_seconds: float = 5.0) -> bool:
        """Write what is queued, and end. False if it takes longer: the thread may still be writing then."""
        try:
            self._items.put(_End(), timeout=within_seconds)
        except queue.Full:
            return False
        self._thread.join(within_seconds)
        return not self._thread.is_alive()

    def _lose(self) -> None:
        with self._counting:
            self._lost += 1

    def _work(self) -> None:
        failing = False
        while not isinstance(item := self._items.get(), _End):
            try:
                self._write(item)
                failing = False
            except OSError as error:
                self._lose()
                if not failing and self._on_error is not None:
                    self._on_error(error)
                failing = True


class _End:
    """Stands behind the last item."""

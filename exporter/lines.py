"""Writes lines in a thread of their own: a slow disk, or a reader that hangs, never holds the event loop."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable


class LineWriter:
    """Writes whole lines to a file descriptor, in order.

    A line that finds the queue full, or that cannot be written, is lost and counted. `on_error` is called from the
    thread at the first of several failures in a row.
    """

    def __init__(self, descriptor: int, *, at_most: int, on_error: Callable[[OSError], None] | None = None) -> None:
        self._descriptor = descriptor
        self._on_error = on_error
        self._lines: queue.Queue[bytes | None] = queue.Queue(at_most)
        self._lost = 0
        self._counting = threading.Lock()
        self._torn = False
        self._thread = threading.Thread(target=self._work, name="lines", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Lines given up so far."""
        return self._lost

    def write(self, line: bytes) -> None:
        """Queue one line, without its line break. Never blocks."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._lose()

    def close(self, within_seconds: float = 5.0) -> None:
        """Write what is queued, and end. What could not be written by then is given up. The descriptor stays open."""
        try:
            self._lines.put(None, timeout=within_seconds)
        except queue.Full:
            return
        self._thread.join(within_seconds)

    def _lose(self) -> None:
        with self._counting:
            self._lost += 1

    def _work(self) -> None:
        failing = False
        while (line := self._lines.get()) is not None:
            try:
                self._write(line)
                failing = False
            except OSError as error:
                self._lose()
                if not failing and self._on_error is not None:
                    self._on_error(error)
                failing = True

    def _write(self, line: bytes) -> None:
        left = memoryview((b"\n" if self._torn else b"") + line + b"\n")
        while left:
            written = os.write(self._descriptor, left)
            self._torn = written < len(left)  # what a failure leaves behind here gets its line break before the next line
            left = left[written:]

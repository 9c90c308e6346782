"""Writes lines in a thread of their own: a slow disk, or a reader that hangs, never holds the event loop."""

from __future__ import annotations

import os
from collections.abc import Callable

from probes.background import Background


class LineWriter:
    """Writes whole lines to a file descriptor, in order.

    A line that finds the queue full, or that cannot be written, is lost and counted. `on_error` is called from the
    thread at the first of several failures in a row.
    """

    def __init__(self, descriptor: int, *, at_most: int, on_error: Callable[[OSError], None] | None = None) -> None:
        self._descriptor = descriptor
        self._torn = False
        self._lines = Background(self._append, at_most=at_most, on_error=on_error)

    @property
    def lost(self) -> int:
        """Lines given up so far."""
        return self._lines.lost

    def write(self, line: bytes) -> None:
        """Queue one line, without its line break. Never blocks."""
        self._lines.put(line)

    def close(self, within_seconds: float = 5.0) -> None:
        """Write what is queued, and end. What could not be written by then is given up. The descriptor stays open."""
        self._lines.close(within_seconds)

    def _append(self, line: bytes) -> None:
        left = memoryview((b"\n" if self._torn else b"") + line + b"\n")
        while left:
            written = os.write(self._descriptor, left)
            self._torn = written < len(left)  # what a failure leaves behind here gets its line break before the next line
            left = left[written:]

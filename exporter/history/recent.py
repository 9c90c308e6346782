"""The total of the last minutes, kept up to date minute by minute, so that whoever asks for it has it at once."""

from __future__ import annotations

import math
from collections import deque

from exporter.history.tally import Summary, Tally

RECENT_SECONDS = 600.0
"""What is said of now is said of the last ten minutes: time enough for some chats of a heartbeat."""


class Recent:
    """Adds up summaries of minutes that follow each other, and takes out again those that have grown old."""

    def __init__(self) -> None:
        self._minutes: deque[Summary] = deque()
        self._total = Tally()
        self._forgotten_before = -math.inf

    def add(self, minute: Summary) -> None:
        """One more is over."""
        self._minutes.append(minute)
        self._total.absorb(minute)
        self._forget_before(max(self._forgotten_before, minute.end - RECENT_SECONDS))

    def between(self, begin: float, end: float) -> Tally | None:
        """The total of those of which the middle is in that span, which ends now. None where the clock was set back, so that it is not kept."""
        if begin < self._forgotten_before or (self._minutes and self._minutes[-1].middle >= end):
            return None
        self._forget_before(begin)
        found = Tally()
        found.merge(self._total)
        return found

    def _forget_before(self, begin: float) -> None:
        self._forgotten_before = begin
        while self._minutes and self._minutes[0].middle < begin:
            self._total.withdraw(self._minutes.popleft())

"""One alert from an evaluation to the next, as Prometheus keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

Phase = Literal["firing", "pending", "quiet"]


@dataclass(slots=True)
class Holding:
    """An alert that fires once what it looks at has held for `for_seconds`, and goes on for `keep_seconds` after that has ended.

    Instants are in the seconds of whoever evaluates it. `since` is when it began to hold, None where it does not; `fired_at` the last evaluation at
    which it fired.
    """

    for_seconds: float
    keep_seconds: float = 0
    since: float | None = None
    fired_at: float = -inf
    _held_at: float = -inf
    _fires: bool = False

    @property
    def phase(self) -> Phase:
        return "firing" if self._fires else "quiet" if self.since is None else "pending"

    def evaluate(self, now: float, holds: bool, *, ends: bool = False) -> None:
        """Look at it anew. `ends` is what ends it at once, though it holds or would be kept."""
        if holds:
            self._held_at = now
        kept = self._fires and now - self._held_at <= self.keep_seconds
        if ends or not (holds or kept):
            self.since, self._fires = None, False
            return
        self.since = now if self.since is None else self.since
        self._fires = now - self.since >= self.for_seconds
        if self._fires:
            self.fired_at = now

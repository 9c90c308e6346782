"""How many chats may be open at once."""

from __future__ import annotations

from collections import Counter

from traffic.events import SkipReason


class Limits:
    """Caps on open streams, over all targets and for each of them. One that is over a cap is not sent, and not queued: late is not due."""

    def __init__(self, streams: int, streams_per_target: int) -> None:
        self._streams = streams
        self._streams_per_target = streams_per_target
        self._open: Counter[str] = Counter()

    @property
    def in_flight(self) -> int:
        """Streams that are open now."""
        return self._open.total()

    def open_to(self, target: str) -> int:
        """Streams to the target that are open now."""
        return self._open[target]

    def configure(self, streams: int, streams_per_target: int) -> None:
        """New caps. Streams that are open stay, even where they are more than may be now."""
        self._streams = streams
        self._streams_per_target = streams_per_target

    def refusal(self, target: str) -> SkipReason | None:
        """Why there may not be one more stream to the target now; None if there may.

        The target's own cap is looked at first: a target that hangs is to be seen as such, even where it has filled the global cap.
        """
        if self._open[target] >= self._streams_per_target:
            return SkipReason.TARGET_BUSY
        if self.in_flight >= self._streams:
            return SkipReason.GLOBAL_CAP
        return None

    def take(self, target: str) -> None:
        """One more stream to the target is open, until `release`."""
        self._open[target] += 1

    def release(self, target: str) -> None:
        self._open[target] -= 1
        if not self._open[target]:
            del self._open[target]

"""How many streams may be open at once."""

from __future__ import annotations

from collections import Counter

from traffic.events import SkipReason


class StreamCaps:
    """Caps on open streams, over all targets and for each of them.

    A chat that is over a cap is not sent. It is not queued either: it would then measure the queue.
    """

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
        """Have new caps. Streams that are open stay, even where there are more than the caps allow."""
        self._streams = streams
        self._streams_per_target = streams_per_target

    def refusal(self, target: str) -> SkipReason | None:
        """Why no further stream to the target may be opened now; None if one may.

        The target's own cap is looked at first: it shows a target that hangs, even where that target has filled the
        global cap.
        """
        if self._open[target] >= self._streams_per_target:
            return SkipReason.TARGET_BUSY
        if self.in_flight >= self._streams:
            return SkipReason.GLOBAL_CAP
        return None

    def open(self, target: str) -> None:
        """One more stream to the target is open, until `close`."""
        self._open[target] += 1

    def close(self, target: str) -> None:
        """A stream to the target is open no more."""
        self._open[target] -= 1
        if not self._open[target]:
            del self._open[target]

"""How many chats are held on request: places for each target and over all, and how often they are given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from exporter.web.security.rates import Rates
from traffic.schedule import Clock

PER_SECOND = 1.0
"""Chats with one target that are held on request, on average."""
BURST = 5
AT_ONCE = 2
"""Chats with one target that are held on request at the same time."""
SHARE_OF_STREAMS = 4
"""Of all streams, one in so many may be for chats on request: those on schedule have the rest."""


class TooOftenError(Exception):
    """More chats are asked for than are held on request. The text says how many are."""


class Room:
    """The places of chats on request, one for each target of a chat. `streams` is how many chats there may be of all kinds."""

    def __init__(self, streams: Callable[[], int], clock: Clock) -> None:
        self._streams = streams
        self._rates = Rates(PER_SECOND, BURST, lambda: clock.monotonic_ns() / 1e9)
        self._taken: Counter[str] = Counter()

    def take(self, targets: Collection[str]) -> None:
        """Take a place for one chat with each target, or none at all: raises `TooOftenError`."""
        of_all = max(self._streams() // SHARE_OF_STREAMS, 1)
        full = self._taken.total() + len(targets) > of_all or any(self._taken[target] >= AT_ONCE for target in targets)
        if full or not self.again(targets):
            bound = f"of each target {AT_ONCE} at once and {PER_SECOND:g} a second, over all {of_all} at once"
            raise TooOftenError(f"too many chats are asked for: {bound}; ask less often")
        self._taken.update(targets)

    def again(self, targets: Collection[str]) -> bool:
        """Whether whoever holds a place for each target may send one more chat to all of them now."""
        given: list[str] = []
        for target in targets:
            if not self._rates.take(target):
                for other in given:
                    self._rates.give_back(other)
                return False
            given.append(target)
        return True

    def leave(self, targets: Collection[str]) -> None:
        """Give the places back."""
        self._taken.subtract(targets)
        self._taken += Counter()  # forgets targets with none

"""Holds back chats with a target once they had its engine load the model though nobody allowed it."""

from __future__ import annotations

from traffic.schedule import NANOSECONDS, Clock

FIRST_SECONDS = 600
"""Long enough that a user of the engine hardly notices, short enough that one load by chance blinds nobody for long."""
LONGEST_SECONDS = 86_400


class Holding:
    """Chats of one target are held back for 10 minutes after such a load. Then the next is sent.

    If that one has the model loaded again, chats are held back for twice as long, a day at most. One that does not ends
    it. So users whose requests and ours want the model otherwise are disturbed a few times, and not with each chat.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seconds = 0
        self._until_ns = 0

    @property
    def holds(self) -> bool:
        """Whether no chat may be sent now."""
        return self._seconds > 0 and self._clock.monotonic_ns() < self._until_ns

    def begin(self) -> int:
        """A chat had the model loaded: hold chats back from now on. Gives for how many seconds."""
        if not self.holds:
            self._seconds = min(max(2 * self._seconds, FIRST_SECONDS), LONGEST_SECONDS)
            self._until_ns = self._clock.monotonic_ns() + self._seconds * NANOSECONDS
        return self._seconds

    def end_by(self, started_ns: int) -> bool:
        """A chat that was started then had nothing loaded: this ends it, unless the chat is one from before.

        True where it has ended, or had not begun.
        """
        if started_ns >= self._until_ns:
            self.end()
        return self._seconds == 0

    def end(self) -> None:
        """Hold back nothing, as if nothing had been."""
        self._seconds = 0
        self._until_ns = 0

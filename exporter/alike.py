"""Holds back lines of the log that are like one of a moment ago."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

EVERY_SECONDS = 60.0


@dataclass(slots=True)
class _Told:
    """Of one kind of event, in seconds since the epoch: when it was logged, and when it was last there.

    `unlogged` is how many were there since the line.
    """

    logged_at: float
    last_at: float
    unlogged: int = 0


class Limit:
    """Has each kind of event logged at once, and then at most once a minute.

    A kind begins with its target and scenario.
    """

    def __init__(self) -> None:
        self._told: dict[tuple[str, ...], _Told] = {}

    def due(self, kind: tuple[str, ...], at: float, count: int = 1) -> int | None:
        """Whether it is time for a line on `count` more events.

        Gives how many alike there were since the last line; None if it is not time.
        """
        told = self._told.get(kind)
        if told is not None and abs(at - told.logged_at) < EVERY_SECONDS:
            told.last_at = at
            told.unlogged += count
            return None
        self._told[kind] = _Told(at, at)
        return 0 if told is None else told.unlogged

    def ended(self, whose: tuple[str, str], at: float, *, after_seconds: float = EVERY_SECONDS) -> int | None:
        """Whether events of this target and scenario were logged, and the last is so long ago: then they are forgotten.

        Gives how many there were since the last line; None if they have not ended, or never began.
        """
        kinds = [kind for kind in self._told if kind[:2] == whose]
        if not kinds or any(abs(at - self._told[kind].last_at) < after_seconds for kind in kinds):
            return None
        return sum(self._told.pop(kind).unlogged for kind in kinds)

    def keep(self, follows: Callable[[str, str], bool]) -> None:
        """Forget the kinds whose target and scenario are not followed."""
        self._told = {kind: told for kind, told in self._told.items() if follows(kind[0], kind[1])}

"""Holds back scenarios that yield while others use the engine."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from traffic.events import SkipReason
from traffic.schedule import NANOSECONDS, Clock
from traffic.sliding import SlidingSum

OTHERS_ABOVE_TOKENS_PER_SECOND = 1.0
"""Nobody else uses an engine that generates no more than this beside our chats: two figures that were not taken at
the same instant always differ a little."""
OWN_OVER_SECONDS = 60
"""Over how long chatprobe's own tokens are averaged."""


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """An engine's load, as its own metrics tell it, whoever caused it.

    Tokens generated a second are over the last minute; requests that wait are those of now.
    """

    generated_tokens_per_second: float
    requests_waiting: float


class Usage(Protocol):
    """Knows how much the engines are used."""

    def load(self, target: str) -> EngineLoad | None:
        """The load of a target's engine. None where it is not known, or not known any more."""
        ...


class UnknownUsage:
    """Knows of no engine's load."""

    def load(self, target: str) -> EngineLoad | None:
        return None


UNKNOWN_USAGE = UnknownUsage()


class Yielding:
    """Holds chatprobe's share of an engine's tokens at or below `load_share`, while others use the engine.

    Others use it if it generates more than one token a second that is not for chatprobe's chats, or if more requests
    wait in it than chatprobe has open. A load that is not known holds nothing back, and neither does one that is
    chatprobe's alone. `load_share` is None for no bound.
    """

    def __init__(self, load_share: Decimal | None, usage: Usage, clock: Clock) -> None:
        self._load_share = load_share
        self._usage = usage
        self._clock = clock
        self._own: dict[str, SlidingSum] = {}

    def configure(self, load_share: Decimal | None) -> None:
        """Have a new bound. The tokens of the last minute stay."""
        self._load_share = load_share

    def refusal(self, target: str, open_chats: int) -> SkipReason | None:
        """Why a chat that yields may not be sent to the target now; None if it may.

        `open_chats` are chatprobe's own with this target.
        """
        if self._load_share is None or (load := self._usage.load(target)) is None:
            return None
        own = self._own_tokens_per_second(target)
        others = load.generated_tokens_per_second - own
        if others <= OTHERS_ABOVE_TOKENS_PER_SECOND and load.requests_waiting <= open_chats:
            return None
        share = own and own / max(own, load.generated_tokens_per_second)
        return SkipReason.LOAD_SHARE if share > float(self._load_share) else None

    def generated(self, target: str, tokens: int) -> None:
        """The target has generated so many tokens for a chat of ours that has ended."""
        own = self._own.setdefault(target, SlidingSum(OWN_OVER_SECONDS, NANOSECONDS))
        own.add(tokens, self._clock.monotonic_ns())

    def forget(self, target: str) -> None:
        """The target is gone."""
        self._own.pop(target, None)

    def _own_tokens_per_second(self, target: str) -> float:
        own = self._own.get(target)
        return 0.0 if own is None else own.total(self._clock.monotonic_ns()) / OWN_OVER_SECONDS

"""An open loop that asks for more than the engine can do: chats pile up without end, and the wait for first tokens grows.

Such a load has no steady state, so it is not measured to its end: that it is too much is its result. Both must be seen.

- The pile: within the last two thirds of the time so far, more than a tenth of the chats that came are added to those
  under way, and that is more than three standard deviations of what chance alone does to an engine that just keeps up.
  Arrivals and ends of a Poisson kind differ by √(2 × arrivals).
- The wait: the time to first token rises over the same time, by half at least, with a slope that a t-test over six
  parts of the time takes for no chance (1 % on one side). Parts, as chats that follow each other wait alike.

GuideLLM 0.8 tests the slopes of both too (`scheduler/constraints/saturation.py`), chat by chat.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.chat import Chat
from bench.measures import TTFT
from probes.wording import duration

SECONDS_AT_LEAST = 20.0
"""No load is called too much sooner."""
ARRIVALS_AT_LEAST = 30
SHARE_THAT_PILES = 0.1
DEVIATIONS = 3.0
WAIT_RISES = 1.5
LEVEL = 0.01
_PARTS = 6


@dataclass(frozen=True, slots=True)
class Overload:
    """What was seen of a load that is too much, from `from_seconds` to `to_seconds` of its block."""

    from_seconds: float
    to_seconds: float
    arrivals: int
    piled: int
    """So many of the arrivals were added to the chats under way."""
    ttft_before_seconds: float
    ttft_after_seconds: float

    @property
    def words(self) -> str:
        """The finding, in a sentence for people."""
        span = f"{self.to_seconds - self.from_seconds:.0f} s"
        return (
            f"more than the engine can do: of {self.arrivals} chats that came within {span}, {self.piled} piled up, "
            f"and the time to first token went from {duration(self.ttft_before_seconds)} to {duration(self.ttft_after_seconds)}"
        )


class OverloadWatch:
    """Watches one target in one block of an open loop, while it goes on."""

    def __init__(self) -> None:
        self._begun: list[float] = []
        self._ended: list[float] = []
        self._waits: list[tuple[float, float]] = []

    def begun(self, at_seconds: float) -> None:
        """A chat began, so long after the block's start."""
        self._begun.append(at_seconds)

    def ended(self, chat: Chat) -> None:
        """A chat is over."""
        at_seconds = chat.ended_seconds
        self._ended.append(at_seconds)
        wait = _wait(chat)
        if wait is not None:
            self._waits.append(wait)

    def look(self, at_seconds: float) -> Overload | None:
        """What is seen by now; None while the load may be one that the engine can do."""
        return _judged(sorted(self._begun), sorted(self._ended), self._waits, at_seconds)


def overload(chats: Sequence[Chat]) -> Overload | None:
    """What is seen of one target's chats of one block, afterwards. Chats that were cut off count as under way to the end."""
    begun = sorted(chat.place.since_seconds for chat in chats if chat.outcome != "unsent")
    if not begun:
        return None
    ended = sorted(chat.ended_seconds for chat in chats if chat.outcome in ("ok", "failed"))
    waits = [wait for chat in chats if chat.outcome != "unsent" and (wait := _wait(chat)) is not None]
    return _judged(begun, ended, waits, begun[-1])


def _wait(chat: Chat) -> tuple[float, float] | None:
    """(when it was over, how long it was) of a chat's wait for its first token."""
    waited = TTFT.of(chat)
    return None if waited is None else (chat.place.since_seconds + waited, waited)


def _judged(begun: Sequence[float], ended: Sequence[float], waits: Sequence[tuple[float, float]], at_seconds: float) -> Overload | None:
    from_seconds = at_seconds / 3
    arrivals = bisect_right(begun, at_seconds) - bisect_right(begun, from_seconds)
    piled = arrivals - (bisect_right(ended, at_seconds) - bisect_right(ended, from_seconds))
    if at_seconds < SECONDS_AT_LEAST or arrivals < ARRIVALS_AT_LEAST:
        return None
    if piled < SHARE_THAT_PILES * arrivals or piled < DEVIATIONS * (2 * arrivals) ** 0.5:
        return None
    means = _means(waits, from_seconds, at_seconds)
    if means is None or not _rises(means):
        return None
    return Overload(from_seconds, at_seconds, arrivals, piled, float(means[0]), float(means[-1]))


def _means(waits: Sequence[tuple[float, float]], from_seconds: float, to_seconds: float) -> NDArray[np.float64] | None:
    """The mean wait in each part of the time; None where a part has none."""
    edges = np.linspace(from_seconds, to_seconds, _PARTS + 1)
    times, lengths = np.array(waits).reshape(-1, 2).T
    parts = np.searchsorted(edges, times, side="left") - 1
    found = [lengths[parts == part] for part in range(_PARTS)]
    return None if any(not len(part) for part in found) else np.array([part.mean() for part in found])


def _rises(means: NDArray[np.float64]) -> bool:
    if means[-1] < WAIT_RISES * means[0]:
        return False
    from scipy import stats  # takes most of a second to load, and few runs come here

    line = stats.linregress(np.arange(len(means)), means, alternative="greater")
    return bool(line.pvalue < LEVEL)

"""Stages one after the other: which one an instant lies in, and when the next begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from traffic.schedule import nanoseconds


@dataclass(frozen=True, slots=True)
class Span:
    """One run of one stage: it lasts from `begin_ns` to before `end_ns`, which is None where it holds for good.

    `index` is the stage's place among the stages, `number` how often all of them have passed before.
    """

    number: int
    index: int
    begin_ns: int
    end_ns: int | None


class Stages:
    """Stages of so many seconds each.

    The last may be None, and holds for good. Where all of them end, the first follows the last. Every pass through them
    takes the same whole number of nanoseconds, so nothing drifts. Any instant is found without a walk through those
    before it.
    """

    def __init__(self, seconds: Sequence[float | None], start_ns: int) -> None:
        lengths_ns = [nanoseconds(length) for length in seconds if length is not None]
        self._start_ns = start_ns
        self._count = len(seconds)
        self._edges_ns = [0, *accumulate(lengths_ns)]
        self.repeats = len(lengths_ns) == self._count

    def span(self, number: int, index: int) -> Span:
        """The stage of this index in the pass of this number."""
        pass_ns = self._start_ns + number * self._edges_ns[-1]
        endless = not self.repeats and index == self._count - 1
        return Span(number, index, pass_ns + self._edges_ns[index], None if endless else pass_ns + self._edges_ns[index + 1])

    def at(self, instant_ns: int) -> Span:
        """The stage that an instant lies in. Before the start it is the first one."""
        number, since_ns = 0, max(0, instant_ns - self._start_ns)
        if self.repeats:
            number, since_ns = divmod(since_ns, self._edges_ns[-1])
        return self.span(number, bisect_right(self._edges_ns, since_ns) - 1)

    def after(self, span: Span) -> Span | None:
        """The stage that follows. None after one that holds for good."""
        if span.end_ns is None:
            return None
        number, index = divmod(span.index + 1, self._count)
        return self.span(span.number + number, index)

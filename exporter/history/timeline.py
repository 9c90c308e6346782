"""The summaries of one target's chats under one scenario, one behind the other: fine for what is new, coarse for what is old."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from exporter.history.tally import Summary, Tally

MINUTE = 60.0
HOUR = 3600.0
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept, in seconds: timings for `keep_seconds`, and what is counted for `count_seconds`.

    What is counted is kept for the longest window of any SLO, so that what is left of its budget can be told.
    """

    keep_seconds: float
    count_seconds: float


@dataclass(frozen=True, slots=True)
class _Coarser:
    """What is older than `age_seconds` is summed up by `seconds`, with or without its timings."""

    age_seconds: float
    seconds: float
    timed: bool = True


class Timeline:
    """Counts what comes now, and keeps what was before.

    `keep` hears of each summary that is made. It stands for all earlier ones within its span.
    """

    def __init__(self, retention: Retention, keep: Callable[[Summary], None]) -> None:
        self.retention = retention
        self._keep = keep
        self._closed: list[Summary] = []
        self._open = Tally()
        self._minute = -math.inf

    @property
    def last_seconds(self) -> float:
        """When the last minute began in which anything was counted, in seconds since the epoch; minus infinity before the first."""
        return self._minute

    @property
    def first_seconds(self) -> float:
        """When the first span began in which anything was counted, in seconds since the epoch; minus infinity before the first."""
        return self._closed[0].start if self._closed else self._minute

    def now(self, at: float) -> Tally:
        """Where what happens at that instant is counted."""
        minute = at // MINUTE * MINUTE
        if minute != self._minute:
            self._turn(minute)
        return self._open

    def restore(self, earlier: Sequence[Summary], at: float) -> None:
        """Take up what was kept before this process began, oldest first. What lies in the future is no history."""
        known = [summary for summary in earlier if summary.start <= at]
        if self._minute == -math.inf and known and known[-1].seconds == MINUTE:
            self._minute = known[-1].start
        while known and known[-1].start >= self._minute > -math.inf:
            self._open.absorb(known.pop())
        self._closed[:0] = known

    def close(self) -> None:
        """Have what was counted in the minute that goes on kept."""
        if self._minute > -math.inf:
            self._keep(self._open.summary(self._minute, MINUTE))

    def between(self, begin: float, end: float) -> Iterator[Summary]:
        """The summaries of a span, in order. One that lies across its edge is in it with its whole or not at all, as its middle says."""
        first = bisect_left(self._closed, begin, key=_middle)
        for summary in self._closed[first:]:
            if _middle(summary) >= end:
                return
            yield summary
        if begin - MINUTE < self._minute < end:
            yield self._open.summary(self._minute, MINUTE)

    def _turn(self, minute: float) -> None:
        """Begin another minute."""
        if self._minute > -math.inf:
            done = self._open.summary(self._minute, MINUTE)
            self._closed.append(done)
            self._keep(done)
        if minute < self._minute:  # the clock was set back: what lies in the future would come twice
            del self._closed[bisect_right(self._closed, minute, key=_start) :]
        self._open, self._minute = Tally(), minute
        while self._closed and self._closed[-1].start == minute:
            self._open.absorb(self._closed.pop())
        self._grow_coarser(minute)

    def _grow_coarser(self, at: float) -> None:
        for coarser in (_Coarser(2 * HOUR, 10 * MINUTE), _Coarser(26 * HOUR, HOUR), _Coarser(self.retention.keep_seconds, DAY, timed=False)):
            self._sum_up(coarser, until=(at - coarser.age_seconds) // coarser.seconds * coarser.seconds)
        longest = max(self.retention.keep_seconds, self.retention.count_seconds)
        del self._closed[: bisect_left(self._closed, at - longest, key=_end)]

    def _sum_up(self, coarser: _Coarser, until: float) -> None:
        begin = bisect_right(self._closed, -coarser.seconds, key=_fineness)
        end = bisect_left(self._closed, until, key=_start)
        if begin >= end:
            return
        spans = groupby(self._closed[begin:end], key=lambda one: one.start // coarser.seconds * coarser.seconds)
        spans = groupby(self._closed[begin:end], key=lambda one: one.start // coarser.seconds * coarser.seconds)
        summed = [_sum(start, coarser, fine) for start, fine in spans]
        self._closed[begin:end] = summed
        for summary in summed:
            self._keep(summary)


def total(summaries: Iterable[Summary], measures: Collection[str]) -> Tally:
    """All of them together; of their timings, these measures."""
    tally = Tally()
    for summary in summaries:
        tally.absorb(summary, measures)
    return tally


def bare(summary: Summary) -> Summary:
    """The same without its timings."""
    return replace(summary, sketches={})


def _sum(start: float, coarser: _Coarser, fine: Iterable[Summary]) -> Summary:
    tally = Tally()
    for summary in fine:
        tally.absorb(summary)
    summed = tally.summary(start, coarser.seconds)
    return summed if coarser.timed else bare(summed)


def _start(summary: Summary) -> float:
    return summary.start


def _end(summary: Summary) -> float:
    return summary.end


def _middle(summary: Summary) -> float:
    return summary.start + summary.seconds / 2


def _fineness(summary: Summary) -> float:
    """Ascends along the line: what is newer is finer."""
    return -summary.seconds

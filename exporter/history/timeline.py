"""The summaries of one target's chats under one scenario, one behind the other: fine for what is new, coarse for what is old."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

from exporter.history.recent import RECENT_SECONDS, Recent
from exporter.history.sketch import Sketch
from exporter.history.tally import MEASURES, Summary, Tally

MINUTE = 60.0
TEN_MINUTES = 10 * MINUTE
HOUR = 3600.0
DAY = 86400.0
_start, _end = attrgetter("start"), attrgetter("end")
_FINE_SECONDS = 2 * HOUR
"""For so long each minute has a summary of its own."""


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
        self._tens: dict[float, Summary] = {}
        self._recent = Recent()
        self._open = Tally()
        self._minute = -math.inf
        self.last_seconds = -math.inf
        """When the last minute began in which anything was counted, in seconds since the epoch; minus infinity before the first."""

    @property
    def first_seconds(self) -> float:
        """When the first span began in which anything was counted, in seconds since the epoch; minus infinity before the first."""
        return self._closed[0].start if self._closed else self._minute

    def now(self, at: float) -> Tally:
        """Where what happens at that instant is counted."""
        minute = at // MINUTE * MINUTE
        if minute != self._minute:
            self._turn(minute)
        self.last_seconds = minute
        return self._open

    def grow_old(self, at: float) -> bool:
        """Have what was counted grow coarser although nothing is counted any more. False once nothing is left."""
        minute = at // MINUTE * MINUTE
        if self._is_open and self._minute < minute:
            self._turn(minute)
        else:
            self._grow_coarser(minute)
        return bool(self._closed) or self._is_open

    @property
    def _is_open(self) -> bool:
        """Whether anything was counted in the minute that goes on."""
        return self.last_seconds == self._minute > -math.inf

    def restore(self, earlier: Sequence[Summary], at: float) -> None:
        """Take up what was kept before this process began, oldest first. What lies in the future is no history."""
        known = [summary for summary in earlier if summary.start <= at]
        if self._minute == -math.inf and known and known[-1].seconds == MINUTE:
            self._minute = self.last_seconds = known[-1].start
        while known and known[-1].start >= self._minute > -math.inf:
            self._open.absorb(known.pop())
        self._closed[:0] = known
        self._look_anew()

    def close(self) -> None:
        """Have what was counted in the minute that goes on kept."""
        if self._is_open:
            self._keep(self._open.summary(self._minute, MINUTE))

    def between(self, begin: float, end: float, *, finest: bool = False) -> Iterator[Summary]:
        """The summaries of a span, in order: as few as have all of it, or the `finest` that are known.

        One that lies across its edge is in it with its whole or not at all, as its middle says.
        """
        yield from self._over(begin, end, finest=finest)
        if self._goes_on(begin, end):
            yield self._open.summary(self._minute, MINUTE)

    def timings(self, measure: str, begin: float, end: float) -> Sketch:
        """What `between` gives of a measure, all of it together."""
        found = Sketch()
        for summary in self._over(begin, end):
            if (packed := summary.sketches.get(measure)) is not None:
                found.absorb(packed)
        if self._goes_on(begin, end):
            found.merge(self._open.sketch(measure))
        return found

    def recent(self, end: float) -> Tally:
        """The total of what `between` gives of the `RECENT_SECONDS` before `end`, which is now. It costs as little as if it were one summary."""
        begin = end - RECENT_SECONDS
        found = self._recent.between(begin, end)
        if found is None:
            return total(self.between(begin, end), MEASURES.values())
        if self._goes_on(begin, end):
            found.merge(self._open)
        return found

    def _over(self, begin: float, end: float, *, finest: bool = False) -> Iterator[Summary]:
        """The summaries of a span, but for the minute that goes on. Ten minutes that are in it are one, unless the finest are wanted."""
        place = self._first_of(begin)
        while place < len(self._closed):
            summary = self._closed[place]
            ten = None if finest else self._ten_of(summary)
            if ten is not None and begin <= ten.start and ten.end <= end:
                yield ten
                place = bisect_left(self._closed, ten.end, place, key=_start)
            elif summary.middle < end:
                yield summary
                place += 1
            else:
                return

    def _first_of(self, begin: float) -> int:
        """The place of the first summary of which the middle is not before that instant."""
        place = bisect_left(self._closed, begin, key=_start)
        return place - 1 if place and self._closed[place - 1].middle >= begin else place

    def _goes_on(self, begin: float, end: float) -> bool:
        """Whether the minute that goes on is in a span, and has anything."""
        return self._is_open and begin - MINUTE < self._minute < end

    def _ten_of(self, minute: Summary) -> Summary | None:
        """The sum of the ten minutes in which a minute lies, once they are over."""
        start = minute.start // TEN_MINUTES * TEN_MINUTES
        if minute.seconds != MINUTE or start + TEN_MINUTES > self._minute:
            return None
        found = self._tens.get(start)
        if found is None:
            begin, end = (bisect_left(self._closed, edge, key=_start) for edge in (start, start + TEN_MINUTES))
            found = self._tens[start] = _sum(start, TEN_MINUTES, self._closed[begin:end])
        return found

    def _turn(self, minute: float) -> None:
        """Begin another minute."""
        done = None
        if self._is_open:
            done = self._open.summary(self._minute, MINUTE)
            self._closed.append(done)
            self._recent.add(done)
            self._keep(done)
        self._open, before, self._minute = Tally(), self._minute, minute
        if self._closed and self._closed[-1].start >= minute:
            self._set_back(minute)
        elif done is not None and minute - minute % TEN_MINUTES > before:
            self._ten_of(done)
        self._grow_coarser(minute)

    def _set_back(self, minute: float) -> None:
        """The clock was: what lies in the future would come twice, and that minute goes on."""
        del self._closed[bisect_right(self._closed, minute, key=_start) :]
        while self._closed and self._closed[-1].start == minute:
            self._open.absorb(self._closed.pop())
        self._look_anew()

    def _look_anew(self) -> None:
        """Minutes that are over are others now."""
        self._tens.clear()
        self._recent = Recent()
        if self._closed:
            for summary in self._closed[self._first_of(self._closed[-1].end - RECENT_SECONDS) :]:
                self._recent.add(summary)

    def _grow_coarser(self, at: float) -> None:
        for coarser in (_Coarser(_FINE_SECONDS, TEN_MINUTES), _Coarser(26 * HOUR, HOUR), _Coarser(self.retention.keep_seconds, DAY, timed=False)):
            self._sum_up(coarser, until=(at - coarser.age_seconds) // coarser.seconds * coarser.seconds)
        self._tens = {start: ten for start, ten in self._tens.items() if start >= at - _FINE_SECONDS - TEN_MINUTES}
        longest = max(self.retention.keep_seconds, self.retention.count_seconds)
        del self._closed[: bisect_left(self._closed, at - longest, key=_end)]

    def _sum_up(self, coarser: _Coarser, until: float) -> None:
        begin = bisect_right(self._closed, -coarser.seconds, key=_fineness)
        end = bisect_left(self._closed, until, key=_start)
        if begin >= end:
            return
        summed = []
        for start, fine in groupby(self._closed[begin:end], key=lambda one: one.start // coarser.seconds * coarser.seconds):
            one = self._tens.pop(start, None) if coarser.seconds == TEN_MINUTES else None
            summed.append(one or _sum(start, coarser.seconds, fine, timed=coarser.timed))
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


def _sum(start: float, seconds: float, fine: Iterable[Summary], *, timed: bool = True) -> Summary:
    tally = Tally()
    for summary in fine:
        tally.absorb(summary)
    summed = tally.summary(start, seconds)
    return summed if timed else bare(summed)


def _fineness(summary: Summary) -> float:
    """Ascends along the line: what is newer is finer."""
    return -summary.seconds

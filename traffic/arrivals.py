"""When the chats of an open loop are due: at a fixed interval, or at a rate, evenly or by chance.

Such chats begin whatever became of those before them.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Protocol

from config.load import Every, OpenLoop, RateStage
from traffic.schedule import FIRST_CHAT_WITHIN_NS, NANOSECONDS, SHARES, Arrivals, Due, nanoseconds, share
from traffic.stages import Stages

LATE_NS = NANOSECONDS
"""How late a chat at a rate may still be started. After a short hold-up of chatprobe, the chats of that time begin
at once, and their lag is measured. After a longer one they would be a flood that nobody configured."""


def arrivals(load: Every | OpenLoop, start_ns: int, *, target: str, scenario: str, seed: int) -> Arrivals:
    """The chats of a load with one target, from `start_ns` on.

    `seed` decides on arrivals by chance, and on nothing else.
    """
    match load:
        case Every():
            return FixedRate(start_ns, load.seconds, target, scenario)
        case OpenLoop(stages, "constant"):
            return AtRate(Growth(stages, start_ns), Even(share(target, scenario)))
        case OpenLoop(stages):
            return AtRate(Growth(stages, start_ns), ByChance(share(target, scenario, seed)))


class FixedRate:
    """Chats due on a grid that never drifts: chat k at `start + phase + k × interval`, in whole nanoseconds.

    The phase is a share of the interval. It is a hash of target and scenario: it is the same in every run, and it keeps
    the targets' chats from coming in bunches. Where the interval is long, chat 0 alone comes earlier: its phase is the
    same share of the first five seconds, so that every target is heard of soon after the start.

    Where nobody asked until several chats were due, the newest of them is given out, late, and the others count as
    missed.
    """

    def __init__(self, start_ns: int, interval_seconds: float, target: str, scenario: str) -> None:
        self._start_ns = start_ns
        self._interval_ns = nanoseconds(interval_seconds)
        self._share = share(target, scenario)
        self._number = 0

    def next(self, now_ns: int) -> Due:
        """The next chat, as `Arrivals` has it. This load has no end."""
        newest = max(self._number, (now_ns - self._phase_ns(self._interval_ns) - self._start_ns) // self._interval_ns)
        due = Due(self._at_ns(newest), missed=newest - self._number)
        self._number = newest + 1
        return due

    def _at_ns(self, number: int) -> int:
        if number == 0:
            return self._start_ns + self._phase_ns(min(self._interval_ns, FIRST_CHAT_WITHIN_NS))
        return self._start_ns + self._phase_ns(self._interval_ns) + number * self._interval_ns

    def _phase_ns(self, span_ns: int) -> int:
        return self._share * span_ns // SHARES


class Growth:
    """How many chats a load has called for by an instant, and when it calls for a given number.

    Exact, however long it runs. The number grows at each stage's rate. What is left of a chat at the end of a stage
    counts in the next one. So a stage that is too short for a whole chat has one whenever its turns add up to one.
    Where stages hold whole chats, each begins in the same phase.
    """

    def __init__(self, stages: Sequence[RateStage], start_ns: int) -> None:
        self._stages = Stages([stage.seconds for stage in stages], start_ns)
        self._per_ns = [stage.per_second / NANOSECONDS for stage in stages]
        grown = (rate * nanoseconds(stage.seconds) for rate, stage in zip(self._per_ns, stages, strict=True) if stage.seconds is not None)
        self._grown = [Fraction(0), *accumulate(grown)]
        ends = not self._grown[-1] if self._stages.repeats else not self._per_ns[-1]
        self._most = self._grown[-1] if ends else None

    def chats(self, before_ns: int) -> Fraction:
        """How many chats are called for before an instant."""
        span = self._stages.at(before_ns)
        whole = span.number * self._grown[-1] + self._grown[span.index]
        return whole + self._per_ns[span.index] * max(0, before_ns - span.begin_ns)

    def instant_ns(self, chats: Fraction) -> int | None:
        """When so many chats are called for and the number grows on, rounded down to a whole nanosecond.

        None: never.
        """
        if self._most is not None and chats >= self._most:
            return None
        number, rest = divmod(chats, self._grown[-1]) if self._stages.repeats else (0, chats)
        index = bisect_right(self._grown, rest) - 1
        return self._stages.span(number, index).begin_ns + math.floor((rest - self._grown[index]) / self._per_ns[index])


class Marks(Protocol):
    """The points at which chats are due, on the scale of chats called for: one chat is `SHARES` long."""

    @property
    def mark(self) -> int:
        """The next point."""
        ...

    @property
    def before(self) -> int:
        """The point before it."""
        ...

    def step(self) -> None:
        """Go on by one point."""
        ...

    def skip(self, below: int) -> int:
        """Go on to the first point that is not below this one, and say how many were passed."""
        ...


class Even:
    """Points one whole chat apart.

    The first is a hash of target and scenario, which keeps the targets' chats from coming in bunches.
    """

    def __init__(self, first: int) -> None:
        self.mark = first

    @property
    def before(self) -> int:
        return self.mark - SHARES

    def step(self) -> None:
        self.mark += SHARES

    def skip(self, below: int) -> int:
        passed = max(0, -((self.mark - below) // SHARES))
        self.mark += passed * SHARES
        return passed


class ByChance:
    """Points with exponential gaps, one chat long on average: a Poisson process.

    The gaps follow from the seed alone, and are never rescaled.
    """

    def __init__(self, seed: int) -> None:
        self._gaps = random.Random(seed)
        self.mark = 0
        self.step()

    def step(self) -> None:
        self.before = self.mark
        self.mark += int(self._gaps.expovariate(1.0) * SHARES)

    def skip(self, below: int) -> int:
        passed = 0
        while self.mark < below:
            self.step()
            passed += 1
        return passed


class AtRate:
    """Chats due at a rate.

    Chats that are more than `LATE_NS` late when asked for are missed. They are counted with the chat that is given out
    next. Where the load has ended for good, no chat comes next: then the newest of them is given out, however late, so
    that none is lost.
    """

    def __init__(self, growth: Growth, marks: Marks) -> None:
        self._growth = growth
        self._marks = marks

    def next(self, now_ns: int) -> Due | None:
        """The next chat, as `Arrivals` has it."""
        too_late_ns = now_ns - LATE_NS
        missed = 0
        at_ns = self._at_ns(self._marks.mark)
        if at_ns is not None and at_ns < too_late_ns:
            missed = self._marks.skip(math.ceil(self._growth.chats(too_late_ns) * SHARES))
            at_ns = self._at_ns(self._marks.mark)
        if at_ns is not None:
            self._marks.step()
            return Due(at_ns, missed)
        newest_ns = self._at_ns(self._marks.before) if missed else None
        return None if newest_ns is None else Due(newest_ns, missed - 1)

    def _at_ns(self, mark: int) -> int | None:
        return self._growth.instant_ns(Fraction(mark, SHARES))

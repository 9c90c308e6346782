"""Whether one URL leads to one process, or to several behind a load balancer."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from exporter.native.families import START_TIME, start_seconds
from exporter.native.scrape import Scraped
from probes.numbers.family import Family

STARTS_KEPT = 16
COUNTERS_KEPT = 1000
"""Of one process; far more than any engine has."""
SWING_SCRAPES = 6
"""Counters that fell must be back within so many scrapes, and fall again within as many, to be counters of several
processes.
"""
SCRAPES_TO_BELIEVE = 10
"""After several processes were seen, so many scrapes in a row must look like one process.

Where one of two processes answers at random, one of them answers all of these about once in a thousand times.
"""

_Looks = Literal["same", "new", "several"]
"""What a scrape looks like beside the ones before it.

`same`: the process of the scrape before. `new`: possibly another process, possibly the same one restarted. `several`:
one of several.
"""


class OneProcess:
    """Watches one scrape URL.

    With `process_start_time_seconds`: a later start time is a restart. An earlier one, or one that was seen before, is
    another process.

    Without it (TGI, vLLM with several API servers) counters tell, each summed over its labels. A counter that falls is
    a restart, or an engine that counts anew. Two falls less than 6 scrapes apart, each made good within 6 scrapes, are
    several processes; so is a process that restarts all the time and never counts far. Two processes that take turns
    are seen within 6 scrapes. Of pairs that answer at random, half are seen within 9 scrapes and 99 of 100 within 26.

    Keeps 16 start times, and the counters of 7 scrapes, at most 1,000 of each.
    """

    def __init__(self) -> None:
        self._starts: deque[float | None] = deque(maxlen=STARTS_KEPT)
        self._turns = _Turns()
        self._scrapes_to_believe = 0

    def is_one(self, scraped: Scraped) -> bool:
        """Whether the URL leads to one process, as far as its scrapes show. If not, what this scrape says means
        nothing.

        Once several were seen, it takes 10 scrapes in a row that look like one process until this is true again.
        """
        match self._look(scraped.families, scraped.unread):
            case "several":
                self._scrapes_to_believe = SCRAPES_TO_BELIEVE
            case "new" if self._scrapes_to_believe:
                self._scrapes_to_believe = SCRAPES_TO_BELIEVE
            case "same" if self._scrapes_to_believe:
                self._scrapes_to_believe -= 1
        return not self._scrapes_to_believe

    def _look(self, families: Sequence[Family], unread: Collection[str]) -> _Looks:
        if START_TIME in unread:
            return "same"
        start = start_seconds(families)
        if not self._starts:
            self._starts.append(start)
        last = self._starts[-1]
        if start == last:
            return "same" if start is not None else self._turns.judge(_counters(families), unread)
        is_known = start in self._starts or (start is not None and last is not None and start < last)
        self._starts.append(start)
        self._turns = _Turns()
        return "several" if is_known else "new"


@dataclass(frozen=True, slots=True, eq=False)
class _Fall:
    """At scrape number `at` some counter stood lower than before. `before` is where all of them stood."""

    at: int
    before: Mapping[str, float]


class _Turns:
    """Compares the counters of successive scrapes: do they swing between those of several processes?"""

    def __init__(self) -> None:
        self._number = 0
        self._last: Mapping[str, float] = {}
        self._falls: list[_Fall] = []
        self._swung: int | None = None

    def judge(self, counters: Mapping[str, float], unread: Collection[str]) -> _Looks:
        """`unread` are counters that could not be read, or not all of them. They stand where they stood."""
        self._number += 1
        counters = {**counters, **{name: value for name, value in self._last.items() if name in unread}}
        has_fallen = not _reaches(counters, self._last)
        falls = [fall for fall in self._falls if self._number - fall.at < SWING_SCRAPES]
        back = [fall for fall in falls if _reaches(counters, fall.before)]
        self._falls = [fall for fall in falls if fall not in back]
        if has_fallen:
            self._falls.append(_Fall(self._number, self._last))
        self._last = counters
        if not back:
            return "new" if has_fallen else "same"
        earlier, self._swung = self._swung, back[-1].at
        return "several" if earlier is not None and self._swung - earlier < SWING_SCRAPES else "new"


def _reaches(counters: Mapping[str, float], before: Mapping[str, float]) -> bool:
    """Whether no counter stands lower than before.

    A counter that is missing now counts as 0: in the same process it had never been above that.
    """
    return all(counters.get(name, 0.0) >= value for name, value in before.items())


def _counters(families: Sequence[Family]) -> dict[str, float]:
    """Everything that only grows in one process: counters, and the counts of histograms; by name, summed over labels."""
    values: defaultdict[str, list[float]] = defaultdict(list)
    for name, value in _growing(families):
        values[name].append(value)
    sound = {name: math.fsum(each) for name, each in sorted(values.items()) if all(map(math.isfinite, each))}
    return dict(list(sound.items())[:COUNTERS_KEPT])


def _growing(families: Sequence[Family]) -> Iterator[tuple[str, float]]:
    for family in families:
        for sample in family.samples:
            if family.type == "counter" or (family.type == "histogram" and sample.name.endswith("_count")):
                yield sample.name, sample.value

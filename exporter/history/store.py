"""The history of chats: what pages and the API show of the past."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from config.history import HistorySettings
from config.model import Config, Doubtful, Slo
from exporter.history.kept import Kept, Wanted, keep
from exporter.history.recent import RECENT_SECONDS
from exporter.history.ring import Ring, Room
from exporter.history.sketch import Sketch
from exporter.history.tally import MEASURES, Summary, Tally
from exporter.history.timeline import DAY, MINUTE, Retention, Timeline, total
from exporter.history.window import Window
from exporter.metrics.slo import timings_count
from probes.record import ChatRecord
from traffic.events import Event, Pair, Skip
from traffic.pairs import compared
from traffic.schedule import Clock

FOLLOWED_AT_MOST = 2_000
"""Of how many targets' scenarios there are summaries. Beyond, those go that were silent for longest: of targets that are gone."""
SWEPT_AT_ONCE = 20
"""How many targets' scenarios are looked through in a minute for summaries that have grown old: all of them in 100 minutes."""
CACHED_SERIES = 2_000
"""Of which the values that do not change any more are held."""
SERIES = (*MEASURES.values(), "chats", "failed")
"""What `History.series` gives: the median of a measure; how many chats ended; which share of them failed."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """How chats are counted: the SLOs of each scenario, how many tokens its answers may have, and what becomes of doubtful timings."""

    slos: Mapping[str, Mapping[str, Slo]]
    answer_tokens: Mapping[str, int]
    doubtful: Doubtful


class Journal(Protocol):
    """What outlasts the process."""

    def keep_chat(self, kept: Kept) -> None:
        """Keep a chat. Never blocks."""
        ...

    def keep_summary(self, target: str, scenario: str, summary: Summary) -> None:
        """Keep a summary, in place of all earlier ones within its span. Never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of the time before: chats, of each outcome the newest first, and summaries by target and scenario, oldest first."""

    chats: Sequence[Kept]
    summaries: Mapping[tuple[str, str], Sequence[Summary]]


class History:
    """A sink of traffic's events that remembers them in memory, in bounded room, and never waits for a disk.

    What it learns, it tells the `journal`, if there is one.
    """

    def __init__(self, config: Config, clock: Clock, room: Room = Room()) -> None:  # noqa: B008 - it is immutable
        self._clock = clock
        self._ring = Ring(room)
        self._timelines: dict[tuple[str, str], Timeline] = {}
        self._by_target: dict[str, dict[str, Timeline]] = {}
        self._points: dict[tuple[str, str, float], dict[float, float | None]] = {}
        self._followers: list[Callable[[Kept], None]] = []
        self._last_number = 0
        self._restored = False
        self._swept_at = -math.inf
        self.journal: Journal | None = None
        self.configure(config)

    def configure(self, config: Config) -> None:
        """Work by this configuration from now on. What is known stays."""
        names = config.scenarios
        self._terms = _Terms(
            {name: {slo_name: slo for slo_name, slo in config.slos.items() if slo.scenario == name} for name in names},
            {name: scenario.max_tokens for name, scenario in names.items()},
            config.limits.doubtful,
        )
        self._retention = retention(config.history, config.slos.values())
        for timeline in self._timelines.values():
            timeline.retention = self._retention

    def follow(self, follower: Callable[[Kept], None]) -> Callable[[], None]:
        """Have each chat told from now on, on the event loop. Gives what ends that."""
        self._followers.append(follower)

        def end() -> None:
            if follower in self._followers:
                self._followers.remove(follower)

        return end

    def restore(self, past: Past) -> None:
        """Take up what was known before this process began; once, as it would stand there twice."""
        if self._restored:
            return
        self._restored = True
        now = self._clock.epoch_seconds()
        self._ring.restore(past.chats)
        self._last_number = max((kept.number for kept in past.chats), default=self._last_number)
        for key, summaries in past.summaries.items():
            self._timeline(*key).restore(summaries, now)
        self._points.clear()

    def flush(self) -> None:
        """Tell the journal of the minute that goes on."""
        for timeline in self._timelines.values():
            timeline.close()

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord(outcome="cancelled"):
                pass
            case ChatRecord():
                self._chat(event)
            case Skip():
                self._tally(event.target, event.scenario).skip(event, self._terms.slos.get(event.scenario, {}))
            case Pair(scenario=scenario) if scenario in self._terms.answer_tokens:
                for found in compared(event, self._terms.answer_tokens[scenario]):
                    self._tally(found.target, scenario).pair(found)

    def find(self, wanted: Wanted) -> list[Kept]:
        """The chats that are asked for, newest first."""
        self._sweep()
        return self._ring.newest_first(wanted)

    def get(self, number: int) -> Kept | None:
        """One chat; None where it is not held."""
        return self._ring.get(number)

    def window(self, target: str, scenario: str | None, seconds: float, ago_seconds: float = 0) -> Window:
        """The chats with a target that ended in the last `seconds`, or in as long a time that ended so long ago."""
        end = math.nextafter(self._clock.epoch_seconds() - ago_seconds, math.inf)
        if seconds == RECENT_SECONDS and not ago_seconds:
            return Window(self._recent(target, scenario, end), seconds)
        return Window(self._total(target, scenario, end - seconds, end, frozenset(MEASURES.values())), seconds)

    def counts(self, target: str, scenario: str, seconds: float) -> Window:
        """The chats of the last `seconds` without their timings: at less cost, and for longer than timings are kept."""
        end = math.nextafter(self._clock.epoch_seconds(), math.inf)
        return Window(self._total(target, scenario, end - seconds, end, ()), seconds)

    def summaries(self, target: str, scenario: str, seconds: float) -> Iterator[Summary]:
        """What is known of the last `seconds`, oldest first, as fine as it is known."""
        timeline = self._timelines.get((target, scenario))
        end = math.nextafter(self._clock.epoch_seconds(), math.inf)
        return iter(()) if timeline is None else timeline.between(end - seconds, end, finest=True)

    def since(self, target: str) -> float | None:
        """When the first of the chats with a target was of which anything is known, seconds since the epoch; None without any."""
        return min((line.first_seconds for line in self._by_target.get(target, {}).values()), default=None)

    def series(self, target: str, measure: str, seconds: float, points: int) -> Sequence[float | None]:
        """One of `SERIES` over the last `seconds`, a value for each of so many equal parts, oldest first; None where there was no chat.

        Raises `ValueError` for another measure.
        """
        if measure not in SERIES:
            raise ValueError(f"is no series; there are {', '.join(SERIES)}")
        step = max(seconds / points, 1.0)
        now = self._clock.epoch_seconds()
        end = (now // step + 1) * step
        begins = [end - number * step for number in range(points, 0, -1)]
        known = self._points.get((target, measure, step), {})
        values = {begin: known[begin] if begin in known else self._value(target, measure, begin, step) for begin in begins}
        if len(self._points) >= CACHED_SERIES:
            self._points.clear()
        self._points[target, measure, step] = {begin: value for begin, value in values.items() if begin + step <= now - MINUTE}
        return list(values.values())

    def _chat(self, record: ChatRecord) -> None:
        now = self._clock.epoch_seconds()
        timed = timings_count(record, self._terms.doubtful)
        self._tally(record.target, record.scenario).chat(record, self._terms.slos.get(record.scenario, {}), timed=timed)
        self._last_number = max(self._last_number + 1, round(now * 1e6))
        kept = keep(record, self._last_number, now)
        self._ring.add(kept)
        if self.journal is not None:
            self.journal.keep_chat(kept)
        for follower in tuple(self._followers):
            follower(kept)
        self._sweep()

    def _tally(self, target: str, scenario: str) -> Tally:
        return self._timeline(target, scenario).now(self._clock.epoch_seconds())

    def _timeline(self, target: str, scenario: str) -> Timeline:
        key = target, scenario
        found = self._timelines.get(key)
        if found is None:
            if len(self._timelines) >= FOLLOWED_AT_MOST:
                self._forget(*min(self._timelines, key=lambda one: self._timelines[one].last_seconds))
            found = self._timelines[key] = Timeline(self._retention, lambda summary: self._keep_summary(target, scenario, summary))
            self._by_target.setdefault(target, {})[scenario] = found
        return found

    def _forget(self, target: str, scenario: str) -> None:
        del self._timelines[target, scenario]
        of_target = self._by_target[target]
        del of_target[scenario]
        if not of_target:
            del self._by_target[target]

    def _keep_summary(self, target: str, scenario: str, summary: Summary) -> None:
        if self.journal is not None:
            self.journal.keep_summary(target, scenario, summary)

    def _recent(self, target: str, scenario: str | None, end: float) -> Tally:
        first, *others = [line.recent(end) for line in self._lines(target, scenario)] or [Tally()]
        for other in others:
            first.merge(other)
        return first

    def _lines(self, target: str, scenario: str | None) -> list[Timeline]:
        return [line for of, line in self._by_target.get(target, {}).items() if scenario in (None, of)]

    def _total(self, target: str, scenario: str | None, begin: float, end: float, measures: Collection[str]) -> Tally:
        return total((summary for line in self._lines(target, scenario) for summary in line.between(begin, end)), measures)

    def _value(self, target: str, measure: str, begin: float, seconds: float) -> float | None:
        if measure in MEASURES.values():
            first, *others = [line.timings(measure, begin, begin + seconds) for line in self._lines(target, None)] or [Sketch()]
            for other in others:
                first.merge(other)
            return first.quantile(0.5)
        window = Window(self._total(target, None, begin, begin + seconds, ()), seconds)
        if measure == "chats":
            return float(window.count)
        return window.failed / window.count if window.count else None

    def _sweep(self) -> None:
        """Once a minute, forget what is too old; of the summaries each time a few, as there may be many."""
        now = self._clock.epoch_seconds()
        if not 0 <= now - self._swept_at < MINUTE:
            self._swept_at = now
            self._ring.forget_before(now - self._retention.keep_seconds)
            for key in tuple(islice(self._timelines, SWEPT_AT_ONCE)):
                if self._timelines[key].grow_old(now):
                    self._timelines[key] = self._timelines.pop(key)  # to the end of the line
                else:
                    self._forget(*key)


def retention(settings: HistorySettings, slos: Collection[Slo]) -> Retention:
    """How long what is kept by a configuration."""
    longest = max((slo.window_seconds for slo in slos), default=DAY)
    return Retention(settings.keep_seconds, longest)

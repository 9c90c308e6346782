"""The load of each engine by its own metrics, of all its clients: what a scenario that yields goes by."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

from exporter.native.scrape import Scraped
from probes.numbers.number import Number
from probes.numbers.page import Numbers, amount
from traffic.schedule import Clock, nanoseconds
from traffic.yielding import OWN_OVER_SECONDS, EngineLoad

STALE_AFTER_INTERVALS = 3
"""A scrape older than this says nothing of the load now."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One scrape. `tokens` is how many were generated since the first scrape, across restarts of the engine."""

    at_ns: int
    counter: float
    tokens: float
    waiting: float


class Loads:
    """A `traffic.yielding.Usage`: generated tokens a second over about the last minute, and requests at the newest
    scrape.

    The load of a target is the sum over its replicas. It is known once each replica was scraped for a minute, as
    chatprobe's own tokens are counted over a minute too, and while the newest scrape is not older than three intervals.
    Everything may be called from any thread.
    """

    def __init__(self, clock: Clock, interval_seconds: float) -> None:
        self._clock = clock
        self._stale_ns = 0
        self._lock = Lock()
        self._looks: dict[str, dict[str | None, deque[_Look]]] = {}
        self._replicas: Counter[str] = Counter()
        self.configure(interval_seconds)

    def configure(self, interval_seconds: float) -> None:
        """Scrapes come at this interval from now on."""
        self._stale_ns = nanoseconds(STALE_AFTER_INTERVALS * interval_seconds)

    def set_replicas(self, replicas: Iterable[tuple[str, str | None]]) -> None:
        """These are scraped from now on: (target, replica).

        While the load of one replica is not known, the load of its target is not.
        """
        self._replicas = Counter(target for target, _ in replicas)

    def add_scrape(self, target: str, replica: str | None, scraped: Scraped) -> None:
        """Take what one process told. One that tells nothing of its load changes nothing."""
        told, at_ns = _read(scraped.numbers), scraped.ended_ns
        if told is None:
            return
        with self._lock:
            looks = self._looks.setdefault(target, {}).setdefault(replica, deque())
            if looks and at_ns - looks[-1].at_ns > self._stale_ns:
                looks.clear()
            looks.append(_after(looks[-1] if looks else None, told, at_ns))
            while len(looks) > 1 and looks[1].at_ns <= at_ns - nanoseconds(OWN_OVER_SECONDS):
                looks.popleft()

    def drop(self, target: str, replica: str | None) -> None:
        """Forget one process: it is gone, or what it told was not its own."""
        with self._lock:
            self._looks.get(target, {}).pop(replica, None)

    def forget(self, target: str) -> None:
        """Forget a target that is gone."""
        with self._lock:
            self._looks.pop(target, None)

    def load(self, target: str) -> EngineLoad | None:
        oldest_ns = self._clock.monotonic_ns() - self._stale_ns
        with self._lock:
            known = [looks for looks in self._looks.get(target, {}).values() if _covers_a_minute(looks) and looks[-1].at_ns >= oldest_ns]
            if not known or len(known) < self._replicas[target]:
                return None
            return EngineLoad(
                generated_tokens_per_second=sum(map(_tokens_per_second, known)),
                requests_waiting=sum(looks[-1].waiting for looks in known),
            )


def _read(numbers: Numbers) -> tuple[float, float] | None:
    """(Tokens generated so far, requests waiting); None where the tokens are not told.

    Where no gauge tells of requests, none wait.
    """
    tokens = amount(numbers, Number.GENERATION_TOKENS)
    if tokens is None:
        return None
    return tokens, amount(numbers, Number.REQUESTS_WAITING) or 0.0


def _after(before: _Look | None, told: tuple[float, float], at_ns: int) -> _Look:
    counter, waiting = told
    if before is None:
        return _Look(at_ns, counter, 0, waiting)
    grown = counter - before.counter if counter >= before.counter else counter
    return _Look(at_ns, counter, before.tokens + grown, waiting)


def _covers_a_minute(looks: Sequence[_Look]) -> bool:
    return looks[-1].at_ns - looks[0].at_ns >= nanoseconds(OWN_OVER_SECONDS)


def _tokens_per_second(looks: Sequence[_Look]) -> float:
    return (looks[-1].tokens - looks[0].tokens) * 1e9 / (looks[-1].at_ns - looks[0].at_ns)

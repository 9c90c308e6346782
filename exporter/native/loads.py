"""How much the engines are used, by whomever, from their own metrics: what holds back a scenario that yields."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock

from probes.numbers.number import Number
from probes.numbers.page import Numbers, amount
from traffic.schedule import Clock, nanoseconds
from traffic.yielding import OWN_OVER_SECONDS, EngineLoad

STALE_AFTER_INTERVALS = 3
"""A scrape older than this says nothing of now."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One scrape. `tokens` have been generated since the first one, restarts of the engine left out."""

    at_ns: int
    counter: float
    tokens: float
    running: float
    waiting: float


class Loads:
    """A `traffic.yielding.Usage`: tokens a second over about the last minute, requests as of the newest scrape, replicas added up.

    A load is known once a process was looked at for a minute, so that what chatprobe itself had generated in that time is known as well, and as
    long as its newest scrape is not older than three intervals. Everything may be called from any thread.
    """

    def __init__(self, clock: Clock, interval_seconds: float) -> None:
        self._clock = clock
        self._stale_ns = 0
        self._lock = Lock()
        self._looks: dict[str, dict[str | None, deque[_Look]]] = {}
        self._replicas: Counter[str] = Counter()
        self.configure(interval_seconds)

    def configure(self, interval_seconds: float) -> None:
        """Another time between two scrapes, from now on."""
        self._stale_ns = nanoseconds(STALE_AFTER_INTERVALS * interval_seconds)

    def follow(self, replicas: Iterable[tuple[str, str | None]]) -> None:
        """Each replica of each target that is read from now on: where one of them is not known, the target's load is not."""
        self._replicas = Counter(target for target, _ in replicas)

    def put(self, target: str, replica: str | None, numbers: Numbers, at_ns: int) -> None:
        """What one process told at `at_ns`, on the monotonic clock. One that tells nothing of its load changes nothing, and grows stale."""
        told = _read(numbers)
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
        """One process of the target is gone, or what was known of it is worth nothing."""
        with self._lock:
            self._looks.get(target, {}).pop(replica, None)

    def forget(self, target: str) -> None:
        """The target is gone."""
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
                requests_running=sum(looks[-1].running for looks in known),
                requests_waiting=sum(looks[-1].waiting for looks in known),
            )


def _read(numbers: Numbers) -> tuple[float, float, float] | None:
    """Tokens so far, requests running and waiting; None where the tokens are not told. Where no gauge tells of requests, there are none."""
    tokens = amount(numbers, Number.GENERATION_TOKENS)
    if tokens is None:
        return None
    return tokens, amount(numbers, Number.REQUESTS_RUNNING) or 0.0, amount(numbers, Number.REQUESTS_WAITING) or 0.0


def _after(before: _Look | None, told: tuple[float, float, float], at_ns: int) -> _Look:
    counter, running, waiting = told
    if before is None:
        return _Look(at_ns, counter, 0, running, waiting)
    grown = counter - before.counter if counter >= before.counter else counter
    return _Look(at_ns, counter, before.tokens + grown, running, waiting)


def _covers_a_minute(looks: Sequence[_Look]) -> bool:
    return looks[-1].at_ns - looks[0].at_ns >= nanoseconds(OWN_OVER_SECONDS)


def _tokens_per_second(looks: Sequence[_Look]) -> float:
    return (looks[-1].tokens - looks[0].tokens) * 1e9 / (looks[-1].at_ns - looks[0].at_ns)

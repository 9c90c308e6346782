"""Whether a target answers, as `alerts.recordings.UP` tells it, by the same numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite

from alerts.recordings import FEWEST_TRIED, HELD_INTERVALS, HELD_SECONDS_MORE, PACE_SECONDS, SINGLE_INTERVALS, SINGLE_SECONDS
from config.demand import longest_interval_seconds
from config.model import Config, Scenario
from exporter.web.pages.standing import Counted


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited with the chats of a scenario until none is held any more, and until a failure after a success is no single one."""

    held_seconds: float
    single_seconds: float

    @classmethod
    def of(cls, scenario: Scenario) -> Patience:
        """That of a scenario; where its chats end for good, they are taken to come at a pace while there are any."""
        interval = longest_interval_seconds(scenario)
        pace = interval if isfinite(interval) else PACE_SECONDS
        return cls(HELD_INTERVALS * pace + scenario.timeout_seconds + HELD_SECONDS_MORE, max(SINGLE_INTERVALS * pace, SINGLE_SECONDS))


def patience(config: Config) -> dict[str, Patience]:
    """That of each scenario."""
    return {name: Patience.of(scenario) for name, scenario in config.scenarios.items()}


@dataclass(frozen=True, slots=True)
class Answers:
    """Whether chats tell that a target does not answer. `last` and `last_success` are when its last chats ended, seconds since the epoch."""

    fails: bool
    last: float | None
    last_success: float | None

    @property
    def failed_last(self) -> bool:
        """Whether it does not answer, and no chat has succeeded meanwhile."""
        return self.fails and (self.last_success is None or (self.last is not None and self.last_success < self.last))

    def succeeded_within(self, seconds: float, now: float) -> bool:
        """Whether a chat has succeeded in the last seconds before that instant, in seconds since the epoch."""
        return self.last_success is not None and now - self.last_success <= seconds


def answers(counted: Mapping[str, Counted], patience: Mapping[str, Patience], now: float) -> Answers:
    """Whether a target does at that instant, in seconds since the epoch, by its chats of each scenario."""
    held = [(one, patience[name]) for name, one in counted.items() if one.last is not None]
    last = max((counted.last for counted, _ in held if counted.last is not None), default=None)
    success = max((counted.last_success for counted, _ in held if counted.last_success is not None), default=None)
    return Answers(any(_fails(held, success, now)), last, success)


def _fails(held: list[tuple[Counted, Patience]], success: float | None, now: float) -> Iterator[bool]:
    """For each scenario, whether its chats tell that the target does not answer any."""
    for counted, waits in held:
        assert counted.last is not None
        if counted.succeeded is not False or now - counted.last >= waits.held_seconds or counted.chats < FEWEST_TRIED:
            continue
        if success is None:
            yield True
        elif counted.last - success >= waits.single_seconds:
            yield counted.last_success is not None and success - counted.last_success < waits.single_seconds

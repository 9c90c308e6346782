"""The alerts on targets whose facts this process has itself, looked at as often as Prometheus evaluates their rules, and kept as it keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

from alerts.targets import ALERTS, CERTIFICATE_DAYS, DOWN, SECONDS_AGO
from alerts.windows import DAY, Severity
from exporter.web.pages.answering import answers, patience
from exporter.web.pages.budgets import Budgets, Burn, seconds
from exporter.web.pages.holding import Holding, Phase
from exporter.web.pages.standing import Stand, Standing
from exporter.web.pages.wording import span
from probes.record import ChatRecord
from traffic.events import Event, Facts, Skip
from traffic.roster import Roster
from traffic.schedule import Clock

MOST_MISSED_SECONDS = 7200.0
"""For so long evaluations are made up for, where nobody looked and nothing happened: it is longer than any alert waits."""
_RULES = {alert.name: alert for alert in ALERTS}


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert on one target as this process sees it. `since` is when what it looks at began to hold, seconds since the epoch."""

    alert: str
    target: str
    state: Phase
    pages: bool
    why: str
    since: float | None = None


class _OfTarget:
    """The alerts on one target that are no SLO's, and when all were last evaluated, on the monotonic clock."""

    def __init__(self) -> None:
        self.evaluated: float | None = None
        self.down = _holding(DOWN)
        self.certificates = {name: _holding(name) for name in CERTIFICATE_DAYS}


class Alarms:
    """A sink that must hear of each event before those that keep how targets stand: what was until now is evaluated first."""

    def __init__(self, standing: Standing, budgets: Budgets, clock: Clock) -> None:
        self._standing = standing
        self._budgets = budgets
        self._clock = clock
        self._targets: dict[str, _OfTarget] = {}
        self.show(standing.roster)

    def show(self, roster: Roster) -> None:
        """Look at these targets from now on."""
        self._every = roster.config.alerts.evaluation_interval_seconds
        self._patience = patience(roster.config)
        self._targets = {name: self._targets.get(name) or _OfTarget() for name in roster.members}

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord() | Skip() | Facts():
                self.catch_up(event.target)

    def catch_up(self, target: str) -> None:
        """Make the evaluations that have become due."""
        mine, stand = self._targets.get(target), self._standing.stands.get(target)
        now = seconds(self._clock)
        if mine is None or stand is None or (mine.evaluated is not None and now < mine.evaluated + self._every):
            return
        newest = floor(now / self._every)
        oldest = newest if mine.evaluated is None else ceil((mine.evaluated + self._every) / self._every)
        for number in range(max(oldest, newest - ceil(MOST_MISSED_SECONDS / self._every)), newest + 1):
            mine.evaluated = number * self._every
            self._evaluate(mine, stand, mine.evaluated)

    def of(self, target: str) -> Iterator[Seen]:
        """The alerts on one target, those that are quiet too."""
        self.catch_up(target)
        mine, stand = self._targets[target], self._standing.stands[target]
        ago = self._clock.epoch_seconds() - seconds(self._clock)
        yield _seen(DOWN, target, mine.down, "No chat succeeds.", ago)
        for budget in self._budgets.of(target):
            for burn in budget.burns:
                since = None if burn.since is None else burn.since + ago
                yield Seen(burn.alert, target, burn.phase, burn.pages, _windows(budget.objective.name, burn), since)
        if stand.certificate_expiry is not None:
            left_days = (stand.certificate_expiry - self._clock.epoch_seconds()) / DAY
            for name, holding in mine.certificates.items():
                yield _seen(name, target, holding, f"Its certificate ends in {left_days:.1f} days.", ago)

    def _evaluate(self, mine: _OfTarget, stand: Stand, now: float) -> None:
        at = now + self._clock.epoch_seconds() - seconds(self._clock)
        found = answers(stand, self._patience, at)
        lately = found.last_success is not None and at - found.last_success <= SECONDS_AGO
        mine.down.evaluate(now, found.failed_last, ends=lately)
        self._budgets.evaluate(stand.name, now, mine.down.fired_at)
        for name, days in CERTIFICATE_DAYS.items():
            expiry = stand.certificate_expiry
            mine.certificates[name].evaluate(now, expiry is not None and expiry - at < days * DAY)


def _windows(slo: str, burn: Burn) -> str:
    """What both windows of a burn rate have."""
    short, long = burn.short, burn.long
    return f"{slo}: {short.bad:,} of {short.all:,} bad in {span(burn.pair.short)}, {long.bad:,} of {long.all:,} in {span(burn.pair.long)}."


def _holding(alert: str) -> Holding:
    rule = _RULES[alert]
    return Holding(rule.for_seconds, rule.keep_seconds)


def _seen(alert: str, target: str, holding: Holding, why: str, ago: float) -> Seen:
    since = None if holding.since is None else holding.since + ago
    return Seen(alert, target, holding.phase, _RULES[alert].severity is Severity.PAGE, why, since)

"""The alerts that this process can tell itself, looked at as often as Prometheus evaluates their rules, and kept as it keeps them.

Whether targets answer, error budgets and certificates go by events, each as it comes. The others go by samples of the metrics that are served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor

import structlog

from alerts.slos import EXHAUSTED
from alerts.targets import ALERTS, CERTIFICATE_DAYS, DOWN, SECONDS_AGO
from alerts.windows import DAY, Severity
from exporter.alarms.answering import Answers, answers, patience
from exporter.alarms.evaluation import Evaluation
from exporter.alarms.holding import Holding, Phase
from exporter.alarms.samples import Read, Source
from exporter.web.pages.budgets import Budget, Budgets, Burn, seconds
from exporter.web.pages.standing import Stand, Standing
from exporter.wording import percent, span, three_digits
from probes.record import ChatRecord
from traffic.events import Event, Facts, Skip
from traffic.roster import Roster
from traffic.schedule import Clock, nanoseconds

MOST_MISSED_SECONDS = 7200.0
"""For so long evaluations are made up for, where nobody looked and nothing happened: it is longer than any alert waits."""
_RULES = {alert.name: alert for alert in ALERTS}
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """An alert as this process sees it, on one target, or on chatprobe itself where that is None. `since` is when what it looks at began to hold,
    seconds since the epoch."""

    alert: str
    target: str | None
    state: Phase
    severity: Severity
    why: str
    since: float | None = None

    @property
    def kind(self) -> str:
        """The class that gives it a colour."""
        return _KINDS[self.severity]


_KINDS = {Severity.PAGE: "bad", Severity.TICKET: "warn", Severity.INFO: "quiet"}


class _OfTarget:
    """The alerts on one target that go by events and are no SLO's, and when all were last evaluated, on the monotonic clock."""

    def __init__(self) -> None:
        self.evaluated: float | None = None
        self.down = _holding(DOWN)
        self.certificates = {name: _holding(name) for name in CERTIFICATE_DAYS}

    def begin_anew(self) -> None:
        """It has another model: alerts on the one before end. That they fired is known still."""
        fired_at = self.down.fired_at
        self.down = _holding(DOWN)
        self.down.fired_at = fired_at
        self.certificates = {name: _holding(name) for name in CERTIFICATE_DAYS}


class Alarms:
    """A sink that must hear of each event before those that keep how targets stand: what was until now is evaluated first."""

    def __init__(self, standing: Standing, budgets: Budgets, clock: Clock, source: Source, read: Read) -> None:
        self._standing = standing
        self._budgets = budgets
        self._clock = clock
        self._targets: dict[str, _OfTarget] = {}
        self._sampled = Evaluation(source, read)
        self.show(standing.roster)

    def show(self, roster: Roster) -> None:
        """Look at these targets from now on."""
        self._every = roster.config.alerts.evaluation_interval_seconds
        self._patience = patience(roster.config)
        self._targets = {name: self._targets.get(name) or _OfTarget() for name in roster.members}

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord() | Skip():
                self.catch_up(event.target)
            case Facts(target=target):
                self.catch_up(target)
                stand, mine = self._standing.stands.get(target), self._targets.get(target)
                if stand is not None and mine is not None and stand.facts.model != event.model:
                    mine.begin_anew()

    async def watch(self) -> None:
        """Take a sample whenever an evaluation is due, for ever. It is taken in a thread, as a scrape is."""
        while True:
            due = (floor(seconds(self._clock) / self._every) + 1) * self._every
            await self._clock.sleep_until(nanoseconds(due))
            try:
                await asyncio.to_thread(self._sampled.take, seconds(self._clock), self._answers(), self._clock.epoch_seconds())
            except Exception:  # noqa: BLE001 - the edge of a look: whatever it is, the next one comes
                _log.exception("alerts could not be looked at")

    def sample(self) -> None:
        """Take one now."""
        self._sampled.take(seconds(self._clock), self._answers(), self._clock.epoch_seconds())

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

    def all(self) -> Iterator[Seen]:
        """The alerts on all targets, and on chatprobe itself."""
        for target in self._targets:
            yield from self._by_events(target)
        for sampled in self._sampled.targets():
            yield from self._by_samples(sampled)

    def of(self, target: str | None) -> Iterator[Seen]:
        """The alerts on one target, or on chatprobe itself. Of those that go by samples there are the ones that hold."""
        if target is not None:
            yield from self._by_events(target)
        yield from self._by_samples(target)

    def is_down(self, target: str) -> bool:
        """Whether the alert for that is pending or fires, or would with an evaluation now."""
        self.catch_up(target)
        found = self._answers_of(self._standing.stands[target], self._clock.epoch_seconds())
        if found.succeeded_within(SECONDS_AGO, self._clock.epoch_seconds()):
            return False
        return found.failed_last or self._targets[target].down.phase != "quiet"

    def _by_events(self, target: str) -> Iterator[Seen]:
        self.catch_up(target)
        mine, stand = self._targets[target], self._standing.stands[target]
        yield self._seen(DOWN, target, mine.down, "No chat succeeds.")
        for budget in self._budgets.of(target):
            for burn in budget.burns:
                severity = Severity.PAGE if burn.pages else Severity.TICKET
                yield Seen(burn.alert, target, burn.phase, severity, _windows(budget.objective.name, burn), self._epoch(burn.since))
            spent = budget.exhausted
            yield Seen(EXHAUSTED, target, spent.phase, Severity.INFO, _spent(budget), self._epoch(spent.since))
        if stand.certificate_expiry is not None:
            left_days = (stand.certificate_expiry - self._clock.epoch_seconds()) / DAY
            for name, holding in mine.certificates.items():
                yield self._seen(name, target, holding, f"Its certificate ends in {left_days:.1f} days.")

    def _by_samples(self, target: str | None) -> Iterator[Seen]:
        if target is None or target in self._targets:
            for kept in self._sampled.of(target):
                alert = kept.condition.alert
                yield Seen(alert.name, target, kept.phase, alert.severity, kept.why, self._epoch(kept.holding.since))

    def _evaluate(self, mine: _OfTarget, stand: Stand, now: float) -> None:
        at = now + self._clock.epoch_seconds() - seconds(self._clock)
        found = self._answers_of(stand, at)
        mine.down.evaluate(now, found.failed_last, ends=found.succeeded_within(SECONDS_AGO, at))
        self._budgets.evaluate(stand.name, now, mine.down.fired_at)
        for name, days in CERTIFICATE_DAYS.items():
            expiry = stand.certificate_expiry
            mine.certificates[name].evaluate(now, expiry is not None and expiry - at < days * DAY)

    def _answers(self) -> dict[str, Answers]:
        now = self._clock.epoch_seconds()
        return {name: self._answers_of(stand, now) for name, stand in self._standing.stands.items()}

    def _answers_of(self, stand: Stand, now: float) -> Answers:
        return answers(stand.counted, self._patience, now)

    def _seen(self, alert: str, target: str, holding: Holding, why: str) -> Seen:
        return Seen(alert, target, holding.phase, _RULES[alert].severity, why, self._epoch(holding.since))

    def _epoch(self, since: float | None) -> float | None:
        """An instant on the monotonic clock in seconds since the epoch."""
        return None if since is None else since + self._clock.epoch_seconds() - seconds(self._clock)


def _windows(slo: str, burn: Burn) -> str:
    """What both windows of a burn rate have."""
    short, long = burn.short, burn.long
    return f"{slo}: {short.bad:,} of {short.all:,} bad in {span(burn.pair.short)}, {long.bad:,} of {long.all:,} in {span(burn.pair.long)}."


def _spent(budget: Budget) -> str:
    """How much of an error budget is spent, as far as that is known."""
    known = f"{percent(budget.measured)} of {span(budget.objective.period)}"
    return f"{budget.objective.name}: {three_digits(budget.spent)} times its budget is spent, of {known} known here."


def _holding(alert: str) -> Holding:
    rule = _RULES[alert]
    return Holding(rule.for_seconds, rule.keep_seconds)

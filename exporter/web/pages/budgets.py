"""Error budgets and burn rates of every target, from the attempts that this process saw itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from alerts.objective import Alarm, Objective, objectives
from alerts.slos import BURN, alarm_waits
from alerts.windows import WindowPair
from config.demand import chats_per_second_on_average
from config.model import Doubtful
from exporter.metrics.slo import chat_was_good, skip_was_good, timings_count
from exporter.web.pages.sliding import Attempts, Sliding
from probes.record import ChatRecord
from traffic.events import Event, Skip
from traffic.roster import Roster
from traffic.schedule import NANOSECONDS, Clock


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows of an SLO, as its alert would see it.

    `held_seconds` is for how long both windows are above the burn rate, None where they are not. `waits_seconds` is how
    long they must be before the alert fires.
    """

    alert: str
    pair: WindowPair
    pages: bool
    threshold: float
    short: Attempts
    long: Attempts
    held_seconds: float | None
    waits_seconds: float

    @property
    def fires(self) -> bool:
        return self.held_seconds is not None and self.held_seconds >= self.waits_seconds


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget of one target for one SLO, of what was seen within its period.

    `expected` is how many attempts a whole period has. `left` is the share of the budget that is left if nothing is bad
    in what of the period was not seen: below 0 where more was bad than may be. None before the first attempt.
    """

    objective: Objective
    attempts: Attempts
    expected: float
    burns: tuple[Burn, ...]

    @property
    def left(self) -> float | None:
        allowed = float(self.objective.budget) * max(self.attempts.all, self.expected)
        return None if not self.attempts.all else 1 - self.attempts.bad / allowed

    @property
    def fires(self) -> list[Burn]:
        return [burn for burn in self.burns if burn.fires]


class _Alarming:
    """One pair of windows, and since when both are above its burn rate."""

    def __init__(self, alarm: Alarm, budget: Decimal) -> None:
        self._alarm = alarm
        self._threshold = float(alarm.pair.factor * budget)
        self._short, self._long = Sliding(alarm.pair.short), Sliding(alarm.pair.long)
        self._since: float | None = None

    def add(self, now: float, count: int, bad: int) -> None:
        self._short.add(now, count, bad)
        self._long.add(now, count, bad)
        self.look(now)

    def look(self, now: float) -> Burn:
        pair, short, long = self._alarm.pair, self._short.counted(now), self._long.counted(now)
        above = short.bad_share > self._threshold and long.bad_share > self._threshold and long.bad >= self._alarm.fewest
        self._since = (now if self._since is None else self._since) if above else None
        held = None if self._since is None else now - self._since
        return Burn(BURN[pair.speed], pair, pair.pages, self._threshold, short, long, held, alarm_waits(pair))


class _Account:
    """The attempts of one target that count for one SLO."""

    def __init__(self, objective: Objective, expected: float) -> None:
        self.objective = objective
        self._expected = expected
        self._period = Sliding(objective.period)
        self._alarms = [_Alarming(alarm, objective.budget) for alarm in objective.alarms]

    def add(self, now: float, count: int, *, good: bool) -> None:
        bad = 0 if good else count
        self._period.add(now, count, bad)
        for alarm in self._alarms:
            alarm.add(now, count, bad)

    def look(self, now: float) -> Budget:
        return Budget(self.objective, self._period.counted(now), self._expected, tuple(alarm.look(now) for alarm in self._alarms))


class Budgets:
    """A sink that keeps the error budgets of every target. `since` is when it began, seconds since the epoch."""

    def __init__(self, roster: Roster, clock: Clock) -> None:
        self._clock = clock
        self.since = clock.epoch_seconds()
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._objectives: tuple[Objective, ...] = ()
        self._roster: Roster | None = None
        self._doubtful: Doubtful = "keep"
        self.show(roster)

    def show(self, roster: Roster) -> None:
        """Keep these targets and SLOs from now on. One whose SLO is another than before begins anew."""
        if self._roster is None or roster.config is not self._roster.config:
            self._objectives = objectives(roster.config)
        self._roster, self._doubtful = roster, roster.config.limits.doubtful
        before, self._accounts = self._accounts, {}
        for objective in self._objectives:
            scenario = roster.config.scenarios[objective.slo.scenario]
            expected = chats_per_second_on_average(scenario) * objective.period
            for target in roster.of(scenario):
                known = before.get((target, objective.name))
                keeps = known is not None and known.objective == objective
                self._accounts[target, objective.name] = known if known is not None and keeps else _Account(objective, expected)

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord(outcome="ok" | "failed"):
                timed = timings_count(event, self._doubtful)
                for account in self._of(event.target, event.scenario):
                    self._judge(account, chat_was_good(event, account.objective.slo, timed=timed), 1)
            case Skip():
                for account in self._of(event.target, event.scenario):
                    self._judge(account, skip_was_good(event.reason, account.objective.slo), event.count)

    def of(self, target: str) -> list[Budget]:
        """The budgets of a target, in the order of the configuration."""
        return [account.look(self._now()) for account in self._of(target)]

    def _of(self, target: str, scenario: str | None = None) -> Iterator[_Account]:
        for objective in self._objectives:
            if scenario in (None, objective.slo.scenario) and (account := self._accounts.get((target, objective.name))) is not None:
                yield account

    def _judge(self, account: _Account, good: bool | None, count: int) -> None:
        if good is not None:
            account.add(self._now(), count, good=good)

    def _now(self) -> float:
        return self._clock.monotonic_ns() / NANOSECONDS

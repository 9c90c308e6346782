"""Error budgets and burn rates of every target, from the attempts that this process saw, and those that the history on disk knows of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf

from alerts.objective import Alarm, Objective, objectives
from alerts.slos import BURN, EXHAUSTED_FOR, MEASURED, alarm_waits
from alerts.windows import Speed, WindowPair
from config.demand import chats_per_second_on_average
from config.model import Doubtful
from exporter.alarms.holding import Holding, Phase
from exporter.history.store import History, Past
from exporter.history.tally import Summary
from exporter.metrics.slo import chat_was_good, skip_was_good, timings_count
from exporter.web.pages.sliding import Attempts, Sliding
from probes.record import ChatRecord
from traffic.events import Event, Skip
from traffic.roster import Roster
from traffic.schedule import NANOSECONDS, Clock

OPENED_WITHIN_SECONDS = 60.0
"""A history that is opened later, as another configuration names it, is not counted in: what was seen meanwhile may stand in it too."""


@dataclass(frozen=True, slots=True)
class Burn:
    """One pair of windows of an SLO, and its alert as it was at its last evaluation. `since` is in seconds of the monotonic clock."""

    alert: str
    pair: WindowPair
    short: Attempts
    long: Attempts
    phase: Phase
    since: float | None

    @property
    def fires(self) -> bool:
        return self.phase == "firing"

    @property
    def pages(self) -> bool:
        return self.pair.pages


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget of one target for one SLO, of what was seen within its period. `since` is when the first of that was, seconds since the epoch.

    `expected` is how many attempts a whole period has. `left` is the share of the budget that is left if nothing is bad
    in what of the period was not seen: below 0 where more was bad than may be. None before the first attempt.
    `measured` is the share of the period since then, and `exhausted` the alert that goes by both.
    """

    objective: Objective
    since: float
    attempts: Attempts
    expected: float
    burns: tuple[Burn, ...]
    measured: float
    exhausted: Holding

    @property
    def spent(self) -> float:
        """How many times the budget of a whole period is spent, as its alert reckons it: by the share that was bad of what was seen."""
        return _spent(self.objective, self.attempts, self.measured)

    @property
    def left(self) -> float | None:
        allowed = float(self.objective.budget) * max(self.attempts.all, self.expected)
        return None if not self.attempts.all else 1 - self.attempts.bad / allowed

    @property
    def fires(self) -> list[Burn]:
        return [burn for burn in self.burns if burn.fires]


def _spent(objective: Objective, attempts: Attempts, measured: float) -> float:
    return attempts.bad_share / float(objective.budget) * measured


class _Alarming:
    """One pair of windows, and the alert that looks at both."""

    def __init__(self, alarm: Alarm, budget: Decimal) -> None:
        self.pair = alarm.pair
        self._fewest = alarm.fewest
        self._threshold = float(alarm.pair.factor * budget)
        self._short, self._long = Sliding(alarm.pair.short), Sliding(alarm.pair.long)
        self._holding = Holding(alarm_waits(alarm.pair), alarm_waits(alarm.pair))

    @property
    def fired_at(self) -> float:
        return self._holding.fired_at

    def add(self, now: float, count: int, bad: int) -> None:
        self._short.add(now, count, bad)
        self._long.add(now, count, bad)

    def evaluate(self, now: float, *, is_told: bool) -> None:
        """`is_told` is whether another page has told of it lately."""
        short, long = self._short.counted(now), self._long.counted(now)
        above = short.bad_share > self._threshold and long.bad_share > self._threshold and long.bad >= self._fewest
        self._holding.evaluate(now, above and not is_told)

    def look(self, now: float) -> Burn:
        holding = self._holding
        return Burn(BURN[self.pair.speed], self.pair, self._short.counted(now), self._long.counted(now), holding.phase, holding.since)


class _Account:
    """The attempts of one target that count for one SLO, from `since` on, seconds since the epoch.

    What was before is taken up when it is first asked for.
    """

    def __init__(self, objective: Objective, expected: float, since: float) -> None:
        self.objective = objective
        self.since = self._opened = since
        self._expected = expected
        self._period = Sliding(objective.period)
        self._alarms = [_Alarming(alarm, objective.budget) for alarm in objective.alarms]
        self._exhausted = Holding(EXHAUSTED_FOR)
        self._past: Sequence[Summary] = ()

    def remember(self, past: Sequence[Summary]) -> None:
        """Have it count what was before, oldest first."""
        self._past = past
        self.since = next((max(one.start, self._opened - self.objective.period) for one in past if self._counts(one)), self.since)

    def add(self, now: float, count: int, *, good: bool) -> None:
        bad = 0 if good else count
        self._period.add(now, count, bad)
        for alarm in self._alarms:
            alarm.add(now, count, bad)

    def evaluate(self, now: float, at: float, down_at: float = -inf) -> None:
        """Look at the alerts as their rules do, `now`, which is `at` seconds since the epoch. `down_at` is when it was last told to be down."""
        measured = self._measured(at)
        spent = _spent(self.objective, self._period.counted(now), measured)
        self._exhausted.evaluate(now, spent >= 1 and measured >= MEASURED)
        fast_at = -inf
        for alarm in self._alarms:
            paged_at = max(down_at, fast_at) if alarm.pair.speed is Speed.SLOW else down_at
            alarm.evaluate(now, is_told=alarm.pair.pages and now - paged_at < alarm.pair.short)
            fast_at = alarm.fired_at if alarm.pair.speed is Speed.FAST else fast_at

    def look(self, now: float, at: float) -> Budget:
        """As it is `now`, on the monotonic clock, which is `at` seconds since the epoch."""
        burns = tuple(alarm.look(now) for alarm in self._alarms)
        attempts = self._period.counted(now)
        return Budget(self.objective, self.seen_since(at), attempts, self._expected, burns, self._measured(at), replace(self._exhausted))

    def _measured(self, at: float) -> float:
        return (at - self.seen_since(at)) / self.objective.period

    def seen_since(self, at: float) -> float:
        """Since when it counts at that instant: what is older than its period counts no more. Both are seconds since the epoch."""
        return max(self.since, at - self.objective.period)

    def take_up(self, clock: Clock) -> None:
        """Count what it was to remember, a summary's attempts in the middle of its span, and follow what the alerts made of it."""
        if not self._past:
            return
        past, self._past = self._past, ()
        now = seconds(clock)
        ago = clock.epoch_seconds() - now
        for summary in filter(self._counts, past):
            count, good = summary.slos[self.objective.name]
            at = min(summary.start + summary.seconds / 2 - ago, now)
            self.evaluate(at, at + ago)
            self.add(at, good, good=True)
            self.add(at, count - good, good=False)
            self.evaluate(at, at + ago)

    def _counts(self, summary: Summary) -> bool:
        attempts, _ = summary.slos.get(self.objective.name, (0, 0))
        return bool(attempts) and summary.end > self._opened - self.objective.period


class Budgets:
    """A sink that keeps the error budgets of every target. `began` is when it did so, seconds since the epoch.

    Of targets that come it counts what the `history` knows, and `restore` adds what that has learnt of the time before.
    """

    def __init__(self, roster: Roster, clock: Clock, history: History) -> None:
        self._clock = clock
        self._history = history
        self.began = clock.epoch_seconds()
        self._accounts: dict[tuple[str, str], _Account] = {}
        self._known: set[tuple[str, str]] = set()
        self._objectives: tuple[Objective, ...] = ()
        self._roster: Roster | None = None
        self._doubtful: Doubtful = "keep"
        self._restored = False
        self.show(roster)

    def show(self, roster: Roster) -> None:
        """Keep these targets and SLOs from now on. One whose SLO is another than before begins anew, and so does a target that comes back."""
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
                self._accounts[target, objective.name] = known if known is not None and keeps else self._opened(target, objective, expected)

    def restore(self, past: Past) -> None:
        """Count in what was before this process began, if that is known soon after it has; once, as it would be counted twice."""
        if self._restored or self._clock.epoch_seconds() - self.began > OPENED_WITHIN_SECONDS:
            return
        self._restored = True
        for (target, _), account in self._accounts.items():
            account.remember(past.summaries.get((target, account.objective.slo.scenario), ()))

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord(outcome="ok" | "failed"):
                timed = timings_count(event, self._doubtful)
                for account in self._of(event.target, event.scenario):
                    self._judge(account, chat_was_good(event, account.objective.slo, timed=timed), 1)
            case Skip():
                for account in self._of(event.target, event.scenario):
                    self._judge(account, skip_was_good(event.reason, account.objective.slo), event.count)

    def evaluate(self, target: str, now: float, down_at: float) -> None:
        """Look at a target's alerts as their rules do. `now` and `down_at`, when it was last told to be down, are on the monotonic clock."""
        at = now + self._clock.epoch_seconds() - seconds(self._clock)
        for account in self._of(target):
            account.evaluate(now, at, down_at)

    def of(self, target: str) -> list[Budget]:
        """The budgets of a target, in the order of the configuration."""
        now, at = seconds(self._clock), self._clock.epoch_seconds()
        return [account.look(now, at) for account in self._of(target)]

    def reach(self) -> float:
        """Since when any of them counts, seconds since the epoch."""
        at = self._clock.epoch_seconds()
        return min((account.seen_since(at) for account in self._accounts.values()), default=self.began)

    def _opened(self, target: str, objective: Objective, expected: float) -> _Account:
        account = _Account(objective, expected, self._clock.epoch_seconds())
        if (target, objective.name) not in self._known:
            self._known.add((target, objective.name))
            account.remember(list(self._history.summaries(target, objective.slo.scenario, objective.period)))
        return account

    def _of(self, target: str, scenario: str | None = None) -> Iterator[_Account]:
        for objective in self._objectives:
            if scenario in (None, objective.slo.scenario) and (account := self._accounts.get((target, objective.name))) is not None:
                account.take_up(self._clock)
                yield account

    def _judge(self, account: _Account, good: bool | None, count: int) -> None:
        if good is not None:
            account.add(seconds(self._clock), count, good=good)


def seconds(clock: Clock) -> float:
    """Of the monotonic clock."""
    return clock.monotonic_ns() / NANOSECONDS

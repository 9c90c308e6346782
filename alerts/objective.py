"""An SLO as the rules see it: its budget, its windows, and how many failed chats it takes to page, from how often its scenario chats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from math import floor

from alerts.windows import WindowPair, pairs, written
from config.alerting import Alerts, LowVolume
from config.demand import chats_per_second_on_average
from config.model import Config, Slo

SERVICE = "chatprobe"
"""Sloth's service, of which each SLO is one."""
FEWEST_TO_PAGE = 3
"""A page that fewer failed chats set off is the noise of one bad moment (research on low-traffic services in the SRE workbook, chapter 5)."""
SCRAPES_IN_A_RATE = 4
"""A rate over fewer scrapes than this is lost when one of them fails."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A pair of windows that becomes an alert. `failures` is how many failed chats in a row it takes, of `chats` in the long window; `guarded`
    whether it would take fewer but for `fewest`, the bad chats that the alert waits for, 0 for none in particular: of a young target, a window
    has fewer chats than usual."""

    pair: WindowPair
    chats: float
    failures: int
    guarded: bool
    fewest: int


@dataclass(frozen=True, slots=True)
class Objective:
    """An SLO by its name. `period` is what its budget is for, in whole seconds: the SLO's window, or less where Prometheus forgets earlier."""

    name: str
    slo: Slo
    period: int
    alarms: tuple[Alarm, ...]
    windows: tuple[int, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def budget(self) -> Decimal:
        """The share of attempts that may be bad, exactly."""
        return 1 - self.slo.objective

    @property
    def sloth_id(self) -> str:
        return f"{SERVICE}-{sloth_name(self.name)}"

    @property
    def meaning(self) -> str:
        """In words, what is good: `succeeds with TTFT at most 500 ms and TPOT at most 50 ms`."""
        limits = " and ".join(f"{key.upper()} at most {_limit(seconds)}" for key, seconds in self.slo.thresholds.items())
        if self.slo.latency_only:
            return f"has {limits}, however it ends"
        return f"succeeds with {limits}" if limits else "succeeds"


def _limit(seconds: float) -> str:
    """As exactly as it is written: `60.5 ms`, `2 s`."""
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"


def sloth_name(name: str) -> str:
    """The name as Sloth takes it: it knows no slash, and no - _ or . at the end."""
    return name.replace("/", "-").rstrip("-_.")


def objectives(config: Config) -> tuple[Objective, ...]:
    """All of a configuration's SLOs, in its order."""
    return tuple(_objective(name, slo, config) for name, slo in config.slos.items())


def failures_to_alert(pair: WindowPair, budget: Decimal, chats_per_second: float) -> int:
    """How many failed chats in a row it takes until both windows are above the pair's burn rate, where as many chats are held as usual."""
    threshold = pair.factor * budget
    return max(floor(threshold * Decimal(chats_per_second * window)) + 1 for window in (pair.short, pair.long))


def _objective(name: str, slo: Slo, config: Config) -> Objective:
    settings = config.alerts
    budget = 1 - slo.objective
    per_second = chats_per_second_on_average(config.scenarios[slo.scenario])
    window = round(slo.window_seconds)
    period = window if settings.retention_seconds is None else min(window, round(settings.retention_seconds))
    usable = [pair for pair in pairs(window) if _told(pair, settings)]
    alarms = tuple(
        alarm for pair in usable if (alarm := _alarm(pair, budget, per_second, settings.low_volume)).chats >= FEWEST_TO_PAGE or not alarm.guarded
    )
    shortest = min((pair.short for pair in usable), default=round(SCRAPES_IN_A_RATE * settings.scrape_interval_seconds))
    windows = sorted({shortest, *(seconds for alarm in alarms for seconds in (alarm.pair.short, alarm.pair.long))})
    return Objective(
        name=name,
        slo=slo,
        period=period,
        alarms=alarms,
        windows=tuple(seconds for seconds in windows if seconds != period),
        notes=tuple(_notes(slo, window, period, usable, alarms, per_second, settings)),
        problems=tuple(_problems(slo, period, alarms, per_second, settings.low_volume)),
    )


def _told(pair: WindowPair, settings: Alerts) -> bool:
    """Whether both windows can be told: not so short that a lost scrape is a lost rate, and within what Prometheus keeps, with room before it."""
    retention = settings.retention_seconds
    return pair.short >= SCRAPES_IN_A_RATE * settings.scrape_interval_seconds and (retention is None or 2 * pair.long <= retention)


def _alarm(pair: WindowPair, budget: Decimal, per_second: float, low_volume: LowVolume) -> Alarm:
    failures = failures_to_alert(pair, budget, per_second)
    fewest = FEWEST_TO_PAGE if pair.pages and low_volume == "guard" else 0
    return Alarm(pair, per_second * pair.long, max(failures, fewest), guarded=failures < fewest, fewest=fewest)


def _notes(
    slo: Slo, window: int, period: int, usable: list[WindowPair], alarms: tuple[Alarm, ...], per_second: float, settings: Alerts
) -> Iterator[str]:
    if period != window:
        yield f"its budget is told over {written(period)}, as long as Prometheus keeps samples (alerts.retention), and not over {written(window)}"
    alarming = [alarm.pair for alarm in alarms]
    for pair in pairs(window):
        windows = f"{written(pair.short)} and {written(pair.long)}"
        if pair in alarming:
            continue
        if pair in usable:
            yield f"has no alert over {windows}: about {per_second * pair.long:.1f} chats in {written(pair.long)} are too few to tell"
        elif pair.short < SCRAPES_IN_A_RATE * settings.scrape_interval_seconds:
            yield f"has no alert over {windows}: {written(pair.short)} has fewer than {SCRAPES_IN_A_RATE} scrapes"
        else:
            yield f"has no alert over {windows}: Prometheus does not keep samples for twice as long (alerts.retention)"
    if not any(alarm.pair.pages for alarm in alarms):
        yield f"never pages, whatever happens: no pair of windows that pages can be told for {written(window)}; write a longer window, like 30d"
    for alarm in alarms:
        if not alarm.pair.pages:
            continue
        where = f"in {written(alarm.pair.long)} (about {alarm.chats:.0f} chats)"
        if alarm.guarded:
            yield f"would page for fewer than {FEWEST_TO_PAGE} failed chats {where}; the page waits for {FEWEST_TO_PAGE} (alerts.low_volume: guard)"
        elif alarm.failures < FEWEST_TO_PAGE and settings.low_volume == "warn":
            yield f"pages for {_chats(alarm.failures)} {where}; chat more often, lower the objective, or write alerts: {{low_volume: guard}}"


def _problems(slo: Slo, period: int, alarms: tuple[Alarm, ...], per_second: float, low_volume: LowVolume) -> Iterator[str]:
    allowed = float(1 - slo.objective) * per_second * period
    if allowed < FEWEST_TO_PAGE:
        yield (
            f"allows {allowed:.2g} bad chats in {written(period)}, of about {per_second * period:.0f}: nothing can be told of so few; "
            "chat more often, or write a lower objective or a longer window"
        )
    elif low_volume == "refuse":
        for alarm in alarms:
            if alarm.pair.pages and alarm.failures < FEWEST_TO_PAGE:
                yield (
                    f"would page for {_chats(alarm.failures)} in {written(alarm.pair.long)} (about {alarm.chats:.0f} chats); "
                    "chat more often, lower the objective, or write alerts: {low_volume: guard}"
                )


def _chats(count: int) -> str:
    return f"{count} failed chat{'' if count == 1 else 's'}"

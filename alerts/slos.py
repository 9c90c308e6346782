"""From an SLO to its recordings and burn-rate alerts: what Sloth generates, and what its users miss.

Names of series and labels are Sloth's (github.com/slok/sloth), so that dashboards made for it work. Unlike with Sloth, a window without an attempt
leaves no NaN behind, the period's ratio weighs each attempt alike, every target has a burn rate of its own, and pages and tickets have names of
their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal

from alerts.budget_words import counted, so_far, why
from alerts.objective import SERVICE, Alarm, Objective, sloth_name
from alerts.recordings import (
    ATTEMPTS,
    BUDGET_REMAINING,
    CURRENT_BURN_RATE,
    ERROR_BUDGET,
    GOOD,
    INFO,
    OBJECTIVE,
    PERIOD_BURN_RATE,
    PERIOD_DAYS,
    PERIOD_MEASURED,
    SLI_ERROR,
    TARGET,
)
from alerts.rule import Alert, Group, Recording
from alerts.targets import DOWN
from alerts.templates import NAME, NUMBER, OF_CHATS, PERCENT, WHERE, WHO, last_words, link
from alerts.windows import DAY, HOUR, MINUTE, Severity, Speed, WindowPair, written
from catalogue import own
from catalogue.metric import Metric
from catalogue.uids import Dashboard

BURN = {Speed.FAST: "LLMBudgetBurnFast", Speed.SLOW: "LLMBudgetBurnSlow", Speed.TICKET: "LLMBudgetBurnTicket"}
EXHAUSTED, ABSENT = "LLMErrorBudgetExhausted", "LLMSLOAbsent"
LABELS = ATTEMPTS.labels
"""Of each SLI: every target and scenario has one of its own."""
PERIOD_INTERVAL_SECONDS = 2 * MINUTE
"""How often what looks back over a whole period is evaluated: it moves slowly and reads much. Series older than 5 minutes are gone for Prometheus."""
MEASURED = 0.1
"""Of how much of a period there must be measurements before its budget is told to be spent: as long as the longest windows of burn rates look back.
Until then these tell all that there is."""
_WINDOW = "sloth_window"
_TWELVE_DIGITS = Context(prec=12)
_PAGE_FOR, _TICKET_FOR, EXHAUSTED_FOR = 2 * MINUTE, 15 * MINUTE, 5 * MINUTE


def groups(objective: Objective, interval_seconds: int) -> tuple[Group, ...]:
    """The rule groups of one SLO."""
    return (
        Group(f"sloth-slo-sli-recordings-{objective.sloth_id}", tuple(_sli(objective)), interval_seconds),
        Group(f"sloth-slo-period-recordings-{objective.sloth_id}", tuple(_period(objective, interval_seconds)), PERIOD_INTERVAL_SECONDS),
        Group(f"sloth-slo-meta-recordings-{objective.sloth_id}", tuple(_meta(objective)), interval_seconds),
        Group(f"sloth-slo-alerts-{objective.sloth_id}", tuple(_alerts(objective)), interval_seconds),
    )


def identity(objective: Objective) -> dict[str, str]:
    """The labels by which Sloth's dashboards know an SLO."""
    return {"sloth_id": objective.sloth_id, "sloth_service": SERVICE, "sloth_slo": sloth_name(objective.name)}


def bad(objective: Objective, function: str, window: str) -> str:
    """Bad attempts in a window, by target: `function` is `rate` or `increase`. Never below 0, which the two sums might be by rounding."""
    attempts, good = (_summed(objective, function, metric, window) for metric in (own.SLO_TOTAL, own.SLO_GOOD))
    return f"clamp_min(\n  {attempts}\n  -\n  {good},\n  0\n)"


def total(objective: Objective, window: str) -> str:
    """The rate of all attempts in a window, by target."""
    return _summed(objective, "rate", own.SLO_TOTAL, window)


def _summed(objective: Objective, function: str, metric: Metric, window: str) -> str:
    return f"sum by ({', '.join(LABELS)}) ({function}({metric.name}{_of(objective)}[{window}]))"


def _of(objective: Objective) -> str:
    return f'{{{own.SLO}="{objective.name}"}}'


def _sli(objective: Objective) -> Iterator[Recording]:
    for seconds in objective.windows:
        window = written(seconds)
        yield Recording(
            SLI_ERROR.format(window=window),
            f"{bad(objective, 'rate', window)}\n/\n({total(objective, window)} > 0)",
            identity(objective) | {_WINDOW: window},
        )


def _period(objective: Objective, interval_seconds: int) -> Iterator[Recording]:
    """Good among all attempts of the period, from recorded rates: hours without attempts weigh nothing, and busy ones as much as they were busy."""
    window, slo = written(objective.period), _of(objective)
    yield Recording(
        SLI_ERROR.format(window=window),
        f"1 -\nsum_over_time({GOOD.name}{slo}[{window}])\n/\n(sum_over_time({ATTEMPTS.name}{slo}[{window}]) > 0)",
        identity(objective) | {_WINDOW: window},
    )
    yield Recording(
        PERIOD_MEASURED,
        f"clamp_max(count_over_time({ATTEMPTS.name}{slo}[{window}]) * {interval_seconds} / {objective.period}, 1)",
        identity(objective),
    )


def _meta(objective: Objective) -> Iterator[Recording]:
    labels = identity(objective)
    constant = labels | {own.SLO: objective.name}
    mine = f'{{sloth_id="{objective.sloth_id}"}}'
    yield Recording(OBJECTIVE, f"vector({_plain(objective.slo.objective)})", constant)
    yield Recording(ERROR_BUDGET, f"vector({_plain(objective.budget)})", constant)
    yield Recording(PERIOD_DAYS, f"vector({_plain(Decimal(objective.period) / DAY)})", constant)
    if objective.windows:
        shortest = SLI_ERROR.format(window=written(objective.windows[0]))
        yield Recording(CURRENT_BURN_RATE, f"max without ({_WINDOW}) ({shortest}{mine}) / {_plain(objective.budget)}", labels)
    whole = SLI_ERROR.format(window=written(objective.period))
    yield Recording(PERIOD_BURN_RATE, f"max without ({_WINDOW}) ({whole}{mine}) / {_plain(objective.budget)}", labels)
    yield Recording(BUDGET_REMAINING, f"1 - {PERIOD_BURN_RATE}{mine}", labels)
    yield Recording(
        INFO,
        "vector(1)",
        constant | {"sloth_mode": SERVICE, "sloth_spec": "prometheus/v1", "sloth_objective": _plain(objective.slo.objective * 100)},
    )


def _alerts(objective: Objective) -> Iterator[Alert]:
    for alarm in objective.alarms:
        yield _burn(objective, alarm)
    dashboard, named = link(Dashboard.SLO, *LABELS), {own.SLO: objective.name}
    mine = f'{{sloth_id="{objective.sloth_id}"}}'
    yield Alert(
        EXHAUSTED,
        f"{PERIOD_BURN_RATE}{mine} * {PERIOD_MEASURED}{mine} >= 1\nand {PERIOD_MEASURED}{mine} >= {MEASURED}",
        Severity.INFO,
        f"{NAME} has no error budget left for {objective.name}",
        f"{WHO} has spent {NUMBER} times its error budget of {written(objective.period)}: more was bad than the {_percent(objective.budget)} "
        f"that may be.{so_far(objective, objective.period)} Changes that can wait should wait.",
        dashboard,
        for_seconds=EXHAUSTED_FOR,
        by=LABELS,
        labels=named,
    )
    yield Alert(
        ABSENT,
        f"absent({own.SLO_TOTAL.name}{_of(objective)})",
        Severity.TICKET,
        f"Nothing is measured for {objective.name}",
        f"No series of {own.SLO_TOTAL.name} has slo={objective.name}: chatprobe does not run, or Prometheus does not scrape it, or its "
        "configuration has no such SLO any more. None of its alerts can fire.",
        link(Dashboard.PROBER),
        for_seconds=10 * MINUTE,
        labels=named,
    )


def _burn(objective: Objective, alarm: Alarm) -> Alert:
    pair, mine = alarm.pair, f'{{sloth_id="{objective.sloth_id}"}}'
    short, long = written(pair.short), written(pair.long)
    threshold = _plain(pair.factor * objective.budget)
    sides = [f"max without ({_WINDOW}) ({SLI_ERROR.format(window=window)}{mine} > {threshold})" for window in (short, long)]
    expr = f"{sides[0]}\nand\n{sides[1]}"
    if alarm.fewest:
        expr += f"\nand on ({', '.join(LABELS)})\n{bad(objective, 'increase', long)} > {alarm.fewest - 0.5}"
    if pair.pages:
        expr += f"\nunless on ({', '.join(TARGET)})\n{_paged(DOWN, short)}"
    if pair.speed is Speed.SLOW:
        expr += f"\nunless on ({', '.join(LABELS)})\n{_paged(BURN[Speed.FAST], short)}"
    waits = alarm_waits(pair)
    allowed, above = _percent(objective.budget), _percent(pair.factor * objective.budget)
    window, gone = written(round(objective.slo.window_seconds)), _exhaustion(objective, alarm)
    return Alert(
        BURN[pair.speed],
        expr,
        Severity.PAGE if pair.pages else Severity.TICKET,
        f"{NAME} burns its error budget for {objective.name}",
        f"{PERCENT} of the chats with {WHO} in the last {short} were bad, and more than {above} of those in the last {long}"
        f"{counted(objective, long)}.{so_far(objective, pair.long)} A good one {objective.meaning}.{why(objective, long)} "
        f"{allowed} may be bad: at {_plain(pair.factor)} times that, the budget of {window} is gone in {gone}."
        f"{last_words(pair.long, OF_CHATS)}{WHERE}",
        link(Dashboard.SLO, *LABELS),
        for_seconds=waits,
        keep_seconds=waits,
        labels={own.SLO: objective.name, "short_window": short, "long_window": long, "exhaustion": gone},
        by=LABELS,
    )


def _paged(alert: str, window: str) -> str:
    """What another page has told of lately: what was burnt meanwhile, the windows remember for so long after the end."""
    return f'last_over_time(ALERTS{{alertname="{alert}", alertstate="firing"}}[{window}])'


def alarm_waits(pair: WindowPair) -> int:
    """How many seconds both windows must be above the burn rate until the alert fires: less where the windows are very short themselves.

    Longer than it takes to know that an engine is down, so that an outage is told by that.
    """
    if pair.pages and pair.short >= MINUTE:
        return _PAGE_FOR
    return min(_PAGE_FOR if pair.pages else _TICKET_FOR, pair.short * 2 // 5)


def _exhaustion(objective: Objective, alarm: Alarm) -> str:
    """How long a whole budget lasts at the pair's burn rate."""
    seconds = round(Decimal(objective.slo.window_seconds) / alarm.pair.factor)
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if seconds >= 2 * unit:
            return f"{_plain(round(Decimal(seconds) / unit, 1))}{name}"
    return f"{seconds}s"


def _plain(number: Decimal) -> str:
    """A decimal as it is, 0.001 and not 1E-3 or 0.0009999999999999432; one without an end to twelve digits."""
    return f"{_TWELVE_DIGITS.plus(number).normalize():f}"


def _percent(share: Decimal) -> str:
    return f"{_plain(share * 100)}%"

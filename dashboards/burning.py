"""How fast error budgets burn: by the windows that alerts look at, just now, and until when they last."""

from __future__ import annotations

from alerts import recordings
from alerts.windows import DAY, Speed, WindowPair, pairs, written
from dashboards import budgets, engines
from dashboards.dash.board import Row
from dashboards.dash.colours import Colour
from dashboards.dash.panels import Legend, Reduce, ThresholdStyle, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import Thresholds
from dashboards.promql import joined

_FACTOR_LINES = Thresholds(Colour.TEXT, tuple(zip(sorted(budgets.FACTORS), (Colour.GREY, Colour.YELLOW, Colour.ORANGE, Colour.RED), strict=True)))

_PERIODS = (1, 7, 14, 30, 90)
"""In days, those of SLOs whose windows are known by name when a dashboard is written; 28 days have the windows of 30."""


def _both(pair: WindowPair) -> str:
    """The share of bad attempts that both windows of a pair reach, which is what its alert looks at: nothing where one of them is not recorded."""
    short, long = (budgets.recorded(recordings.SLI_ERROR.format(window=written(window))) for window in (pair.short, pair.long))
    by = ", ".join(budgets.ROW)
    return f"({joined('min', f'{short} or {long}', budgets.ROW)} and on ({by}) {short} and on ({by}) {long})"


def _pair(place: int, title: str, means: str) -> TimeSeries:
    """The burn rate by one of the four pairs of windows, for SLOs of every period that has names for them."""
    usual = pairs(30 * DAY)[place]
    known = "\nor ".join(_both(pairs(days * DAY)[place]) for days in _PERIODS)
    return TimeSeries(
        title=f"{title}: {written(usual.short)} and {written(usual.long)}",
        description=f"How many times faster than allowed the budget burns, by the lower of both windows. {means} Where a line stays above the dashed "
        f"one at {usual.factor.normalize():f}, the alert fires. The windows are those of 30 days and shrink or grow with an SLO's period; for 28 "
        f"days the alert comes at {float(usual.factor) * 28 / 30:.3g}.",
        unit=Unit.PLAIN,
        width=6,
        decimals=2,
        lowest=0,
        soft_highest=float(usual.factor) * 1.2,
        queries=(Query(f"({known})\n/ {budgets.ON_SLO} {budgets.BUDGET}", budgets.LEGEND),),
        overrides=engines.COLOURS,
        thresholds=Thresholds(Colour.TRANSPARENT, ((float(usual.factor), Colour.RED if usual.pages else Colour.ORANGE),)),
        threshold_style=ThresholdStyle.DASHES,
        value_links=(budgets.LATENCY,),
        may_be_empty=f"no SLO has alerts over these windows: its period is none of {', '.join(map(str, _PERIODS))} or 28 days, or its chats are too "
        "few.",
    )


_SAID = {
    Speed.FAST: "It pages at once: 2 % of the budget would go in an hour.",
    Speed.SLOW: "It pages too: 5 % of the budget would go in six hours.",
    Speed.TICKET: "It asks for a look in the coming days.",
}
PAIRS = (
    _pair(0, "Fast page", _SAID[Speed.FAST]),
    _pair(1, "Slow page", _SAID[Speed.SLOW]),
    _pair(2, "Ticket of a day", _SAID[Speed.TICKET]),
    _pair(3, "Ticket of three days", _SAID[Speed.TICKET]),
)
BURN_NOW = TimeSeries(
    title="Burn rate, shortest window",
    description="How many times faster than allowed the budget burns just now, by the shortest window of each SLO, with all alerts' burn rates as "
    f"dashed lines ({', '.join(f'{factor:g}' for factor in budgets.FACTORS)}). It jumps: one bad chat is much of a short window.",
    unit=Unit.PLAIN,
    width=12,
    height=9,
    decimals=2,
    lowest=0,
    soft_highest=budgets.FACTORS[0] * 1.1,
    queries=(Query(budgets.BURN, budgets.LEGEND),),
    overrides=engines.COLOURS,
    thresholds=_FACTOR_LINES,
    threshold_style=ThresholdStyle.DASHES,
    legend=Legend.TABLE,
    legend_values=(Reduce.LAST, Reduce.HIGHEST),
    value_links=(budgets.LATENCY,),
    may_be_empty=budgets.NO_SLO,
)
LASTS = TimeSeries(
    title="Time to exhaustion, over time",
    description="How long the budget that was left would have lasted at the burn rate of the hour before. A line that falls faster than time goes by "
    "is trouble that grows; a gap: nothing burned.",
    unit=Unit.SECONDS,
    width=12,
    height=9,
    logarithmic=True,
    queries=(Query(f"({budgets.SECONDS_LEFT}) > 0", budgets.LEGEND),),
    overrides=engines.COLOURS,
    legend=Legend.TABLE,
    legend_values=(Reduce.LAST, Reduce.LOWEST),
    value_links=(budgets.LATENCY,),
    may_be_empty="no chat was bad, or all budgets are spent.",
)

PANELS = Row("Burn rates", (*PAIRS, BURN_NOW, LASTS))

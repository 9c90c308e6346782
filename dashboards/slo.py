"""SLO: how much of what is promised is kept, how much error budget is left, and how fast it burns."""

from __future__ import annotations

from alerts import recordings
from catalogue import own
from catalogue.metric import BACKEND, TARGET
from catalogue.own import REASON, SCENARIO, SLO
from catalogue.uids import Dashboard
from dashboards import budgets, burning, engines, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.overrides import Cell, Override, matching
from dashboards.dash.panels import BarGauge, Column, Draw, Legend, Reduce, Show, Stack, Stat, Table, ThresholdStyle, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import NothingText, Thresholds, ValueText, high_is_bad
from dashboards.promql import BY_TARGET, joined, ratio, select, sums
from dashboards.promql import rate as rate_of

ATTAINMENT = BarGauge(
    title="Attainment over the time range",
    description="Share of attempts in the time range shown that were good: they succeeded and met every threshold of their SLO. Compare it with the "
    "objective in the table.",
    unit=Unit.RATIO,
    decimals=2,
    lowest=0,
    highest=1,
    queries=(Query(budgets.ATTAINED, budgets.LEGEND, instant=True),),
    overrides=engines.COLOURS,
    value_links=(budgets.LATENCY,),
    may_be_empty=budgets.NO_SLO,
)
BUDGETS = BarGauge(
    title="Error budget left",
    description="What is left of the bad attempts that an SLO allows in its period: 100 % with none, 0 % when the objective is just met, below when "
    "it is missed. Each target has a budget of its own.",
    unit=Unit.RATIO,
    decimals=1,
    lowest=0,
    highest=1,
    queries=(Query(budgets.LEFT, budgets.LEGEND, instant=True),),
    thresholds=budgets.BUDGET_LEFT,
    value_links=(budgets.LATENCY,),
    may_be_empty=budgets.NO_SLO,
)
EXHAUSTION = Stat(
    title="Time to exhaustion",
    description="How long the budget that is left lasts if chats go on being bad as often as in the last hour. Old badness that leaves the period "
    "meanwhile gives some back, so it may last longer. 0: it is spent.",
    unit=Unit.SECONDS,
    queries=(Query(budgets.SECONDS_LEFT, budgets.LEGEND, instant=True),),
    thresholds=budgets.UNTIL,
    sparkline=False,
    no_value=budgets.NOT_BURNING,
    may_be_empty="no chat was bad in the last hour.",
)
SUMMARY = Table(
    title="All SLOs",
    description="Each SLO with each of its targets. A burn rate of 1 spends the budget just within the period; 14.4 spends 2 % of it in an hour. "
    "`Budget left tomorrow` is after a day that is as bad as the last six hours. Click a target for its latency.",
    unit=Unit.RATIO,
    width=24,
    height=9,
    queries=(
        Query(f"{budgets.EACH} {budgets.OBJECTIVE}", ref="objective"),
        Query(f"{budgets.EACH} {budgets.DAYS}", ref="days"),
        Query(budgets.ATTAINED, ref="range"),
        Query(budgets.OVER_PERIOD, ref="period"),
        Query(budgets.LEFT, ref="left"),
        Query(budgets.BURN, ref="burn"),
        Query(budgets.SECONDS_LEFT, ref="exhaustion"),
        Query(budgets.TOMORROW, ref="tomorrow"),
    ),
    columns=(
        Column(source=SLO, title="SLO", unit=Unit.TEXT),
        Column(
            source=TARGET,
            title="Target",
            unit=Unit.TEXT,
            links=(
                Link("Latency of this target", Dashboard.LATENCY, budgets.OF_ROW),
                Link("Why: engine against client", Dashboard.WHY, budgets.OF_ROW),
            ),
        ),
        Column(source=BACKEND, title="Engine", unit=Unit.TEXT, cell=Cell.COLOURED_TEXT, mappings=engines.TEXTS),
        Column(source="objective", title="Objective", decimals=2),
        Column(source="days", title="Period in days", unit=Unit.PLAIN),
        Column(source="range", title="Attained in the range", decimals=2),
        Column(source="period", title="Attained in the period", decimals=2),
        Column(source="left", title="Budget left", decimals=1, cell=Cell.COLOURED, thresholds=budgets.BUDGET_LEFT),
        Column(
            source="burn",
            title="Burn rate now",
            unit=Unit.PLAIN,
            decimals=1,
            cell=Cell.COLOURED_TEXT,
            thresholds=high_is_bad(1, budgets.FACTORS[1]),
            mappings=(NothingText("no attempt", Colour.TEXT),),
        ),
        Column(
            source="exhaustion",
            title="Budget lasts",
            unit=Unit.SECONDS,
            cell=Cell.COLOURED_TEXT,
            thresholds=budgets.UNTIL,
            mappings=(NothingText(budgets.NOT_BURNING, Colour.GREEN),),
        ),
        Column(source="tomorrow", title="Budget left tomorrow", decimals=1, cell=Cell.COLOURED_TEXT, thresholds=budgets.BUDGET_LEFT),
    ),
    sort="SLO",
    may_be_empty=budgets.NO_SLO,
)

BURN_DOWN = TimeSeries(
    title="Error budget, burn-down",
    description="What was left of the budget at each moment, for the period that ended then. A slope down is what the burn rates below measure; it "
    "goes up again when bad times leave the period. Below the dashed line the SLO is missed.",
    unit=Unit.RATIO,
    width=12,
    height=9,
    highest=1,
    soft_lowest=0,
    queries=(Query(budgets.LEFT, budgets.LEGEND),),
    overrides=engines.COLOURS,
    thresholds=Thresholds(Colour.TRANSPARENT, ((0, Colour.RED),)),
    threshold_style=ThresholdStyle.DASHES,
    fill_percent=10,
    legend=Legend.TABLE,
    legend_values=(Reduce.LAST, Reduce.LOWEST),
    value_links=(budgets.LATENCY,),
    may_be_empty=budgets.NO_SLO,
)
GOODPUT = TimeSeries(
    title="Good attempts against the objective",
    description="Share of good attempts in five minutes. Time below the dashed objective spends budget, the more the deeper it is.",
    unit=Unit.RATIO,
    width=12,
    height=9,
    highest=1,
    soft_lowest=0.9,
    queries=(
        Query(ratio(sums(budgets.GOOD, budgets.ROW), sums(budgets.ATTEMPTS, budgets.ROW)), budgets.LEGEND),
        Query(budgets.OBJECTIVE, f"objective {{{{{SLO}}}}}", ref="objective"),
    ),
    overrides=(*engines.COLOURS, Override(matching("^objective "), colour=Colour.TEXT, dashed=True, line_width=2)),
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN, Reduce.LOWEST),
    value_links=(budgets.LATENCY,),
    may_be_empty=budgets.NO_SLO,
)

BAD = TimeSeries(
    title="Bad attempts",
    description="Bad attempts a second, stacked, by SLO and target. Those that the panel to the right does not explain succeeded, too slowly.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=12,
    lowest=0,
    queries=(Query(f"clamp_min({sums(budgets.ATTEMPTS, budgets.ROW)} - {sums(budgets.GOOD, budgets.ROW)}, 0)", budgets.LEGEND),),
    overrides=engines.COLOURS,
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    may_be_empty=budgets.NO_SLO,
)
_NOT_OURS = f'{REASON}!="internal"'
_HELD_BACK = f'{REASON}=~"breaker|target_busy|load_failed"'
_WITH_SLO = f"and on ({TARGET}, {SCENARIO}) {budgets.ATTEMPTS}"
_REASONS = f"{engines.LEGEND}: {{{{{REASON}}}}}"
REASONS = TimeSeries(
    title="Attempts that failed or were held back",
    description="Failed chats a second by their reason, in the scenarios of the chosen SLOs, and chats that were not sent because the target is dead "
    "(`breaker`), hangs (`target_busy`) or did not load its model (`load_failed`), which count as bad too.",
    unit=Unit.REQUESTS_PER_SECOND,
    width=12,
    lowest=0,
    queries=(
        Query(f"{sums(f'{select(recordings.FAILURES, _NOT_OURS)} {_WITH_SLO}', (*BY_TARGET, REASON))} > 0", _REASONS),
        Query(f"{rate_of(own.PROBE_SKIPPED, _HELD_BACK, by=(*BY_TARGET, REASON))} > 0", _REASONS),
    ),
    overrides=engines.COLOURS,
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    may_be_empty="no chat failed, and none was held back.",
)

CHECKS = TimeSeries(
    title="Answers that failed a check",
    description="A second, by the check's name: those of `expect`, and `whole_prompt`, which an engine fails that cut the prompt. They are among the "
    "failures by `validation`.",
    unit=Unit.REQUESTS_PER_SECOND,
    lowest=0,
    queries=(Query(f"{rate_of(own.CHECK_FAILURES, by=(*BY_TARGET, own.CHECK))} > 0", f"{engines.LEGEND}: {{{{{own.CHECK}}}}}"),),
    overrides=engines.COLOURS,
    draw=Draw.BARS,
    stack=Stack.VALUES,
    fill_percent=60,
    may_be_empty="every answer passed its checks.",
)

_SEVERITY, _ALERT = "severity", "alertname"
_ALERTS = standard.alerts(f'{SLO}=~"${SLO}|"')
FIRING_NOW = Stat(
    title="Alerts that fire",
    description="Alerts that fire now for the chosen targets and SLOs, or for none in particular.",
    unit=Unit.PLAIN,
    width=6,
    queries=(Query(f"count({_ALERTS}) or vector(0)", instant=True),),
    thresholds=Thresholds(Colour.GREEN, ((1, Colour.RED),)),
    show=Show.BACKGROUND,
    sparkline=False,
)
FIRING = Table(
    title="Firing alerts",
    description="Which alerts fire now, the gravest first: `critical` pages, `warning` writes a ticket, `info` asks for nothing. Their notifications "
    "link to a runbook.",
    unit=Unit.PLAIN,
    width=18,
    queries=(Query(joined("max", _ALERTS, (_SEVERITY, _ALERT, *budgets.ROW, SCENARIO))),),
    columns=(
        Column(
            source=_SEVERITY,
            title="Severity",
            unit=Unit.TEXT,
            width=110,
            cell=Cell.COLOURED,
            mappings=(
                ValueText("critical", "critical", Colour.RED),
                ValueText("warning", "warning", Colour.ORANGE),
                ValueText("info", "info", Colour.BLUE),
            ),
        ),
        Column(source=_ALERT, title="Alert", unit=Unit.TEXT),
        Column(source=SLO, title="SLO", unit=Unit.TEXT),
        Column(source=TARGET, title="Target", unit=Unit.TEXT, links=(Link("Latency of this target", Dashboard.LATENCY, budgets.OF_ROW),)),
        Column(source=BACKEND, title="Engine", unit=Unit.TEXT, cell=Cell.COLOURED_TEXT, mappings=engines.TEXTS),
        Column(source=SCENARIO, title="Scenario", unit=Unit.TEXT),
    ),
    sort="Severity",
    no_value="none fires",
    may_be_empty="no alert fires.",
)

BOARD = Board(
    uid=Dashboard.SLO,
    title="chatprobe / SLO",
    description="How much of what SLOs promise is kept, how much error budget is left to each target, how fast it burns, and when it is gone.",
    variables=(*standard.variables(), budgets.VARIABLE),
    annotations=standard.ANNOTATIONS,
    since="now-24h",
    refresh="1m",
    rows=(
        Row("Now", (ATTAINMENT, BUDGETS, EXHAUSTION, SUMMARY, FIRING_NOW, FIRING)),
        Row("Budget", (BURN_DOWN, GOODPUT)),
        burning.PANELS,
        Row("What was bad", (BAD, REASONS, CHECKS)),
    ),
)

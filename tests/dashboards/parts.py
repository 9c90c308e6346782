"""A dashboard with every kind of panel and variable, for tests of what becomes of them."""

from __future__ import annotations

import re

from catalogue import own
from catalogue.uids import Dashboard
from dashboards import promql, standard
from dashboards.dash.board import Board, Row
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link, label
from dashboards.dash.overrides import Cell, Override, named
from dashboards.dash.panels import BarGauge, Column, Heatmap, Legend, Reduce, Stack, Stat, StateTimeline, Table, Text, ThresholdStyle, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import NothingText, RangeText, ValueText, high_is_bad
from dashboards.dash.variables import Choice

LINK = Link("Why", Dashboard.WHY, (("target", label("target")), ("slo", "chat")))
SERIES = TimeSeries(
    title="Lines",
    description="How to read it.",
    unit=Unit.SECONDS,
    width=12,
    queries=(Query(promql.mean(own.TTFT), "{{target}}"), Query("vector(0.1)", "SLO", ref="slo", step="1m")),
    thresholds=high_is_bad(0.1, 0.5),
    threshold_style=ThresholdStyle.DASHES,
    stack=Stack.VALUES,
    legend=Legend.TABLE,
    legend_values=(Reduce.MEAN,),
    logarithmic=True,
    soft_highest=0.995,
    links=(LINK,),
    value_links=(LINK,),
    overrides=(
        Override(
            named("SLO"),
            colour=Colour.RED,
            unit=Unit.SECONDS,
            decimals=2,
            name="promise",
            dashed=True,
            line_width=2,
            fill_percent=0,
            right_axis=True,
            links=(LINK,),
            thresholds=high_is_bad(1, 2),
            mappings=(ValueText(0, "none", Colour.GREY),),
            lowest=0,
            highest=1,
        ),
    ),
    may_be_empty="nobody chats.",
)
HEAT = Heatmap(title="Heat", description="d", unit=Unit.SECONDS, queries=(Query(promql.heat(own.TTFT), exemplars=True),))
TABLE = Table(
    title="Table",
    description="d",
    unit=Unit.NUMBER,
    queries=(Query(promql.rate(own.PROBES), ref="chats"), Query(promql.rate(own.PROBE_FAILURES), ref="failures")),
    columns=(
        Column(source="target", title="Target", unit=Unit.TEXT, links=(LINK,), width=120),
        Column(source="failures", title="Failed", cell=Cell.COLOURED, thresholds=high_is_bad(1, 2), decimals=1),
        Column(source="chats", title="Chats", cell=Cell.BAR, mappings=(NothingText("none", Colour.TEXT),)),
    ),
    sort="Target",
)
STATE = StateTimeline(
    title="State",
    description="d",
    unit=Unit.PLAIN,
    queries=(Query(promql.select(own.PROBE_SUCCESS), "{{target}}"),),
    mappings=(ValueText(1, "up", Colour.GREEN), RangeText(-1, 0.5, "down", Colour.RED), NothingText("?", Colour.GREY)),
)
STAT = Stat(title="Stat", description="d", unit=Unit.RATIO, queries=(Query("vector(1)", instant=True),), colour=Colour.BLUE, lowest=0, highest=1)
BARS = BarGauge(title="Bars", description="d", unit=Unit.BYTES, queries=(Query("vector(1)"),))
NOTE = Text(title="Note", description="d", content="# Words", width=24, height=2)

BOARD = Board(
    uid=Dashboard.LATENCY,
    title="Everything",
    description="Every kind of panel.",
    variables=(*standard.variables("vllm"), Choice("n", "Tokens", (("few", "8"), ("many", "512")), "512")),
    annotations=standard.ANNOTATIONS,
    rows=(Row("Open", (SERIES, HEAT, TABLE)), Row("Closed", (STATE, STAT, BARS), collapsed=True), Row("Last", (NOTE,))),
)


def everything_chosen(expr: str) -> str:
    """A query as Grafana asks it with every variable at All, and the last hour shown; in one line."""
    times = expr.replace("$__range", "1h").replace("$__rate_interval", "5m")
    return re.sub(r"\$\w+", ".+", times).replace("\n", " ")

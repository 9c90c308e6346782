"""A dashboard as OpenShift's console can show it, which is as Grafana was years ago: graphs, single numbers, and tables with styles.

Of other panels it shows nothing, without a word; those that cannot be drawn as one of these are left out and named. It knows few units, and variables
only as `$name`; variables with a few fixed values are left out, with the value that they have at first in their place. A graph's unit is that of its
left axis, a single number is the first of its first query's, a table's column is a label, or `Value #` with a query's name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from grafanalib import core
from grafanalib._gen import DashboardEncoder

from dashboards.dash.board import Board
from dashboards.dash.filling import filled
from dashboards.dash.panels import BarGauge, Column, Panel, QueryPanel, Stack, Stat, StateTimeline, Table, TimeSeries
from dashboards.dash.queries import Query
from dashboards.dash.render import panel_id, without_nulls
from dashboards.dash.units import Unit
from dashboards.dash.variables import Choice, LabelValues

Json = dict[str, Any]

TYPES = ("graph", "singlestat", "table")
UNITS = {
    Unit.SECONDS: "s",
    Unit.MILLISECONDS: "ms",
    Unit.RATIO: "percentunit",
    Unit.BYTES: "bytes",
    Unit.BYTES_PER_SECOND: "Bps",
    Unit.SINCE: None,
    Unit.DATE: None,
}
"""Those that the console has; None: what it has no word for, and what a bare number would not tell. All others are bare numbers (`short`)."""
_SPANS = 12


@dataclass(frozen=True, slots=True)
class Edition:
    """The dashboard as JSON, and a line for each panel that it does not have."""

    dashboard: Json
    left_out: tuple[str, ...]


def edition(board: Board) -> Edition:
    """The dashboard for the console."""
    values = {variable.name: variable.chosen for variable in board.variables if isinstance(variable, Choice)}
    values |= {variable.name: f"${variable.name}" for variable in board.variables if isinstance(variable, LabelValues)}
    texts = {variable.name: _text(variable) for variable in board.variables if isinstance(variable, Choice)}
    drawn: dict[str, list[Json]] = {row.title: [] for row in board.rows}
    left_out: list[str] = []
    for row in board.rows:
        for panel in row.panels:
            body, why = _panel(panel, values)
            title = filled(panel.title, values, texts)
            if why:
                left_out.append(f"{title}: {why}")
            else:
                common = {"id": panel_id(board, panel.title), "title": title, "description": filled(panel.description, values, texts)}
                drawn[row.title].append(body | common | {"span": -(-panel.width * _SPANS // 24)})
    rows = [{"title": title, "showTitle": True, "collapse": False, "panels": panels} for title, panels in drawn.items() if panels]
    dashboard = {
        "title": board.title,
        "uid": str(board.uid),
        "tags": ["chatprobe"],
        "editable": False,
        "schemaVersion": 12,
        "time": {"from": board.since, "to": "now"},
        "refresh": board.refresh,
        "templating": {"list": [_variable(variable) for variable in board.variables if isinstance(variable, LabelValues)]},
        "rows": rows,
    }
    return Edition(cast("Json", without_nulls(json.loads(json.dumps(dashboard, cls=DashboardEncoder)))), tuple(left_out))


def _text(choice: Choice) -> str:
    return next(shown for shown, value in choice.options if value == choice.chosen)


def _variable(variable: LabelValues) -> Json:
    return {
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "query": variable.query,
        "includeAll": True,
        "allValue": ".+",
        "multi": False,
        "refresh": 2,
        "hide": 0,
        "current": {"text": "All", "value": "$__all"},
        "options": [],
    }


def _panel(panel: Panel, values: Mapping[str, str]) -> tuple[Json, str]:
    """What the console draws, or why it cannot."""
    if not isinstance(panel, (TimeSeries, Stat, BarGauge, StateTimeline, Table)):
        return {}, f"the console has nothing like a panel of the kind {type(panel).__name__}"
    unit = UNITS.get(panel.unit, "short")
    if isinstance(panel, Table):
        return _table(panel, values), ""
    if unit is None:
        return {}, "the console has no unit for instants"
    if isinstance(panel, Stat) and not panel.queries[0].legend:
        return _single(panel, unit, values), ""
    return _graph(panel, unit, values), ""


def _graph(panel: QueryPanel, unit: str, values: Mapping[str, str]) -> Json:
    stacked = isinstance(panel, TimeSeries) and panel.stack is not Stack.NO
    built: Json = core.Graph(
        targets=_targets(panel, values),
        stack=stacked,
        fill=1 if stacked else 0,
        lineWidth=1,
        legend=core.Legend(show=True),
        yAxes=core.YAxes(left=core.YAxis(format=unit, min=panel.lowest, max=panel.highest), right=core.YAxis(format=unit, show=False)),
    ).to_json_data()
    return _kept(built, ("type", "targets", "stack", "fill", "linewidth", "legend", "yaxes", "lines", "nullPointMode"))


def _single(panel: Stat, unit: str, values: Mapping[str, str]) -> Json:
    built: Json = core.SingleStat(targets=_targets(panel, values)[:1], format=unit, decimals=panel.decimals, valueName="current").to_json_data()
    return _kept(built, ("type", "targets", "format", "decimals", "valueName", "prefix", "postfix", "valueFontSize"))


def _table(panel: Table, values: Mapping[str, str]) -> Json:
    targets = [{**target, "format": "table", "instant": True} for target in _targets(panel, values)]
    return {"type": "table", "targets": targets, "transform": "table", "styles": list(_styles(panel))}


def _styles(panel: Table) -> Iterator[Json]:
    for column in panel.columns:
        if column.source not in panel.refs:
            yield {"alias": column.title, "pattern": column.source, "type": "string"}
        elif unit := UNITS.get(column.unit or panel.unit, "short"):
            yield {"alias": column.title, "pattern": f"Value #{column.source}", "type": "number", "unit": unit, "decimals": _decimals(panel, column)}


def _decimals(panel: Table, column: Column) -> int:
    given = column.decimals if column.decimals is not None else panel.decimals
    return 2 if given is None else given


def _targets(panel: QueryPanel, values: Mapping[str, str]) -> list[Json]:
    return [_target(query, ref, values) for query, ref in zip(panel.queries, panel.refs, strict=True)]


def _target(query: Query, ref: str, values: Mapping[str, str]) -> Json:
    return {"expr": filled(query.expr, values), "legendFormat": query.legend, "refId": ref, "format": "time_series"}


def _kept(built: Json, keys: tuple[str, ...]) -> Json:
    """What the console reads of it."""
    return {key: built[key] for key in keys}

"""What each kind of panel is in Grafana: its type, its options, and what it adds to `fieldConfig`.

Options that Grafana would fill in with its own defaults are written out, as those differ from version to version.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboards.dash import fields
from dashboards.dash.colours import Colour
from dashboards.dash.fields import Json
from dashboards.dash.panels import BarGauge, Heatmap, Legend, Panel, QueryPanel, Reduce, Stat, StateTimeline, Table, Text, TimeSeries
from dashboards.dash.queries import Format


@dataclass(frozen=True, slots=True)
class Body:
    """A panel's `type` and `options`, its `fieldConfig` and `transformations` where it has some, and the format that its queries have by nature."""

    type: str
    options: Json
    field_config: Json = field(default_factory=dict)
    transformations: list[Json] = field(default_factory=list)
    format: Format = Format.SERIES


def body(panel: Panel) -> Body:
    """Raises TypeError for a kind of panel that it does not know."""
    match panel:
        case Text():
            return Body("text", {"mode": "markdown", "content": panel.content})
        case TimeSeries():
            return Body("timeseries", _series_options(panel), fields.field_config(panel, _lines(panel)))
        case Stat():
            return Body("stat", _stat_options(panel), fields.field_config(panel, {}))
        case BarGauge():
            return Body("bargauge", _bar_options(panel), fields.field_config(panel, {}))
        case StateTimeline():
            return Body("state-timeline", _state_options(panel), fields.field_config(panel, {"fillOpacity": 80, "lineWidth": 0, "spanNulls": False}))
        case Heatmap():
            return Body("heatmap", _heatmap_options(panel), fields.field_config(panel, {}), format=Format.HEATMAP)
        case Table():
            return Body("table", _table_options(panel), fields.field_config(panel, _CELLS), _table_transformations(panel), Format.TABLE)
    raise TypeError(f"{panel.title}: a panel of the kind {type(panel).__name__} cannot be drawn; say in `bodies` what it is in Grafana")


def _legend(kind: Legend, values: tuple[Reduce, ...]) -> Json:
    mode = Legend.LIST if kind is Legend.HIDDEN else kind
    return {"displayMode": mode, "placement": "bottom", "showLegend": kind is not Legend.HIDDEN, "calcs": list(values)}


def _reduced(reduce: Reduce) -> Json:
    return {"calcs": [reduce], "fields": "", "values": False}


def _series_options(panel: TimeSeries) -> Json:
    return {"legend": _legend(panel.legend, panel.legend_values), "tooltip": {"mode": "multi", "sort": "desc"}}


def _lines(panel: TimeSeries) -> Json:
    soft = {"axisSoftMin": panel.soft_lowest, "axisSoftMax": panel.soft_highest}
    return {
        "drawStyle": panel.draw,
        "lineWidth": panel.line_width,
        "fillOpacity": panel.fill_percent,
        "showPoints": "auto",
        "pointSize": 4,
        "spanNulls": False,
        "stacking": {"mode": panel.stack, "group": "A"},
        "thresholdsStyle": {"mode": panel.threshold_style},
        "scaleDistribution": {"type": "log", "log": 10} if panel.logarithmic else {"type": "linear"},
    } | {key: value for key, value in soft.items() if value is not None}


def _stat_options(panel: Stat) -> Json:
    return {
        "reduceOptions": _reduced(panel.reduce),
        "colorMode": panel.show,
        "graphMode": "area" if panel.sparkline else "none",
        "textMode": "auto" if len(panel.queries) == 1 and not panel.queries[0].legend else "value_and_name",
        "justifyMode": "auto",
        "orientation": "auto",
        "wideLayout": True,
    }


def _bar_options(panel: BarGauge) -> Json:
    return {
        "reduceOptions": _reduced(panel.reduce),
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
        "valueMode": "color",
        "namePlacement": "auto",
        "sizing": "auto",
        "minVizHeight": 16,
        "minVizWidth": 8,
    }


def _state_options(panel: StateTimeline) -> Json:
    return {
        "mergeValues": True,
        "showValue": "auto",
        "alignValue": "left",
        "rowHeight": panel.row_height,
        "legend": _legend(Legend.LIST, ()),
        "tooltip": {"mode": "single", "sort": "none"},
    }


_EXEMPLARS = Colour.ORANGE
"""Of the dots for single chats."""


def _heatmap_options(panel: Heatmap) -> Json:
    return {
        "calculate": False,
        "cellGap": 1,
        "cellValues": {"unit": "cps"},
        "color": {
            "mode": "scheme",
            "scheme": panel.scheme,
            "fill": "blue",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "exemplars": {"color": _EXEMPLARS},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": True, "showColorScale": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": panel.unit},
    }


_CELLS: Json = {"align": "auto", "cellOptions": {"type": "auto"}, "inspect": False}


def _table_options(panel: Table) -> Json:
    return {
        "showHeader": True,
        "cellHeight": "sm",
        "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""},
        "sortBy": [{"displayName": panel.sort, "desc": False}] if panel.sort else [],
    }


def _table_transformations(panel: Table) -> list[Json]:
    """Join the queries' rows, keep what is a column, in the order and with the titles that the columns have."""
    names = [_source(panel, column.source) for column in panel.columns]
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": names}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {name: place for place, name in enumerate(names)},
                "renameByName": {name: column.title for name, column in zip(names, panel.columns, strict=True)},
            },
        },
    ]


def _source(panel: QueryPanel, source: str) -> str:
    """The field that Grafana makes of a label, or of a query's values."""
    if source not in panel.refs:
        return source
    return "Value" if len(panel.refs) == 1 else f"Value #{source}"

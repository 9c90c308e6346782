"""A dashboard as the JSON that Grafana 10.4 to 13 reads: the same text for the same content, without nulls, keys in order."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import orjson
from grafanalib import core
from grafanalib._gen import DashboardEncoder

from dashboards.dash.annotations import Annotation
from dashboards.dash.board import Board, Row
from dashboards.dash.bodies import body
from dashboards.dash.fields import Json, links
from dashboards.dash.layout import COLUMNS, Place, bottom, flow
from dashboards.dash.panels import Panel, QueryPanel, Table
from dashboards.dash.queries import Format, Query
from dashboards.dash.variables import Choice, DataSource, LabelValues, Variable

SCHEMA_VERSION = 39
"""Of Grafana 10.4; later versions bring it up to theirs when they load it."""
DATA_SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}

_OBSOLETE = ("__inputs", "gnetId", "hideControls", "id", "rows", "sharedCrosshair", "style", "timepicker")
_OBSOLETE_OF_PANELS = ("cacheTimeout", "editable", "error", "height", "hideTimeOverride", "minSpan", "span")
_IDS = 1_000_000


def text(board: Board) -> str:
    """The dashboard's JSON, with a newline at its end."""
    return written(as_json(board))


def written(dashboard: Json) -> str:
    """As it stands in a file. Python's own encoder takes most of the time of a build where it indents."""
    return orjson.dumps(dashboard, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE).decode()


def as_json(board: Board) -> Json:
    """The dashboard as plain dictionaries and lists.

    Raises ValueError where two panels or rows would have the same id, or a panel has no place.
    """
    built = core.Dashboard(
        title=board.title,
        uid=str(board.uid),
        description=board.description,
        tags=["chatprobe", *board.tags],
        editable=False,
        schemaVersion=SCHEMA_VERSION,
        graphTooltip=core.GRAPH_TOOLTIP_MODE_SHARED_CROSSHAIR,
        timezone="browser",
        refresh=board.refresh,
        time=core.Time(board.since, "now"),
        links=[core.DashboardLink(title="chatprobe", tags=["chatprobe"], asDropdown=True, includeVars=True, keepTime=True)],
        templating=core.Templating([_variable(variable) for variable in board.variables]),
        annotations=core.Annotations([_annotation(annotation) for annotation in board.annotations]),
        panels=list(_panels(board)),
    ).to_json_data()
    plain = json.loads(json.dumps({key: value for key, value in built.items() if key not in _OBSOLETE}, cls=DashboardEncoder))
    bare = without_nulls(plain)
    assert isinstance(bare, dict)
    return bare


def panel_id(board: Board, title: str) -> int:
    """A number made of the title alone, so that it stays when other panels come and go."""
    return zlib.crc32(f"{board.uid}/{title}".encode()) % _IDS + 1


def _panels(board: Board) -> Iterator[Json]:
    titles = [*(row.title for row in board.rows), *(panel.title for panel in board.panels)]
    taken: dict[int, str] = {}
    for title in titles:
        number = panel_id(board, title)
        if number in taken:
            raise ValueError(f"{board.uid}: the id of {title!r} is that of {taken[number]!r}; give one of them another title")
        taken[number] = title
    top = 0
    for row in board.rows:
        places = flow(row.panels, top + 1)
        drawn = [_panel(board, panel, place) for panel, place in zip(row.panels, places, strict=True)]
        yield _row(board, row, top, drawn if row.collapsed else [])
        if row.collapsed:
            top += 1
        else:
            yield from drawn
            top = bottom(places, top + 1)


def _row(board: Board, row: Row, top: int, within: list[Json]) -> Json:
    return {
        "type": "row",
        "id": panel_id(board, row.title),
        "title": row.title,
        "collapsed": row.collapsed,
        "gridPos": core.GridPos(h=1, w=COLUMNS, x=0, y=top),
        "panels": within,
    }


def _panel(board: Board, panel: Panel, place: Place) -> Json:
    drawn = body(panel)
    built: Json = core.Panel(
        title=panel.title,
        description=_description(panel),
        id=panel_id(board, panel.title),
        gridPos=core.GridPos(h=place.height, w=place.width, x=place.x, y=place.y),
        links=links(panel.links),
        maxDataPoints=None,
        transformations=drawn.transformations,
    ).panel_json({"type": drawn.type, "options": drawn.options})
    built["fieldConfig"] = drawn.field_config or {"defaults": {}, "overrides": []}
    if isinstance(panel, QueryPanel):
        built["datasource"] = DATA_SOURCE
        instant = isinstance(panel, Table)
        built["targets"] = [_target(query, ref, drawn.format, instant or query.instant) for ref, query in zip(panel.refs, panel.queries, strict=True)]
    return {key: value for key, value in built.items() if key not in _OBSOLETE_OF_PANELS}


def _description(panel: Panel) -> str:
    if isinstance(panel, QueryPanel) and panel.may_be_empty:
        return f"{panel.description}\n\nMay be empty: {panel.may_be_empty}"
    return panel.description


def _target(query: Query, ref: str, natural: Format, instant: bool) -> Json:
    target: Json = {
        "refId": ref,
        "datasource": DATA_SOURCE,
        "editorMode": "code",
        "expr": query.expr,
        "format": query.format or natural,
        "legendFormat": query.legend or "__auto",
        "range": not instant,
        "instant": instant,
        "exemplar": query.exemplars,
    }
    return target | ({"interval": query.step} if query.step else {})


def _variable(variable: Variable) -> Json:
    common: Json = {"name": variable.name, "label": variable.label, "hide": 0, "skipUrlSync": False}
    match variable:
        case DataSource():
            return common | {
                "type": "datasource",
                "query": "prometheus",
                "regex": "",
                "multi": False,
                "includeAll": False,
                "current": {},
                "options": [],
            }
        case LabelValues():
            return common | {
                "type": "query",
                "datasource": DATA_SOURCE,
                "definition": variable.query,
                "query": {"query": variable.query, "refId": f"Variable-{variable.name}"},
                "multi": True,
                "includeAll": True,
                "allValue": ".+",
                "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
                "options": [],
                "refresh": 2,
                "regex": "",
                "sort": core.SORT_ALPHA_ASC,
            }
        case Choice():
            options = [{"text": shown, "value": value, "selected": value == variable.chosen} for shown, value in variable.options]
            query = ", ".join(f"{shown} : {value}" for shown, value in variable.options)
            current = next(option for option in options if option["selected"])
            return common | {"type": "custom", "query": query, "multi": False, "includeAll": False, "options": options, "current": current}


def _annotation(annotation: Annotation) -> Json:
    return {
        "name": annotation.name,
        "datasource": DATA_SOURCE,
        "enable": True,
        "hide": False,
        "expr": annotation.expr,
        "iconColor": annotation.colour,
        "titleFormat": annotation.title,
        "textFormat": annotation.text,
        "tagKeys": ",".join(annotation.tags),
        "useValueForTime": annotation.instants,
        "step": annotation.step,
    }


def without_nulls(value: object) -> object:
    """The same, but for the keys that have no value."""
    match value:
        case dict():
            return {key: without_nulls(within) for key, within in value.items() if within is not None}
        case list():
            return [without_nulls(within) for within in value]
    return value

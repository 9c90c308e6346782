"""Grafana's `fieldConfig`: units, colours, thresholds and texts of values, for a whole panel and for some of its series.

The first threshold has no `value`: Grafana takes minus infinity for it, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grafanalib import core

from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.overrides import Cell, MatchBy, Override, Which
from dashboards.dash.panels import Column, QueryPanel, Table, TimeSeries
from dashboards.dash.values import Mapping, NothingText, RangeText, Thresholds, ValueText

Json = dict[str, object]

_PLAIN = Thresholds(Colour.TEXT)
"""Where a panel has none: Grafana would take red from 80 upwards, whatever the unit."""


def field_config(panel: QueryPanel, custom: Json) -> Json:
    """What holds for all of the panel's series, with what its kind of panel adds, and what holds for some."""
    defaults: Json = {
        "unit": panel.unit,
        "noValue": panel.no_value,
        "color": _colour(panel),
        "thresholds": thresholds(panel.thresholds or _PLAIN),
        "custom": custom,
    }
    if panel.mappings:
        defaults["mappings"] = mappings(panel.mappings)
    if panel.value_links:
        defaults["links"] = links(panel.value_links)
    given = {"decimals": panel.decimals, "min": panel.lowest, "max": panel.highest}
    defaults |= {key: value for key, value in given.items() if value is not None}
    columns = panel.columns if isinstance(panel, Table) else ()
    return {"defaults": defaults, "overrides": [*(_column(column) for column in columns), *(_override(one) for one in panel.overrides)]}


def _colour(panel: QueryPanel) -> Json:
    if panel.colour is not None:
        return {"mode": "fixed", "fixedColor": panel.colour}
    meant = isinstance(panel, Table) or panel.thresholds is not None or panel.mappings
    return {"mode": "thresholds" if meant and not isinstance(panel, TimeSeries) else "palette-classic"}


def thresholds(chosen: Thresholds) -> Json:
    return {"mode": "absolute", "steps": [{"color": chosen.base}, *({"color": colour, "value": value} for value, colour in chosen.steps)]}


def mappings(chosen: Iterable[Mapping]) -> list[Json]:
    return [_mapping(one, place) for place, one in enumerate(chosen)]


def _mapping(one: Mapping, place: int) -> Json:
    result = {"text": one.text, "color": one.colour, "index": place}
    match one:
        case ValueText():
            return {"type": "value", "options": {one.value if isinstance(one.value, str) else f"{one.value:g}": result}}
        case RangeText():
            return {"type": "range", "options": {"from": one.lowest, "to": one.highest, "result": result}}
        case NothingText():
            return {"type": "special", "options": {"match": "null+nan", "result": result}}


def links(chosen: Iterable[Link]) -> list[Json]:
    return [core.DataLink(title=link.title, linkUrl=link.url).to_json_data() for link in chosen]


def _override(one: Override) -> Json:
    return {
        "matcher": {"id": one.which.by, "options": one.which.value},
        "properties": [{"id": key, "value": value} for key, value in _properties(one)],
    }


def _properties(one: Override) -> Iterator[tuple[str, object]]:
    given = {
        "unit": one.unit,
        "decimals": one.decimals,
        "min": one.lowest,
        "max": one.highest,
        "displayName": one.name,
        "custom.lineWidth": one.line_width,
        "custom.fillOpacity": one.fill_percent,
        "custom.width": one.column_width,
    }
    yield from ((key, value) for key, value in given.items() if value is not None)
    yield from _colours(one)
    if one.mappings:
        yield "mappings", mappings(one.mappings)
    if one.links:
        yield "links", links(one.links)
    if one.dashed:
        yield "custom.lineStyle", {"fill": "dash", "dash": [8, 6]}
    if one.right_axis:
        yield "custom.axisPlacement", "right"
    if one.cell is not None:
        yield "custom.cellOptions", _cell(one.cell)


def _colours(one: Override) -> Iterator[tuple[str, object]]:
    if one.colour is not None:
        yield "color", {"mode": "fixed", "fixedColor": one.colour}
    elif one.shades is not None:
        yield "color", {"mode": "shades", "fixedColor": one.shades}
    elif one.thresholds is not None:
        yield "color", {"mode": "thresholds"}
    if one.thresholds is not None:
        yield "thresholds", thresholds(one.thresholds)


def _cell(cell: Cell) -> Json:
    return {"type": cell, "mode": "basic"} if cell in (Cell.COLOURED, Cell.BAR) else {"type": cell}


def _column(column: Column) -> Json:
    """A column is found by its title, which the panel's transformations have given it."""
    return _override(
        Override(
            Which(MatchBy.NAME, column.title),
            unit=column.unit,
            decimals=column.decimals,
            thresholds=column.thresholds,
            mappings=column.mappings,
            links=column.links,
            cell=column.cell,
            column_width=column.width,
        )
    )

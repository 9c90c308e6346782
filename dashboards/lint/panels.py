"""Titles, descriptions and units of every kind of panel, and their places."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from dashboards.dash.layout import COLUMNS
from dashboards.dash.units import Unit
from dashboards.lint.finding import Finding
from dashboards.lint.page import Json, Page, Panel

_WITHOUT_VALUES = ("text",)


def check(page: Page) -> Iterator[Finding]:
    for panel in page.panels:
        yield from _words(page, panel)
        yield from _unit(page, panel)
    yield from _twice(page)
    yield from _places(page)


def _words(page: Page, panel: Panel) -> Iterator[Finding]:
    for key in ("title", "description"):
        if not str(panel.raw.get(key, "")).strip():
            yield page.find(f"it has no {key}", f"write a {key}: what it shows, and how to read it", panel)
    if not panel.targets and panel.kind not in _WITHOUT_VALUES:
        yield page.find("it has no queries", "give it a query, or make it a text", panel)


def _unit(page: Page, panel: Panel) -> Iterator[Finding]:
    if panel.kind in _WITHOUT_VALUES:
        return
    remedy = "take one of `dashboards.dash.units`"
    if (unit := panel.defaults.get("unit")) not in set(Unit):
        yield page.find(f"its unit is {unit!r}", remedy, panel)
    for other in panel.overridden("unit"):
        if other not in set(Unit):
            yield page.find(f"an override has the unit {other!r}", remedy, panel)


def _twice(page: Page) -> Iterator[Finding]:
    seen: dict[str, set[Any]] = {"id": set(), "title": set()}
    for panel in page.panels:
        for key, values in seen.items():
            value = panel.raw.get(key)
            if value in values:
                yield page.find(f"another panel has the same {key}, {value!r}", "give one of them another title", panel)
            values.add(value)


def _places(page: Page) -> Iterator[Finding]:
    """Panels of the grid with one another, and those of each collapsed row."""
    outer = page.raw.get("panels", [])
    for group in (outer, *(row.get("panels") or [] for row in outer)):
        for raw in group:
            place = raw["gridPos"]
            if place["x"] < 0 or place["w"] < 1 or place["h"] < 1 or place["x"] + place["w"] > COLUMNS:
                yield page.find(f"it stands outside of the {COLUMNS} columns", "let `layout.flow` place it", Panel(raw))
        for one, other in combinations(group, 2):
            if _overlap(one["gridPos"], other["gridPos"]):
                yield page.find(f"it overlaps with {other.get('title')!r}", "let `layout.flow` place them", Panel(one))


def _overlap(one: Json, other: Json) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)

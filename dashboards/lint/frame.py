"""What all dashboards have alike: one Prometheus that the reader chooses, the standard variables, and that they are not edited in Grafana."""

from __future__ import annotations

from collections.abc import Iterator

from dashboards import standard
from dashboards.dash.variables import DataSource
from dashboards.lint.finding import Finding
from dashboards.lint.page import Json, Page, Panel

ALWAYS = ("datasource", "job", "instance")
"""Variables that every dashboard has, used or not."""
_CHOSEN: Json = {"type": "prometheus", "uid": "${datasource}"}
_SETTINGS: dict[str, Json] = {
    "datasource": {"query": "prometheus"},
    "query": {"datasource": _CHOSEN, "refresh": 2, "multi": True, "allValue": ".+"},
}
"""Of variables, by their type. `refresh` 2: Grafana asks for the values anew when the time range changes."""
_STANDARD = {one.name: {"type": "datasource" if isinstance(one, DataSource) else "query", "label": one.label} for one in standard.variables()}


def check(page: Page) -> Iterator[Finding]:
    if page.raw.get("editable", True):
        yield page.find("it can be edited in Grafana, where changes are lost", "let it have editable = false")
    yield from _variables(page)
    for panel in page.panels:
        yield from _source(page, panel)


def _variables(page: Page) -> Iterator[Finding]:
    there = {variable["name"]: variable for variable in page.variables}
    for name in ALWAYS:
        if name not in there:
            yield page.find(f"it has no variable ${name}", "take those of `standard.variables()`")
    for name, variable in there.items():
        wanted = _SETTINGS.get(variable["type"], {}) | _STANDARD.get(name, {})
        for key, value in wanted.items():
            if variable.get(key) != value:
                yield page.find(
                    f"the variable ${name} has {key} = {variable.get(key)!r} in place of {value!r}", "take it as `dashboards.dash` draws it"
                )


def _source(page: Page, panel: Panel) -> Iterator[Finding]:
    asked = [raw.get("datasource") for raw in (panel.raw, *(target.raw for target in panel.targets))] if panel.targets else []
    if any(source != _CHOSEN for source in asked):
        yield page.find("it asks another data source than the one that the reader chose", f"let it and its queries have {_CHOSEN}", panel)

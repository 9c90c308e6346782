"""The rules of Grafana's dashboard-linter (github.com/grafana/dashboard-linter, v0.2), under its names.

Its two rules on LogQL hold by themselves, as no dashboard asks Loki: `one-datasource` says so where one does. What it passes over, `metrics` and
`panels` look at: counters with matchers, units beside value mappings, fixed ranges.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from promql_parser import Call, MatrixSelector

from dashboards.dash.units import Unit
from dashboards.lint import tree
from dashboards.lint.finding import Finding
from dashboards.lint.page import RATE_INTERVAL_SECONDS, Json, Page, Panel, Target

_TITLED = ("stat", "singlestat", "graph", "table", "timeseries", "gauge")
_QUERYING = ("singlestat", "gauge", "table", "stat", "state-timeline", "timeseries")
_TEMPLATED = ("singlestat", "graph", "table", "timeseries")
_ASKED = re.compile(r"([a-z_]+)\((.+)\)", re.DOTALL)
_FUNCTIONS = ("label_names", "label_values", "metrics", "query_result")
_ANY = ".+"
_RATES = ("rate", "irate")


def check(page: Page) -> Iterator[Finding]:
    """All of them, exclusions (`exclusions`) not yet taken out."""
    for rule in _OF_DASHBOARD:
        yield from rule(page)
    for panel in page.panels:
        for of_panel in _OF_PANEL:
            yield from of_panel(page, panel)
        for target in panel.targets:
            for of_target in _OF_TARGET:
                yield from of_target(page, panel, target)


def _datasources(page: Page) -> list[Json]:
    return [variable for variable in page.variables if variable["type"] == "datasource"]


def _references(page: Page) -> set[str]:
    return {form for variable in _datasources(page) for form in (f"${variable['name']}", f"${{{variable['name']}}}")}


def _template_datasource(page: Page) -> Iterator[Finding]:
    rule, found = "template-datasource-rule", _datasources(page)
    if not found:
        yield page.find(rule, "there is no variable for the data source", "put `DataSource()` first among its variables")
    alone = len(found) == 1
    for variable in found:
        kind = variable["query"]
        if variable["name"] not in (f"{kind}_datasource", *(("datasource",) if alone else ())):
            yield page.find(rule, f"the data source's variable is called {variable['name']!r}", "call it 'datasource'")
        if variable.get("label") not in (f"{kind.title()} data source", *(("Data source",) if alone else ())):
            yield page.find(rule, f"the data source's variable has the label {variable.get('label')!r}", "give it the label 'Data source'")


def _template_of(name: str) -> Callable[[Page], Iterator[Finding]]:
    def rule(page: Page) -> Iterator[Finding]:
        rule, remedy = f"template-{name}-rule", "take it from `standard.variables()`"
        variable = next((each for each in page.variables if each["name"] == name), None)
        if variable is None:
            yield page.find(rule, f"there is no variable {name!r}", remedy)
            return
        if variable.get("datasource", {}).get("uid") not in ("$datasource", "${datasource}", "$prometheus_datasource", "${prometheus_datasource}"):
            yield page.find(rule, f"the variable {name!r} does not ask the chosen data source", remedy)
        wanted = {"type": "query", "label": name.title(), "multi": True, "allValue": _ANY}
        for key, value in wanted.items():
            if variable.get(key) != value:
                yield page.find(rule, f"the variable {name!r} has {key} = {variable.get(key)!r} in place of {value!r}", remedy)

    return rule


def _template_label_promql(page: Page) -> Iterator[Finding]:
    for variable in _queried(page):
        asked = _ASKED.search(variable.get("definition", ""))
        if asked is None or asked[1] not in _FUNCTIONS or page.read(asked[2].rpartition(",")[0] or asked[2]) is None:
            yield page.find(
                "template-label-promql-rule", f"the variable {variable['name']!r} cannot be asked for", "write `label_values(SELECTOR, LABEL)`"
            )


def _template_reload(page: Page) -> Iterator[Finding]:
    for variable in _queried(page):
        if variable.get("refresh") != 2:
            yield page.find(
                "template-on-time-change-reload-rule",
                f"the variable {variable['name']!r} is not asked anew when the time range changes",
                "let it have refresh = 2",
            )


def _queried(page: Page) -> list[Json]:
    return [variable for variable in page.variables if variable["type"] == "query"]


def _uneditable(page: Page) -> Iterator[Finding]:
    if page.raw.get("editable", False):
        yield page.find("uneditable-dashboard", "it can be edited in Grafana, where changes are lost", "let it have editable = false")


def _one_datasource(page: Page) -> Iterator[Finding]:
    for variable in _datasources(page):
        if variable["query"] != "prometheus":
            yield page.find(
                "one-datasource", f"it asks {variable['query']}, for which no rule is written here", "ask Prometheus, or write the rules for it"
            )


def _panel_datasource(page: Page, panel: Panel) -> Iterator[Finding]:
    given = panel.raw.get("datasource", {})
    uid = given.get("uid") if isinstance(given, dict) else given
    if panel.kind in _TEMPLATED and uid not in _references(page):
        yield page.find("panel-datasource-rule", f"it asks the data source {uid!r}", "let it ask ${datasource}", panel)


def _panel_title(page: Page, panel: Panel) -> Iterator[Finding]:
    if panel.kind in _TITLED:
        for key in ("title", "description"):
            if not panel.raw.get(key):
                yield page.find("panel-title-description-rule", f"it has no {key}", f"write a {key}", panel)


def _panel_units(page: Page, panel: Panel) -> Iterator[Finding]:
    reduced = panel.raw.get("options", {}).get("reduceOptions", {}).get("fields")
    mapped = panel.defaults.get("mappings") is not None or panel.overridden("mappings")
    if panel.kind not in _TITLED or (panel.kind == "stat" and reduced) or mapped:
        return
    unit = [panel.defaults.get("unit"), *panel.overridden("unit")][-1]
    if unit not in set(Unit):
        yield page.find("panel-units-rule", f"its unit is {unit!r}", "take one of `dashboards.dash.units`", panel)


def _panel_targets(page: Page, panel: Panel) -> Iterator[Finding]:
    if panel.kind in _TITLED and panel.raw.get("targets") is None:
        yield page.find("panel-no-targets-rule", "it has no queries", "give it a query, or make it a text", panel)


def _target_promql(page: Page, panel: Panel, target: Target) -> Iterator[Finding]:
    if panel.kind in _QUERYING and page.read(target.expr) is None:
        yield page.find("target-promql-rule", f"it is not PromQL: {' '.join(target.expr.split())}", "correct the query", panel, target)


def _target_rate_interval(page: Page, panel: Panel, target: Target) -> Iterator[Finding]:
    expr = page.read(target.expr)
    if panel.kind not in _QUERYING or expr is None:
        return
    for node, way in tree.visits(expr):
        if isinstance(node, MatrixSelector) and node.range.total_seconds() != RATE_INTERVAL_SECONDS and way:
            above = way[-1]
            if isinstance(above, Call) and above.func.name in _RATES:
                yield page.find(
                    "target-rate-interval-rule",
                    f"`{above.func.name}` over a range of its own, of `{tree.name(node.vector_selector)}`",
                    "take it over `$__rate_interval`, or ask what is recorded",
                    panel,
                    target,
                )


def _target_matcher(label: str) -> Callable[[Page, Panel, Target], Iterator[Finding]]:
    def rule(page: Page, panel: Panel, target: Target) -> Iterator[Finding]:
        expr = page.read(target.expr)
        if expr is None:
            return
        lacking = tuple(dict.fromkeys(tree.name(each) for each, _ in tree.selectors(expr) if not tree.has_variable(each, label)))
        if lacking:
            named = ", ".join(f"`{name}`" for name in lacking)
            yield page.find(
                f"target-{label}-rule",
                f'{named} without {label}=~"${label}"',
                "select with `promql.select` or `promql.matchers`",
                panel,
                target,
                lacking,
            )

    return rule


def _target_counter(page: Page, panel: Panel, target: Target) -> Iterator[Finding]:
    expr = page.read(target.expr)
    if expr is None:
        return
    for selector, way in tree.selectors(expr):
        plain = not selector.matchers.matchers and tree.name(selector).endswith("_total")
        if plain and tree.call_over(way)[0] not in (*_RATES, "increase"):
            yield page.find("target-counter-agg-rule", f"the counter `{tree.name(selector)}` is shown as it is", "take its `rate`", panel, target)


_OF_DASHBOARD = (
    _template_datasource,
    _template_of("job"),
    _template_of("instance"),
    _template_label_promql,
    _template_reload,
    _uneditable,
    _one_datasource,
)
_OF_PANEL = (_panel_datasource, _panel_title, _panel_units, _panel_targets)
_OF_TARGET = (_target_promql, _target_rate_interval, _target_matcher("job"), _target_matcher("instance"), _target_counter)

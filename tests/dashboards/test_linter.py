"""Whatever Grafana's dashboard-linter (github.com/grafana/dashboard-linter, v0.2) asks for is asked for here: each of its rules, broken."""

from __future__ import annotations

import pytest
from grafanalib import formatunits

from dashboards.dash.render import as_json
from dashboards.dash.units import Unit
from dashboards.lint.page import Page
from dashboards.lint.verdict import verdict_on
from dashboards.overview import BOARD
from tests.dashboards.changes import Change, Json, drop, expr, of_panel, of_target, of_variable

SPEED, STATE = "Tokens per second of a chat, mean", "Who answers"
MATCHED = '{job=~"$job", instance=~"$instance"}'
ON_DASHBOARD = "chatprobe / Overview: (dashboard)"
ON_SPEED, ON_STATE = f"chatprobe / Overview: {SPEED}", f"chatprobe / Overview: {STATE}"
STANDARD = "take those of `standard.variables()`"
DRAWN = "take it as `dashboards.dash` draws it"
CHOSEN = "{'type': 'prometheus', 'uid': '${datasource}'}"
SELECT = "select with `promql.select` or `promql.matchers`"
FOLLOW = "take it over `$__rate_interval`, or ask what is recorded; one value of all that is shown may be over `$__range`"


def said(change: Change) -> list[str]:
    """What is found after a change to the overview."""
    page: Json = as_json(BOARD)
    change(page)
    return [str(finding) for finding in verdict_on([Page(page)])]


BROKEN: list[tuple[str, Change, str]] = [
    ("template-datasource-rule", drop("datasource"), f"{ON_DASHBOARD}: it has no variable $datasource; {STANDARD}"),
    ("template-datasource-rule", of_variable("datasource", name="prometheus"), f"{ON_DASHBOARD}: it has no variable $datasource; {STANDARD}"),
    (
        "template-datasource-rule",
        of_variable("datasource", label="Source"),
        f"{ON_DASHBOARD}: the variable $datasource has label = 'Source' in place of 'Data source'; {DRAWN}",
    ),
    ("template-job-rule", drop("job"), f"{ON_DASHBOARD}: it has no variable $job; {STANDARD}"),
    ("template-job-rule", of_variable("job", multi=False), f"{ON_DASHBOARD}: the variable $job has multi = False in place of True; {DRAWN}"),
    ("template-job-rule", of_variable("job", allValue=".*"), f"{ON_DASHBOARD}: the variable $job has allValue = '.*' in place of '.+'; {DRAWN}"),
    ("template-job-rule", of_variable("job", type="custom"), f"{ON_DASHBOARD}: the variable $job has type = 'custom' in place of 'query'; {DRAWN}"),
    (
        "template-job-rule",
        of_variable("job", datasource={"uid": "prom"}),
        f"{ON_DASHBOARD}: the variable $job has datasource = {{'uid': 'prom'}} in place of {CHOSEN}; {DRAWN}",
    ),
    ("template-instance-rule", drop("instance"), f"{ON_DASHBOARD}: it has no variable $instance; {STANDARD}"),
    (
        "template-instance-rule",
        of_variable("instance", label="Pod"),
        f"{ON_DASHBOARD}: the variable $instance has label = 'Pod' in place of 'Instance'; {DRAWN}",
    ),
    (
        "template-label-promql-rule",
        of_variable("model", definition="label_value(up, model)"),
        f"{ON_DASHBOARD}: variable 'model' is not PromQL: label_value(up, model); correct it",
    ),
    (
        "template-label-promql-rule",
        of_variable("model", definition="label_values(up{, model)"),
        f"{ON_DASHBOARD}: variable 'model' is not PromQL: count(up{{); correct it",
    ),
    (
        "template-on-time-change-reload-rule",
        of_variable("model", refresh=1),
        f"{ON_DASHBOARD}: the variable $model has refresh = 1 in place of 2; {DRAWN}",
    ),
    (
        "panel-datasource-rule",
        of_panel(SPEED, datasource={"uid": "prom"}),
        f"{ON_SPEED}: it asks another data source than the one that the reader chose; let it and its queries have {CHOSEN}",
    ),
    (
        "panel-datasource-rule",
        of_target(SPEED, datasource={"uid": "prom"}),
        f"{ON_SPEED}: it asks another data source than the one that the reader chose; let it and its queries have {CHOSEN}",
    ),
    (
        "panel-title-description-rule",
        of_panel(SPEED, description=""),
        f"{ON_SPEED}: it has no description; write a description: what it shows, and how to read it",
    ),
    (
        "panel-units-rule",
        of_panel(SPEED, fieldConfig={"defaults": {"unit": "tok/s"}}),
        f"{ON_SPEED}: its unit is 'tok/s'; take one of `dashboards.dash.units`",
    ),
    ("panel-no-targets-rule", of_panel(SPEED, targets=None), f"{ON_SPEED}: it has no queries; give it a query, or make it a text"),
    (
        "target-promql-rule",
        expr(SPEED, "sum by (target) (up"),
        f"{ON_SPEED}: it is not PromQL: sum by (target) (up; correct the query",
    ),
    (
        "target-promql-rule",
        expr(SPEED, "histogram_quantile($nothing, up)"),
        f"{ON_SPEED}: it is not PromQL: histogram_quantile($nothing, up); correct the query",
    ),
    (
        "target-logql-rule",
        expr(SPEED, '{job="chatprobe"} |= "failed"'),
        f'{ON_SPEED}: it is not PromQL: {{job="chatprobe"}} |= "failed"; correct the query',
    ),
    (
        "target-logql-auto-rule",
        of_variable("datasource", query="loki"),
        f"{ON_DASHBOARD}: the variable $datasource has query = 'loki' in place of 'prometheus'; {DRAWN}",
    ),
    (
        "target-rate-interval-rule",
        expr(SPEED, f"rate(chatprobe_probes_total{MATCHED}[5m])"),
        f"{ON_SPEED}: `rate` of `chatprobe_probes_total` over a range of its own; {FOLLOW}",
    ),
    (
        "target-job-rule",
        expr(STATE, 'chatprobe_probe_success{instance=~"$instance"}'),
        f'{ON_STATE}: `chatprobe_probe_success` without job=~"$job"; {SELECT}',
    ),
    (
        "target-instance-rule",
        expr(STATE, 'chatprobe_probe_success{job=~"$job", instance="$instance"}'),
        f'{ON_STATE}: `chatprobe_probe_success` without instance=~"$instance"; {SELECT}',
    ),
    (
        "target-counter-agg-rule",
        expr(SPEED, "sum(chatprobe_probes_total)"),
        f"{ON_SPEED}: `chatprobe_probes_total` is a counter, and is shown as it is; "
        "take its `rate` or `increase`, as it begins at 0 whenever the exporter does",
    ),
    (
        "uneditable-dashboard",
        lambda page: page.update(editable=True),
        f"{ON_DASHBOARD}: it can be edited in Grafana, where changes are lost; let it have editable = false",
    ),
]
"""By the linter's name of each rule, whose 17 are all here."""


@pytest.mark.parametrize(
    ("change", "line"), [(change, line) for _, change, line in BROKEN], ids=[f"{n}-{rule}" for n, (rule, _, _) in enumerate(BROKEN)]
)
def test_what_the_linter_would_find_is_found(change: Change, line: str) -> None:
    assert line not in said(lambda page: None)
    assert line in said(change)


def test_every_rule_of_the_linter_is_broken_above() -> None:
    assert len({rule for rule, _, _ in BROKEN}) == 17


@pytest.mark.parametrize(
    "text",
    [f"increase(chatprobe_probes_total{MATCHED}[1h])", f"max_over_time(chatprobe_probe_success{MATCHED}[1h])"],
)
def test_fixed_ranges_are_for_rates_only(text: str) -> None:
    assert not [line for line in said(expr(SPEED, text)) if "range" in line]


def test_a_recorded_series_with_a_job_needs_it() -> None:
    assert f'{ON_SPEED}: `target:chatprobe_probes:rate5m` without job=~"$job"; {SELECT}' in said(expr(SPEED, "target:chatprobe_probes:rate5m"))


def test_each_selector_is_looked_at() -> None:
    text = 'target:chatprobe_probes:rate5m{job=~"$job"} + chatprobe_probe_success{job=~"$job"}'
    assert [line for line in said(expr(SPEED, text)) if "without" in line] == [
        f'{ON_SPEED}: `chatprobe_probe_success` without instance=~"$instance"; {SELECT}'
    ]


def test_one_value_of_the_whole_range_may_be_a_rate_over_it() -> None:
    text = f"rate(chatprobe_probes_total{MATCHED}[$__range])"
    assert not [line for line in said(of_target(SPEED, expr=text, instant=True)) if "range" in line]
    assert f"{ON_SPEED}: `rate` of `chatprobe_probes_total` over a range of its own; {FOLLOW}" in said(expr(SPEED, text))


def test_every_unit_is_one_of_grafanas() -> None:
    known = {value for name, value in vars(formatunits).items() if name.isupper()}
    assert {str(unit) for unit in Unit} - known == set()

"""Each rule of dashboard-linter, broken."""

from __future__ import annotations

import pytest
from grafanalib import formatunits

from dashboards.dash.render import as_json
from dashboards.dash.units import Unit
from dashboards.lint import linter
from dashboards.lint.exclusions import Exclusion, as_lint
from dashboards.lint.page import Page
from dashboards.lint.verdict import verdict_on
from dashboards.overview import BOARD
from tests.dashboards.changes import Change, Json, drop, expr, of_panel, of_variable, target

SPEED, STATE = "Tokens per second of a chat, mean", "Who answers"


def said(change: Change, rule: str) -> list[str]:
    """What a rule finds after a change to the overview, exclusions taken out."""
    page: Json = as_json(BOARD)
    change(page)
    return [str(finding) for finding in verdict_on([Page(page)]).findings if finding.rule == rule]


def found(change: Change, rule: str) -> list[str]:
    """The same with what is excluded."""
    page: Json = as_json(BOARD)
    change(page)
    return [str(finding) for finding in linter.check(Page(page)) if finding.rule == rule]


MATCHED = '{job=~"$job", instance=~"$instance"}'
ON_DASHBOARD = "chatprobe / Overview: (dashboard)"
STANDARD = "take it from `standard.variables()`"
SELECT = "select with `promql.select` or `promql.matchers`"
BROKEN = [
    (
        drop("datasource"),
        "template-datasource-rule",
        f"{ON_DASHBOARD}: there is no variable for the data source; put `DataSource()` first among its variables",
    ),
    (
        of_variable("datasource", name="prometheus"),
        "template-datasource-rule",
        f"{ON_DASHBOARD}: the data source's variable is called 'prometheus'; call it 'datasource'",
    ),
    (
        of_variable("datasource", label="Source"),
        "template-datasource-rule",
        f"{ON_DASHBOARD}: the data source's variable has the label 'Source'; give it the label 'Data source'",
    ),
    (drop("job"), "template-job-rule", f"{ON_DASHBOARD}: there is no variable 'job'; {STANDARD}"),
    (of_variable("job", multi=False), "template-job-rule", f"{ON_DASHBOARD}: the variable 'job' has multi = False in place of True; {STANDARD}"),
    (of_variable("job", allValue=".*"), "template-job-rule", f"{ON_DASHBOARD}: the variable 'job' has allValue = '.*' in place of '.+'; {STANDARD}"),
    (
        of_variable("job", type="custom"),
        "template-job-rule",
        f"{ON_DASHBOARD}: the variable 'job' has type = 'custom' in place of 'query'; {STANDARD}",
    ),
    (
        of_variable("job", datasource={"uid": "prom"}),
        "template-job-rule",
        f"{ON_DASHBOARD}: the variable 'job' does not ask the chosen data source; {STANDARD}",
    ),
    (
        of_variable("instance", label="Pod"),
        "template-instance-rule",
        f"{ON_DASHBOARD}: the variable 'instance' has label = 'Pod' in place of 'Instance'; {STANDARD}",
    ),
    (
        of_variable("model", definition="label_value(up, model)"),
        "template-label-promql-rule",
        f"{ON_DASHBOARD}: the variable 'model' cannot be asked for; write `label_values(SELECTOR, LABEL)`",
    ),
    (
        of_variable("model", refresh=1),
        "template-on-time-change-reload-rule",
        f"{ON_DASHBOARD}: the variable 'model' is not asked anew when the time range changes; let it have refresh = 2",
    ),
    (
        lambda page: page.update(editable=True),
        "uneditable-dashboard",
        f"{ON_DASHBOARD}: it can be edited in Grafana, where changes are lost; let it have editable = false",
    ),
    (
        of_variable("datasource", query="loki"),
        "one-datasource",
        f"{ON_DASHBOARD}: it asks loki, for which no rule is written here; ask Prometheus, or write the rules for it",
    ),
    (
        of_panel(SPEED, datasource={"uid": "prom"}),
        "panel-datasource-rule",
        f"chatprobe / Overview: {SPEED}: it asks the data source 'prom'; let it ask ${{datasource}}",
    ),
    (
        of_panel(SPEED, description=""),
        "panel-title-description-rule",
        f"chatprobe / Overview: {SPEED}: it has no description; write a description",
    ),
    (
        of_panel(SPEED, fieldConfig={"defaults": {"unit": "tok/s"}}),
        "panel-units-rule",
        f"chatprobe / Overview: {SPEED}: its unit is 'tok/s'; take one of `dashboards.dash.units`",
    ),
    (
        of_panel(SPEED, targets=None),
        "panel-no-targets-rule",
        f"chatprobe / Overview: {SPEED}: it has no queries; give it a query, or make it a text",
    ),
    (
        expr(SPEED, "sum by (target) (up"),
        "target-promql-rule",
        f"chatprobe / Overview: {SPEED}: it is not PromQL: sum by (target) (up; correct the query",
    ),
    (
        expr(SPEED, "histogram_quantile($nothing, up)"),
        "target-promql-rule",
        f"chatprobe / Overview: {SPEED}: it is not PromQL: histogram_quantile($nothing, up); correct the query",
    ),
    (
        expr(SPEED, f"rate(chatprobe_probes_total{MATCHED}[5m])"),
        "target-rate-interval-rule",
        f"chatprobe / Overview: {SPEED}: `rate` over a range of its own, of `chatprobe_probes_total`; "
        "take it over `$__rate_interval`, or ask what is recorded",
    ),
    (
        expr(STATE, 'chatprobe_probe_success{instance=~"$instance"}'),
        "target-job-rule",
        f'chatprobe / Overview: {STATE}: `chatprobe_probe_success` without job=~"$job"; {SELECT}',
    ),
    (
        expr(STATE, 'chatprobe_probe_success{job=~"$job", instance="$instance"}'),
        "target-instance-rule",
        f'chatprobe / Overview: {STATE}: `chatprobe_probe_success` without instance=~"$instance"; {SELECT}',
    ),
    (
        expr(SPEED, "sum(chatprobe_probes_total)"),
        "target-counter-agg-rule",
        f"chatprobe / Overview: {SPEED}: the counter `chatprobe_probes_total` is shown as it is; take its `rate`",
    ),
]


@pytest.mark.parametrize(("change", "rule", "line"), BROKEN, ids=[f"{rule}-{place}" for place, (_, rule, _) in enumerate(BROKEN)])
def test_a_broken_rule_is_found(change: Change, rule: str, line: str) -> None:
    assert line not in found(lambda page: None, rule)
    assert line in found(change, rule)


def test_every_rule_is_broken_above() -> None:
    kept = {
        *("template-datasource-rule", "template-job-rule", "template-instance-rule", "template-label-promql-rule"),
        *("template-on-time-change-reload-rule", "panel-datasource-rule", "panel-title-description-rule", "panel-units-rule"),
        *("panel-no-targets-rule", "target-promql-rule", "target-rate-interval-rule", "target-job-rule", "target-instance-rule"),
        *("target-counter-agg-rule", "uneditable-dashboard", "one-datasource"),  # the last is for the two on LogQL
    }
    assert {rule for _, rule, _ in BROKEN} == kept


@pytest.mark.parametrize(
    "text",
    [f"increase(chatprobe_probes_total{MATCHED}[1h])", f"max_over_time(chatprobe_probe_success{MATCHED}[1h])"],
)
def test_fixed_ranges_are_for_rates_only(text: str) -> None:
    assert said(expr(SPEED, text), "target-rate-interval-rule") == []


def test_what_is_recorded_needs_no_instance_and_the_reason_is_given() -> None:
    page: Json = as_json(BOARD)
    exclusions = verdict_on([Page(page)]).exclusions
    mine = Exclusion("target-instance-rule", "chatprobe / Overview", "Goodput", 0, "recorded series add up over instances, and have none")
    assert mine in exclusions
    assert said(lambda page: None, "target-instance-rule") == []


def test_one_selector_without_a_reason_is_not_excused_by_others() -> None:
    text = 'target:chatprobe_probes:rate5m{job=~"$job"} + chatprobe_probe_success{job=~"$job"}'
    assert said(expr(SPEED, text), "target-instance-rule") == [
        f'chatprobe / Overview: {SPEED}: `target:chatprobe_probes:rate5m`, `chatprobe_probe_success` without instance=~"$instance"; {SELECT}'
    ]


def test_a_recorded_series_with_a_job_needs_it() -> None:
    assert said(expr(SPEED, "target:chatprobe_probes:rate5m"), "target-job-rule") == [
        f'chatprobe / Overview: {SPEED}: `target:chatprobe_probes:rate5m` without job=~"$job"; {SELECT}'
    ]


def test_one_value_of_the_whole_range_may_be_a_rate_over_it() -> None:
    text = f"rate(chatprobe_probes_total{MATCHED}[$__range])"

    def instant(page: Json) -> None:
        target(page, SPEED).update(expr=text, instant=True)

    assert said(instant, "target-rate-interval-rule") == []
    assert len(said(expr(SPEED, text), "target-rate-interval-rule")) == 1


def test_exclusions_are_written_for_grafanas_own_tool() -> None:
    one = Exclusion("target-job-rule", "B", "P", 1, "because")
    assert as_lint([one, one]) == {
        "exclusions": {
            "target-job-rule": {"reason": "see each entry", "entries": [{"dashboard": "B", "panel": "P", "targetidx": "1", "reason": "because"}]}
        }
    }


def test_every_unit_is_one_of_grafanas() -> None:
    known = {value for name, value in vars(formatunits).items() if name.isupper()}
    assert {str(unit) for unit in Unit} - known == set()

"""Each rule, broken; those that dashboard-linter has too are in `test_linter`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from promql_parser import parse

from catalogue import own, pods
from catalogue.engines import ENGINE_METRICS
from dashboards.dash.render import as_json
from dashboards.lint.labels import possible
from dashboards.lint.page import Page
from dashboards.lint.series import find, known
from dashboards.lint.verdict import verdict_on
from dashboards.overview import BOARD
from tests.dashboards.changes import Change, Json, expr, of_panel, panel, target, variable

ROOT = Path(__file__).parents[2]
PANEL, TABLE = "Tokens per second of a chat, mean", "Pairs won, engine against engine"
HERE = f"chatprobe / Overview: {PANEL}"
ON_DASHBOARD = "chatprobe / Overview: (dashboard)"
CHOSEN = 'job=~"$job", instance=~"$instance"'
LABELS = "backend, instance, job, model, scenario, target"
FROM = "take the name from `catalogue.own` or `alerts.recordings`, or put it on the list in `dashboards/lint/foreign.py`"


def said(change: Change) -> set[str]:
    """What is found after a change to the overview."""
    page: Json = as_json(BOARD)
    change(page)
    return {str(finding) for finding in verdict_on([Page(page)])}


def legend(text: str, query: str) -> Change:
    return lambda page: target(page, PANEL).update(expr=query, legendFormat=text)


def column(page: Json) -> None:
    """A table with a column that no query gives."""
    panel(page, TABLE)["transformations"][1]["options"]["include"]["names"].append("city")


def link(to: str) -> Change:
    return lambda page: panel(page, PANEL)["fieldConfig"]["defaults"].update(links=[{"title": "x", "url": to}])


def move(page: Json) -> None:
    panel(page, PANEL)["gridPos"] = dict(panel(page, "Goodput")["gridPos"], x=4)


def twin(page: Json) -> None:
    panel(page, PANEL)["id"] = panel(page, "Goodput")["id"]


def unused(page: Json) -> None:
    page["templating"]["list"].append({"name": "colour", "type": "custom", "current": {"value": "red"}})


def odd_unit(page: Json) -> None:
    panel(page, "Who answers")["fieldConfig"]["defaults"]["unit"] = "smiles"


def odd_override(page: Json) -> None:
    panel(page, PANEL)["fieldConfig"]["overrides"].append({"matcher": {}, "properties": [{"id": "unit", "value": "smiles"}]})


BROKEN: list[tuple[Change, str]] = [
    (lambda page: None, ""),
    (expr(PANEL, f"chatprobe_speed{{{CHOSEN}}}"), f"{HERE}: `chatprobe_speed` is no metric of the catalogue, and none that is recorded; {FROM}"),
    (
        expr(PANEL, f"count({{{CHOSEN}}})"),
        f'{HERE}: a selector without a metric, `{{job=~"$job",instance=~"$instance"}}`, is no metric of the catalogue, '
        f"and none that is recorded; {FROM}",
    ),
    (
        expr(PANEL, f'chatprobe_probe_success{{{CHOSEN}, engine="vllm"}}'),
        f"{HERE}: `chatprobe_probe_success` has no label `engine`; select by one of {LABELS}",
    ),
    (
        expr(PANEL, f"sum by (engine) (chatprobe_probe_success{{{CHOSEN}}})"),
        f"{HERE}: `sum` names a label `engine` that is not there: "
        f'`chatprobe_probe_success{{job=~"$job",instance=~"$instance"}}`; name one of {LABELS}',
    ),
    (
        expr(PANEL, f"chatprobe_probe_success{{{CHOSEN}}} * on (peer) chatprobe_probe_success{{{CHOSEN}}}"),
        f"{HERE}: `*` matches by a label `peer` that is not there: "
        f'`chatprobe_probe_success{{job=~"$job",instance=~"$instance"}}`; name one of {LABELS}',
    ),
    (
        expr(PANEL, f"sum(chatprobe_ttft_seconds_count{{{CHOSEN}}})"),
        f"{HERE}: `chatprobe_ttft_seconds_count` is a counter, and is shown as it is; "
        "take its `rate` or `increase`, as it begins at 0 whenever the exporter does",
    ),
    (
        expr(PANEL, f"increase(chatprobe_exporter_streams_in_flight{{{CHOSEN}}}[$__rate_interval])"),
        f"{HERE}: `chatprobe_exporter_streams_in_flight` is no counter, and `increase` is taken of it; "
        "take `deriv` or `delta`, or none where it is a rate already",
    ),
    (
        legend("{{city}}", f"sum by (target) (chatprobe_probe_success{{{CHOSEN}}})"),
        f"{HERE}: the legend names a label `city` that is not there; name one of target",
    ),
    (legend("{{city}}", "vector(1)"), f"{HERE}: the legend names a label `city` that is not there; the answer has no labels: leave it out"),
    (column, f"chatprobe / Overview: {TABLE}: column `city` is in no answer; name one of backend, peer, target"),
    (
        lambda page: page["annotations"]["list"][0].update(expr="nothing"),
        f"{ON_DASHBOARD}: annotation 'Alerts': `nothing` is no metric of the catalogue, and none that is recorded; {FROM}",
    ),
    (
        lambda page: page["annotations"]["list"][0].update(expr="sum("),
        f"{ON_DASHBOARD}: annotation 'Alerts' is not PromQL: sum(; correct it",
    ),
    (
        lambda page: variable(page, "model").update(definition="label_values(nothing, model)"),
        f"{ON_DASHBOARD}: variable 'model': `nothing` is no metric of the catalogue, and none that is recorded; {FROM}",
    ),
    (of_panel("Who answers", title=" "), "chatprobe / Overview:  : it has no title; write a title: what it shows, and how to read it"),
    (of_panel(PANEL, type="heatmap", description=""), f"{HERE}: it has no description; write a description: what it shows, and how to read it"),
    (of_panel(PANEL, type="heatmap", targets=[]), f"{HERE}: it has no queries; give it a query, or make it a text"),
    (odd_unit, "chatprobe / Overview: Who answers: its unit is 'smiles'; take one of `dashboards.dash.units`"),
    (odd_override, f"{HERE}: an override has the unit 'smiles'; take one of `dashboards.dash.units`"),
    (twin, "chatprobe / Overview: Goodput: another panel has the same id, 565028; give one of them another title"),
    (of_panel(PANEL, title="Goodput"), "chatprobe / Overview: Goodput: another panel has the same title, 'Goodput'; give one of them another title"),
    (move, f"{HERE}: it overlaps with 'Goodput'; let `layout.flow` place them"),
    (of_panel(PANEL, gridPos={"x": 20, "y": 900, "w": 8, "h": 8}), f"{HERE}: it stands outside of the 24 columns; let `layout.flow` place it"),
    (unused, f"{ON_DASHBOARD}: no query, title or link uses the variable $colour; use it, or leave it out"),
    (
        of_panel(PANEL, description="$nothing"),
        f"{HERE}: it uses the variable $nothing, which the dashboard does not have; add it, or use one of $answer_tokens, $backend, $datasource, "
        "$instance, $job, $model, $quantile, $scenario, $target",
    ),
    (link("/d/chatprobe-nothing?x"), f"{HERE}: a link leads to /d/chatprobe-nothing, and there is no such dashboard; take a uid from the catalogue"),
    (
        link("/d/chatprobe-overview?var-slo=chat&${job:queryparam}"),
        f"{HERE}: a link to chatprobe-overview sets $slo, which it does not have; set one of answer_tokens, backend, datasource, "
        "instance, job, model, quantile, scenario, target",
    ),
    (
        link("/d/chatprobe-why?${slo:queryparam}"),
        f"{HERE}: a link to chatprobe-why sets $slo, which it does not have; set one of backend, datasource, instance, job, model, scenario, target",
    ),
    (
        link('/d/chatprobe-why?var-target=${__data.fields["City"]}'),
        f"{HERE}: a link takes the value of a column 'City' that is not there; it has no columns: take the value of a label",
    ),
]


@pytest.mark.parametrize(("change", "line"), BROKEN[1:], ids=[line for _, line in BROKEN[1:]])
def test_a_broken_rule_is_found(change: Change, line: str) -> None:
    assert line in said(change)
    assert line not in said(lambda page: None)


def test_the_dashboard_that_is_broken_here_is_sound() -> None:
    assert said(lambda page: None) == set()


def test_a_uid_is_found_twice() -> None:
    pages = [Page(as_json(BOARD)), Page(as_json(BOARD) | {"title": "Other"})]
    assert [str(finding) for finding in verdict_on(pages)] == [
        "Other: (dashboard): its uid 'chatprobe-overview' is that of 'chatprobe / Overview'; give each the one that the catalogue has for it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"count by (target) (chatprobe_probes_total{{{CHOSEN}}})",
        f"absent(chatprobe_probes_total{{{CHOSEN}}})",
        f"sum(rate(chatprobe_probes_total{{{CHOSEN}}}[$__rate_interval]))",
        f"chatprobe_probe_success{{{CHOSEN}}} and on (target) (count by (target) (chatprobe_probes_total{{{CHOSEN}}}))",
    ],
)
def test_a_counter_may_be_a_rate_or_be_there(text: str) -> None:
    assert not [line for line in said(expr(PANEL, text)) if "counter" in line]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("chatprobe_probe_success", {"job", "instance", "target", "backend", "model", "scenario"}),
        ("sum by (target, nothing) (chatprobe_probe_success)", {"target"}),
        ("sum without (job, instance, target, backend) (chatprobe_probe_success)", {"model", "scenario"}),
        ("sum(chatprobe_probe_success)", set()),
        ("topk(3, sum by (target) (chatprobe_probe_success))", {"target"}),
        ('count_values by (target) ("value", chatprobe_probe_success)', {"target", "value"}),
        ("histogram_quantile(0.9, sum by (target, le) (rate(chatprobe_ttft_seconds_bucket[5m])))", {"target"}),
        ('label_replace(sum by (target) (up), "city", "x", "", "")', {"city"}),
        ("sum by (job) (up) or sum by (instance) (up)", {"job", "instance"}),
        ("sum by (job) (up) and sum by (instance) (up)", {"job"}),
        ("up * on (job) up", {"job"}),
        ("up * ignoring (job) up", {"instance"}),
        ("sum by (job) (up) * on (job) group_left (source) chatprobe_exporter_targets", {"job", "source"}),
        ("sum by (job) (up) * on (job) group_right (source) sum by (instance) (up)", {"instance", "source"}),
        ("-(sum by (job) (up)) + 1", {"job"}),
        ("max_over_time(sum by (job) (up)[5m:1m])", {"job"}),
        ("time() - vector(1)", set()),
        ("ALERTS", None),
        ("sum by (anything) (ALERTS)", {"anything"}),
        (
            "slo:sli_error:ratio_rate5m",
            {"job", "target", "backend", "model", "scenario", "slo", "sloth_id", "sloth_service", "sloth_slo", "sloth_window"},
        ),
        ("slo:objective:ratio", {"slo", "sloth_id", "sloth_service", "sloth_slo"}),
    ],
)
def test_the_labels_of_an_answer_are_known(text: str, labels: set[str] | None) -> None:
    assert possible(parse(text)) == (None if labels is None else frozenset(labels))


def test_everything_in_the_catalogue_can_be_asked_for() -> None:
    for metric in (*own.CATALOGUE, *ENGINE_METRICS, *pods.PODS):
        name = metric.count if metric.type in ("histogram", "summary") else metric.name
        series = find(name)
        assert series is not None, name
        assert series.labels is not None
        assert series.labels >= {*metric.labels, "job", "instance"}


@pytest.mark.parametrize("name", ["slo:sli_error:ratio_rate", "slo:sli_error:ratio_rate5", "chatprobe_ttft", "chatprobe_probes"])
def test_a_name_that_is_nearly_one_is_none(name: str) -> None:
    assert find(name) is None


def test_no_name_is_known_for_two_things() -> None:
    assert all(name == series.name for name, series in known().items())


def test_a_metric_that_is_renamed_breaks_the_check_with_the_panels_name(tmp_path: Path) -> None:
    for room in ("alerts", "catalogue", "cli", "config", "dashboards", "discovery", "exporter", "probes", "simulator", "traffic"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    file = tmp_path / "catalogue/own.py"
    file.write_text(file.read_text().replace('"chatprobe_probe_success"', '"chatprobe_probe_succeeded"'))
    done = subprocess.run([sys.executable, "-m", "cli", "dashboards", "check"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (
        f"chatprobe / Overview: Who answers: `chatprobe_probe_success` is no metric of the catalogue, and none that is recorded; {FROM}"
        in done.stderr.splitlines()
    )

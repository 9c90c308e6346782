"""Rules in every form that is written."""

from __future__ import annotations

import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.build import build, leftovers, stale
from alerts.forms.form import Form
from alerts.rules import AlertsError, rules
from config.reader import parse, read
from tests.alerts.promtool import config, promtool
from tests.crds import problems

ROOT = Path(__file__).parents[2]
SLOTH_NAME = re.compile(r"[A-Za-z0-9][-A-Za-z0-9_.]*[A-Za-z0-9]")
"""What Sloth takes as a name (its `prometheus/v1` specification)."""


def written(name: str, settings: str = "") -> Any:
    text = f"""
targets: {{vllm: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{heartbeat: {{every: 15s}}}}
slos: {{available: {{scenario: heartbeat, objective: 99.9%}}, team/quick-: {{scenario: heartbeat, ttft: 500ms, objective: 99%}}}}
alerts: {{{settings}}}
"""
    return yaml.load(build(parse(text).config).files[name], yaml.CSafeLoader)


@pytest.mark.prometheus
@pytest.mark.parametrize("preset", ["default", "quick-test", "stress-test", "example"])
def test_promtool_takes_the_rules_of_every_preset(preset: str, tmp_path: Path) -> None:
    files = build(read([ROOT / "config" / f"{preset}.yaml"], environ={}).config).files
    names = [name for name in files if name.endswith(".rules.yaml")]
    for name in names:
        (tmp_path / name).write_text(files[name])
    done = subprocess.run([promtool(), "check", "rules", *names], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(names) == (3 if "slos.rules.yaml" in files else 2)


@pytest.mark.parametrize("preset", ["default", "quick-test", "stress-test", "example"])
def test_every_slo_of_a_preset_can_page(preset: str) -> None:
    notes = build(read([ROOT / "config" / f"{preset}.yaml"], environ={}).config).notes
    assert [note for note in notes if "never pages" in note] == []


@pytest.mark.parametrize(("overlay", "folder"), [((), ""), (("alerts/one-day.yaml",), "one-day")])
def test_what_is_checked_in_are_the_rule_files_of_the_default_preset(overlay: tuple[str, ...], folder: str) -> None:
    built = build(read([ROOT / file for file in ("config/default.yaml", *overlay)]).config, [Form.RULES])
    there = ROOT / "alerts/generated" / folder
    assert [*stale(built, there)] == [], "stale: make generated"
    assert {file.name for file in there.iterdir() if file.is_file()} == built.files.keys(), "other forms are built where they are wanted"


def test_jira_is_for_alertmanagers_own_file_only() -> None:
    jira = "{api_url: 'https://jira.example.com/rest/api/2', project: LLM}"
    told = f"notify: {{alertmanager: '0.28', receivers: {{jira: {jira}}}, ticket: [jira], page: [jira]}}"
    built = build(parse(WITH_RETENTION.replace("retention: 1d", told)).config)
    assert "alertmanager.yaml" in built.files
    assert "alertmanagerconfig.yaml" not in built.files
    assert built.notes[-1].startswith("alertmanagerconfig.yaml is left out: alerts.notify.page: names Jira")


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (Form.SLOTH, "slos: is missing, and Sloth makes rules of SLOs alone; write one, or leave its form out"),
        (Form.ALERTMANAGER, 'alerts.notify: is missing; write notify: {receivers: {slack: {channel: "#llm-alerts"}}}'),
        (Form.ALERTMANAGER_CONFIG, 'alerts.notify: is missing; write notify: {receivers: {slack: {channel: "#llm-alerts"}}}'),
    ],
)
def test_a_form_that_is_asked_for_and_has_nothing_to_say_is_refused(form: Form, line: str) -> None:
    without = parse('targets: {v: {backend: vllm, url: "http://v"}}\nscenarios: {beat: {every: 15s}}\n').config
    assert not {f"{form}.yaml"} & build(without).files.keys()
    with pytest.raises(AlertsError) as caught:
        build(without, [form])
    assert caught.value.problems == (line,)


@pytest.mark.parametrize("form", [*Form])
def test_a_form_alone_is_as_it_is_with_the_others(form: Form) -> None:
    told = "notify: {receivers: {slack: {channel: '#llm'}}, page: [slack], ticket: [slack]}"
    config = parse(WITH_RETENTION.replace("retention: 1d", told)).config
    every, alone = build(config).files, build(config, [form]).files
    assert alone
    assert alone == {name: text for name, text in every.items() if fnmatch(name, form.pattern)}


def test_every_alert_says_what_whom_and_where() -> None:
    for group in (*written("alerts.rules.yaml", "labels: {team: llm}")["groups"], *written("slos.rules.yaml", "labels: {team: llm}")["groups"]):
        for rule in group["rules"]:
            if "alert" not in rule:
                continue
            assert re.fullmatch(r"LLM[A-Za-z]+", rule["alert"])
            assert rule["labels"]["severity"] in ("critical", "warning", "info")
            assert rule["labels"]["team"] == "llm"
            assert rule["annotations"].keys() == {"summary", "description", "runbook_url", "dashboard"}
            assert rule["annotations"]["dashboard"].startswith("/d/chatprobe-")
            assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")
            assert not rule["annotations"]["summary"].endswith(".")
            assert "for" in rule


def test_no_rule_holds_an_alert_whose_target_may_be_gone() -> None:
    """Prometheus holds it for `keep_firing_for` whatever becomes of its series."""
    assert "keep_firing_for" not in "".join(build(config(), [Form.RULES, Form.PROMETHEUS_RULE]).files.values())


def test_no_link_leads_to_a_grafana_that_nobody_named() -> None:
    assert "dashboard_url" not in "".join(build(read([ROOT / "config" / "default.yaml"]).config, [Form.RULES]).files.values())


def test_links_lead_where_the_configuration_says() -> None:
    found = written("alerts.rules.yaml", 'grafana_url: "https://grafana.example.com/g", runbooks_url: "https://wiki.example.com/llm"')
    (down,) = [rule for group in found["groups"] for rule in group["rules"] if rule["alert"] == "LLMTargetDown"]
    assert down["annotations"]["dashboard_url"].startswith("https://grafana.example.com/g/d/chatprobe-overview?var-job={{ $labels.job | urlquery }}&")
    assert down["annotations"]["runbook_url"] == "https://wiki.example.com/llm/LLMTargetDown.md"


def test_with_short_retention_nothing_looks_back_further() -> None:
    built = build(parse(WITH_RETENTION).config)
    text = "".join(built.files.values())
    for number, unit in re.findall(r"(?:\[|offset )(\d+)([smhdw])\b", text):
        assert int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[unit] <= 86400
    assert "LLMTTFTRegression" not in text
    assert "alerts.retention: LLMTTFTRegression is left out, as it looks back 7d1h" in built.notes


WITH_RETENTION = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s}}
slos: {available: {scenario: heartbeat, objective: 99.9%}}
alerts: {retention: 1d}
"""


def test_kubernetes_takes_the_prometheus_rule() -> None:
    for settings in ("", "labels: {team: llm}"):
        assert [*problems("prometheusrules", written("prometheusrule.yaml", settings))] == []


def test_a_prometheus_rule_has_all_of_them() -> None:
    found = written("prometheusrule.yaml")
    plain = [group for name in ("recordings", "slos", "alerts") for group in written(f"{name}.rules.yaml")["groups"]]
    assert (found["apiVersion"], found["kind"]) == ("monitoring.coreos.com/v1", "PrometheusRule")
    assert found["spec"]["groups"] == plain
    assert found["metadata"]["labels"]["openshift.io/prometheus-rule-evaluation-scope"] == "leaf-prometheus"
    assert len({group["name"] for group in plain}) == len(plain)


def test_sloth_would_take_its_specification() -> None:
    found = written("sloth.yaml", "labels: {team: llm}")
    assert (found["version"], found["service"], found["labels"]) == ("prometheus/v1", "chatprobe", {"team": "llm"})
    assert [(slo["name"], slo["objective"]) for slo in found["slos"]] == [("available", 99.9), ("team-quick", 99.0)]
    for slo in found["slos"]:
        assert SLOTH_NAME.fullmatch(slo["name"])
        queries = slo["sli"]["events"]
        assert queries["error_query"] != queries["total_query"]
        assert all("{{.window}}" in query for query in queries.values())
        assert slo["alerting"]["page_alert"]["labels"] == {"severity": "critical"}


WINDOWS = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s}}
slos: {available: {scenario: heartbeat, objective: 99%, window: FIRST}, quick: {scenario: heartbeat, ttft: 1s, objective: 99%, window: SECOND}}
"""


@pytest.mark.parametrize(
    ("first", "second", "more", "said"),
    [
        ("30d", "7d", "", "slos.quick: its budget is told over 1w, for which Sloth has no windows; write a window of 28d or 30d, and"),
        ("30d", "30d", "alerts: {retention: 1d}", "slos.available: its budget is told over 1d, for which Sloth has no windows; write a window"),
        ("30d", "28d", "", "slos: have windows of 28d or 30d, and Sloth is told one period for all; write the same for each, or take"),
    ],
)
def test_what_sloth_has_no_windows_for_is_refused(first: str, second: str, more: str, said: str) -> None:
    configured = parse(WINDOWS.replace("FIRST", first).replace("SECOND", second) + more).config
    with pytest.raises(AlertsError, match=re.escape(said)):
        build(configured, [Form.SLOTH])
    built = build(configured)
    assert "sloth.yaml" not in built.files
    assert any(note.startswith(f"sloth.yaml is left out: {said}") for note in built.notes)


@pytest.mark.prometheus
@pytest.mark.parametrize("window", ["28d", "30d"])
def test_every_recording_that_sloth_makes_says_its_slo(window: str, tmp_path: Path) -> None:
    """Dashboards choose by that label."""
    sloth = shutil.which("sloth")
    if sloth is None:
        pytest.skip("sloth is not installed; tests/real/prometheus/install installs it")
    text = build(parse(WINDOWS.replace("FIRST", window).replace("SECOND", window)).config, [Form.SLOTH]).files["sloth.yaml"]
    (tmp_path / "sloth.yaml").write_text(text)
    command = [sloth, "generate", "--input=sloth.yaml", "--out=rules.yaml", f"--default-slo-period={window}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    groups = yaml.load((tmp_path / "rules.yaml").read_text(), yaml.CSafeLoader)["groups"]
    recordings = [rule for group in groups for rule in group["rules"] if "record" in rule]
    assert len(recordings) > 20
    assert {rule["labels"]["slo"] for rule in recordings} == {"available", "quick"}
    assert [rule["record"] for rule in recordings if rule["labels"]["slo"] != rule["labels"]["sloth_slo"]] == []


def test_without_slos_there_are_no_files_of_them() -> None:
    text = 'targets: {v: {backend: vllm, url: "http://v"}}\nscenarios: {beat: {every: 15s}}\n'
    assert set(build(parse(text).config).files) == {"recordings.rules.yaml", "alerts.rules.yaml", "prometheusrule.yaml"}


def test_staleness_names_each_file(tmp_path: Path) -> None:
    built = build(config())
    for name, text in built.files.items():
        (tmp_path / name).write_text(text)
    assert [*stale(built, tmp_path)] == []
    (tmp_path / "alerts.rules.yaml").write_text("groups: []\n")
    (tmp_path / "sloth.yaml").unlink()
    (tmp_path / "old.rules.yaml").write_text(built.files["recordings.rules.yaml"])
    (tmp_path / "node.rules.yaml").write_text("groups: []\n")
    (tmp_path / "mine.yaml").write_text("")
    assert [*stale(built, tmp_path)] == [
        f"{tmp_path}/alerts.rules.yaml: is stale",
        f"{tmp_path}/sloth.yaml: is missing",
        f"{tmp_path}/old.rules.yaml: is left from before",
    ]
    assert leftovers(built, tmp_path) == (tmp_path / "old.rules.yaml",)
    assert leftovers(build(config(), [Form.PROMETHEUS_RULE]), tmp_path) == (), "rule files are another form"


def test_names_of_groups_and_rules_are_no_other_twice() -> None:
    made = rules(config())
    names = [group.name for group in made.groups]
    assert len(set(names)) == len(names)

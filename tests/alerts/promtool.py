"""Rules put to the test by promtool: which alerts fire when, over given series."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from alerts.forms.rules import document
from alerts.forms.yaml import dump
from alerts.rule import Alert, Group
from alerts.rules import rules
from alerts.slos import BURN
from config.model import Config
from config.reader import parse

CONFIG = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s, timeout: 30s}}
slos: {available: {scenario: heartbeat, objective: 99%}}
alerts: {evaluation_interval: 15s, scrape_interval: 15s}
"""


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert that fires: its labels but for `alertname`, and its annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


def config(text: str = CONFIG) -> Config:
    return parse(text).config


def promtool() -> str:
    """Where it is; its absence fails in CI, and skips elsewhere."""
    found = shutil.which("promtool")
    if found is None:
        assert not os.environ.get("CI"), "promtool is not installed"
        pytest.skip("promtool is not installed; it is part of Debian's package prometheus")
    return found


def write_rules(configured: Config, groups: Sequence[Group], folder: Path) -> Path:
    """Rules in one file, which `promtool check rules` accepts."""
    path = folder / "all.rules.yaml"
    path.write_text(dump(document(groups, configured.alerts)))
    done = subprocess.run([promtool(), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def firing(
    configured: Config,
    alert: str,
    series: Mapping[str, str],
    minutes: Iterable[float],
    folder: Path,
    *,
    every_seconds: int = 15,
    groups: Sequence[Group] = (),
) -> dict[float, list[Fired]]:
    """What `alert` does at each of these minutes, where a sample of each series comes each `every_seconds`, from 0.

    `groups` are the rules that are evaluated; unless told otherwise, those that the alert needs.

    `promtool test rules` compares what fires with what is expected. It is told to expect nothing: what it then finds is what fires.
    """
    asked = sorted(set(minutes))
    cases = [{"eval_time": _written(minute), "alertname": alert, "exp_alerts": []} for minute in asked]
    output = _run(configured, series, {"alert_rule_test": cases}, folder, every_seconds, groups or needed(configured, alert))
    found = dict(_found(output))
    return {minute: found.get(round(minute * 60), []) for minute in asked}


def values(
    configured: Config, expression: str, series: Mapping[str, str], minutes: Iterable[float], folder: Path, *, every_seconds: int = 15
) -> dict[float, dict[str, float]]:
    """What an expression is at each of these minutes, by the labels as promtool writes them."""
    asked = sorted(set(minutes))
    cases = [{"expr": expression, "eval_time": _written(minute), "exp_samples": [{"labels": "never", "value": 0}]} for minute in asked]
    output = _run(configured, series, {"promql_expr_test": cases}, folder, every_seconds, rules(configured).groups)
    found = {_seconds(case["time"]): _samples(case["got"]) for case in _VALUE.finditer(output)}
    return {minute: found[round(minute * 60)] for minute in asked}


def _run(
    configured: Config, series: Mapping[str, str], cases: Mapping[str, object], folder: Path, every_seconds: int, groups: Sequence[Group]
) -> str:
    path = write_rules(configured, groups, folder)
    test = {
        "rule_files": [path.name],
        "evaluation_interval": f"{round(configured.alerts.evaluation_interval_seconds)}s",
        "group_eval_order": [group.name for group in groups],
        "tests": [
            {"interval": f"{every_seconds}s", "input_series": [{"series": name, "values": each} for name, each in series.items()], **cases},
        ],
    }
    file = folder / "test.yaml"
    file.write_text(yaml.safe_dump(test, width=1_000_000))
    done = subprocess.run([promtool(), "test", "rules", file.name], cwd=folder, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert "SUCCESS" in output or "got:" in output, output
    return output


def _written(minute: float) -> str:
    return f"{round(minute * 60)}s"


def needed(configured: Config, alert: str) -> Sequence[Group]:
    """The groups of an alert and of what it reads. Burn rates are told without the period's ratio, which takes long over many samples."""
    made = rules(configured)
    if alert in BURN.values():
        return [group for group in made.slos if "-sli-" in group.name or "-alerts-" in group.name]
    mine = [group for group in made.alerts if any(isinstance(rule, Alert) and rule.name == alert for rule in group.rules)]
    return [*made.recordings, *mine] if mine else made.groups


def first_minute(fired: Mapping[float, Sequence[Fired]]) -> float | None:
    """When the alert first fires, of the minutes that were asked."""
    return min((minute for minute, alerts in fired.items() if alerts), default=None)


_CASE = re.compile(r"alertname: \S+, time: (?P<time>\S+),(?P<rest>.*?)(?=alertname:|\Z)", re.DOTALL)
_ALERT = re.compile(r"Labels:\{(?P<labels>.*)\}\n\s*Annotations:\{(?P<annotations>.*)\}")
_VALUE = re.compile(r'expr: ".*", time: (?P<time>\S+),\n\s*exp: .*\n\s*got: (?P<got>.*)')
_SAMPLE = re.compile(r"(?P<labels>[a-zA-Z_:]*(?:\{[^}]*\})?) (?P<value>[-+0-9.eEINaf]+)(?:, |$)")
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


def _found(output: str) -> Iterable[tuple[int, list[Fired]]]:
    for case in _CASE.finditer(output):
        got = case["rest"].partition("got:")[2]
        yield _seconds(case["time"]), [Fired(_labels(each["labels"]), _labels(each["annotations"])) for each in _ALERT.finditer(got)]


def _samples(written: str) -> dict[str, float]:
    return {} if written == "nil" else {each["labels"]: float(each["value"]) for each in _SAMPLE.finditer(written)}


def _labels(written: str) -> dict[str, str]:
    return {name: json.loads(value) for name, value in _PAIR.findall(written) if name != "alertname"}


def _seconds(duration: str) -> int:
    units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(w|d|h|m|s)", duration))

"""Rules put to the test by promtool: which alerts fire when, over given series."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from alerts.forms.rules import document
from alerts.forms.yaml import dump
from alerts.rule import Group, Recording
from alerts.rules import rules
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


def write_rules(configured: Config, folder: Path) -> Path:
    """All rules of a configuration in one file, which `promtool check rules` accepts."""
    return write_groups(rules(configured).groups, configured, folder)


def write_groups(groups: Iterable[Group], configured: Config, folder: Path) -> Path:
    """Some rules in one file, which `promtool check rules` accepts."""
    path = folder / "all.rules.yaml"
    path.write_text(dump(document(groups, configured.alerts)))
    done = subprocess.run([promtool(), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def needed(alert: str, groups: Iterable[Group]) -> list[Group]:
    """The rules of an alert, and the recordings that they are made of: days pass in less than a second where nothing else is evaluated."""
    kept: list[Group] = []
    text = ""
    for group in reversed(list(groups)):
        chosen = []
        for rule in reversed(group.rules):
            if rule.name in text if isinstance(rule, Recording) else rule.name == alert:
                chosen.append(rule)
                text += rule.expr
        if chosen:
            kept.append(replace(group, rules=tuple(reversed(chosen))))
    assert text, f"there is no alert {alert}"
    return kept[::-1]


def firing(
    configured: Config,
    alert: str,
    series: Mapping[str, str],
    minutes: Iterable[float],
    folder: Path,
    *,
    every_seconds: int = 15,
) -> dict[float, list[Fired]]:
    """What `alert` does at each of these minutes, where a sample of each series comes each `every_seconds`, from 0, and rules are
    evaluated as often.

    Series of which the alert takes no notice are left out. `promtool test rules` compares what fires with what is expected. It is told to expect
    nothing: what it then finds is what fires.
    """
    groups = needed(alert, rules(configured).groups)
    path = write_groups(groups, configured, folder)
    read = path.read_text()
    asked = sorted(set(minutes))
    test = {
        "rule_files": [path.name],
        "evaluation_interval": f"{every_seconds}s",
        "group_eval_order": [group.name for group in groups],
        "tests": [
            {
                "interval": f"{every_seconds}s",
                "input_series": [{"series": name, "values": values} for name, values in series.items() if name.partition("{")[0] in read],
                "alert_rule_test": [{"eval_time": f"{round(minute * 60)}s", "alertname": alert, "exp_alerts": []} for minute in asked],
            }
        ],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(test))  # which is YAML, and written in no time
    done = subprocess.run([promtool(), "test", "rules", file.name], cwd=folder, capture_output=True, text=True, check=False)
    found = dict(_found(done.stdout + done.stderr))
    assert found or "SUCCESS" in done.stdout, done.stdout + done.stderr
    return {minute: found.get(_seconds(f"{round(minute * 60)}s"), []) for minute in asked}


def first_minute(fired: Mapping[float, Sequence[Fired]]) -> float | None:
    """When the alert first fires, of the minutes that were asked."""
    return min((minute for minute, alerts in fired.items() if alerts), default=None)


_CASE = re.compile(r"alertname: \S+, time: (?P<time>\S+),(?P<rest>.*?)(?=alertname:|\Z)", re.DOTALL)
_ALERT = re.compile(r"Labels:\{(?P<labels>.*)\}\n\s*Annotations:\{(?P<annotations>.*)\}")
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


def _found(output: str) -> Iterable[tuple[int, list[Fired]]]:
    for case in _CASE.finditer(output):
        got = case["rest"].partition("got:")[2]
        yield _seconds(case["time"]), [Fired(_labels(each["labels"]), _labels(each["annotations"])) for each in _ALERT.finditer(got)]


def _labels(written: str) -> dict[str, str]:
    return {name: json.loads(value) for name, value in _PAIR.findall(written) if name != "alertname"}


def _seconds(duration: str) -> int:
    units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(w|d|h|m|s)", duration))

"""Rules put to the test by promtool: which alerts fire when, over given series."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from alerts.forms.rules import document
from alerts.forms.yaml import dump
from alerts.rule import Group, Recording
from alerts.rules import rules
from config.model import Config
from config.reader import parse
from tests.alerts.series import Story
from tests.processes import of_prometheus, prometheus_version

CONFIG = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s, timeout: 30s}}
slos: {available: {scenario: heartbeat, objective: 99%}}
alerts: {evaluation_interval: 15s, scrape_interval: 15s, grafana_url: "http://127.0.0.1:3000"}
"""


_BRIEF = {**os.environ, "GOGC": "1000", "GOMAXPROCS": "1"}
"""What lives for two seconds collects little garbage, and has no other threads look for it: a sixth of its time went into that."""


@dataclass(frozen=True, slots=True)
class Fired:
    """One alert that fires: its labels but for `alertname`, and its annotations."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@cache
def config(text: str = CONFIG) -> Config:
    return parse(text).config


def promtool() -> str:
    return of_prometheus("promtool")


@cache
def converts() -> bool:
    """Whether Prometheus keeps classic histograms as native ones, where it is told to."""
    return prometheus_version(promtool()) >= (3,)


def left_open() -> bool:
    """Whether ranges leave out a sample at their first instant, as they do since Prometheus 3."""
    return converts()


def write_rules(configured: Config, folder: Path) -> Path:
    """All rules of a configuration in one file, which `promtool check rules` accepts."""
    path = _write(rules(configured).groups, configured, folder)
    done = subprocess.run([promtool(), "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return path


def _write(groups: Iterable[Group], configured: Config, folder: Path) -> Path:
    path = folder / "all.rules.yaml"
    path.write_text(dump(document(groups, configured.alerts)))
    return path


def needed(alerts: Collection[str], groups: Iterable[Group]) -> list[Group]:
    """The rules of these alerts, and the recordings that they are made of: days pass in less than a second where nothing else is evaluated."""
    made = list(groups)
    mine = [replace(group, rules=tuple(rule for rule in group.rules if rule.name in alerts)) for group in made]
    mine = [group for group in mine if group.rules]
    assert {rule.name for group in mine for rule in group.rules} == {*alerts}, f"of {alerts} there are not all"
    return [*used("\n".join(rule.expr for group in mine for rule in group.rules), made), *mine]


def used(expression: str, groups: Iterable[Group]) -> list[Group]:
    """The recordings that an expression is made of."""
    kept: list[Group] = []
    text = expression
    for group in reversed(list(groups)):
        chosen = []
        for rule in reversed(group.rules):
            if isinstance(rule, Recording) and re.search(rf"(?<![\w:]){re.escape(rule.name)}(?![\w:])", text):
                chosen.append(rule)
                text += rule.expr
        if chosen:
            kept.append(replace(group, rules=tuple(reversed(chosen))))
    return kept[::-1]


def firing(
    configured: Config,
    alert: str,
    series: Mapping[str, str],
    minutes: Iterable[float],
    folder: Path,
    *,
    every_seconds: int = 15,
    evaluated_seconds: int | None = None,
    groups: Sequence[Group] = (),
) -> dict[float, list[Fired]]:
    """What `alert` does at each of these minutes, where a sample of each series comes each `every_seconds`, from 0, and rules are evaluated each
    `evaluated_seconds`; unless told otherwise, as often.

    Of `groups`, or of all rules, those are evaluated that the alert needs.
    """
    (found,) = firing_together(
        configured, [alert], series, minutes, folder, every_seconds=every_seconds, evaluated_seconds=evaluated_seconds, groups=groups
    )
    return found


def firing_together(
    configured: Config,
    alerts: Sequence[str],
    series: Mapping[str, str],
    minutes: Iterable[float],
    folder: Path,
    *,
    every_seconds: int = 15,
    evaluated_seconds: int | None = None,
    groups: Sequence[Group] = (),
) -> list[dict[float, list[Fired]]]:
    """The same of each of several alerts, of one evaluation of the rules in these groups.

    `promtool test rules` compares what fires with what is expected. It is told to expect nothing: what it then finds is what fires.
    """
    asked = sorted(set(minutes))
    cases = [{"eval_time": _written(minute), "alertname": alert, "exp_alerts": []} for alert in alerts for minute in asked]
    evaluated = needed(alerts, groups or rules(configured).groups)
    output = _run(configured, evaluated, series, {"alert_rule_test": cases}, folder, every_seconds, evaluated_seconds or every_seconds)
    found = dict(_found(output))
    return [{minute: found.get((alert, round(minute * 60)), []) for minute in asked} for alert in alerts]


def values(
    configured: Config, expression: str, series: Mapping[str, str], minutes: Iterable[float], folder: Path, *, every_seconds: int = 15
) -> dict[float, dict[str, float]]:
    """What an expression over series and recordings is at each of these minutes, by the labels as promtool writes them."""
    asked = sorted(set(minutes))
    cases = [{"expr": expression, "eval_time": _written(minute), "exp_samples": [{"labels": "never", "value": 0}]} for minute in asked]
    evaluated = used(expression, rules(configured).groups)
    output = _run(configured, evaluated, series, {"promql_expr_test": cases}, folder, every_seconds, every_seconds, more=expression)
    found = {_seconds(case["time"]): _samples(case["got"]) for case in _VALUE.finditer(output)}
    return {minute: found[round(minute * 60)] for minute in asked}


def _run(
    configured: Config,
    groups: Sequence[Group],
    series: Mapping[str, str],
    cases: Mapping[str, object],
    folder: Path,
    every_seconds: int,
    evaluated_seconds: int,
    more: str = "",
) -> str:
    """What promtool prints, which takes the rules as `promtool check rules` does. Series that neither they nor `more` name are left out."""
    path = _write(groups, configured, folder)
    read = path.read_text() + more
    told = series.of(lambda name: name in read) if isinstance(series, Story) else series
    given = [{"series": name, "values": each} for name, each in told.items() if name.partition("{")[0] in read]
    test = {
        "rule_files": [path.name],
        "evaluation_interval": f"{evaluated_seconds}s",
        "group_eval_order": [group.name for group in groups],
        "tests": [{"interval": f"{every_seconds}s", "input_series": given, **cases}],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(test))  # which is YAML, and written in no time
    done = subprocess.run([promtool(), "test", "rules", file.name], cwd=folder, env=_BRIEF, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert "SUCCESS" in output or "got:" in output, output
    return output


def _written(minute: float) -> str:
    return f"{round(minute * 60)}s"


def first_minute(fired: Mapping[float, Sequence[Fired]]) -> float | None:
    """When the alert first fires, of the minutes that were asked."""
    return min((minute for minute, alerts in fired.items() if alerts), default=None)


_CASE = re.compile(r"alertname: (?P<alert>\S+), time: (?P<time>\S+),(?P<rest>.*?)(?=alertname:|\Z)", re.DOTALL)
_ALERT = re.compile(r"Labels:\{(?P<labels>.*)\}\n\s*Annotations:\{(?P<annotations>.*)\}")
_VALUE = re.compile(r'expr: ".*", time: (?P<time>\S+),\n\s*exp: .*\n\s*got: (?P<got>.*)')
_SAMPLE = re.compile(r"(?P<labels>[a-zA-Z_:]*(?:\{[^}]*\})?) (?P<value>[-+0-9.eEINaf]+)(?:, |$)")
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


def _found(output: str) -> Iterable[tuple[tuple[str, int], list[Fired]]]:
    """What fires, by the alert and its second."""
    for case in _CASE.finditer(output):
        got = case["rest"].partition("got:")[2]
        yield (case["alert"], _seconds(case["time"])), [Fired(_labels(each["labels"]), _labels(each["annotations"])) for each in _ALERT.finditer(got)]


def _samples(written: str) -> dict[str, float]:
    return {} if written == "nil" else {each["labels"]: float(each["value"]) for each in _SAMPLE.finditer(written)}


def _labels(written: str) -> dict[str, str]:
    return {name: json.loads(value) for name, value in _PAIR.findall(written) if name != "alertname"}


def _seconds(duration: str) -> int:
    units = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(w|d|h|m|s)", duration))

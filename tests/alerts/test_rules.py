"""What holds for all rules: they are valid, they look back no further than they say, and each alert is put to the test."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from alerts.rule import Alert, Group
from alerts.rules import rules
from alerts.windows import DAY
from config.model import Config
from tests.alerts import test_comparison, test_engines, test_prober, test_targets
from tests.alerts.promtool import config, write_rules

FEWEST_CASES = 3
_TARGETS = """
targets: {vllm: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {heartbeat: {every: 15s, timeout: 30s}, chat: {users: 20, think_time: 2s}}
"""
SLOS = (
    "",
    "slos: {available: {scenario: heartbeat, objective: 99%}}",
    "slos: {available: {scenario: chat, objective: 99.9%, window: 7d}, quick: {scenario: heartbeat, ttft: 90s, objective: 95%, window: 28d}}",
    "slos: {available: {scenario: chat, objective: 99%, window: 90d}}",
)
ALERTS = ("", "alerts: {retention: 2w}", "alerts: {retention: 3d}", 'alerts: {prometheus: "2.40", low_volume: warn}')


CONFIGURATIONS = [f"{_TARGETS}{slos}\n{settings}\n" for slos in SLOS for settings in ALERTS]
_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_RANGE = re.compile(r"(?:\[(?P<range>\w+)\])?(?:\s*offset\s+(?P<offset>\w+))?")


def looked_back(expression: str) -> int:
    """The seconds of the longest range, with the offset behind it."""
    return max(sum(_seconds(part) for part in found.groups() if part) for found in _RANGE.finditer(expression))


def _seconds(duration: str) -> int:
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([wdhms])", duration))


def alerts(groups: tuple[Group, ...]) -> list[Alert]:
    return [rule for group in groups for rule in group.rules if isinstance(rule, Alert)]


def periods(configured: Config) -> list[float]:
    return [slo.window_seconds for slo in configured.slos.values()]


def test_a_range_and_its_offset_add_up() -> None:
    assert looked_back("a[5m] > b offset 1h") == 3600
    assert looked_back("sum by (job) (rate(a[1d] offset 1w)) / b[1h30m]") == 8 * DAY
    assert looked_back("a > 1") == 0


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_an_alert_looks_back_no_further_than_it_says(text: str) -> None:
    configured = config(text)
    for alert in alerts(rules(configured).groups):
        assert looked_back(alert.expr) <= max(alert.looks_back_seconds, DAY), alert.name
    furthest = max(looked_back(rule.expr) for group in rules(configured).recordings + rules(configured).slos for rule in group.rules)
    assert furthest <= max([*periods(configured), DAY])


@pytest.mark.parametrize("slos", SLOS)
def test_nothing_looks_back_further_than_prometheus_keeps_samples(slos: str) -> None:
    made = rules(config(f"{_TARGETS}{slos}\nalerts: {{retention: 1d}}\n"))
    assert max(looked_back(rule.expr) for group in made.groups for rule in group.rules) == DAY
    assert {"LLMTTFTRegression", "LLMPairWinsTurned"}.isdisjoint(alert.name for alert in alerts(made.groups))


@pytest.mark.prometheus
@pytest.mark.parametrize("text", CONFIGURATIONS[:: len(ALERTS) + 1])
def test_promtool_takes_all_rules(text: str, tmp_path: Path) -> None:
    write_rules(config(text), tmp_path)


def test_each_alert_is_put_to_the_test() -> None:
    """Those that need no SLO; when an alert is made, it needs cases."""
    cases = (*test_targets.CASES, *test_comparison.CASES, *test_engines.CASES, *test_prober.CASES)
    tested, silent = Counter(case.alert for case in cases), {case.alert for case in cases if not case.fires}
    names = {alert.name for alert in alerts(rules(config()).alerts)}
    assert tested.keys() == names
    assert {name: count for name, count in tested.items() if count < FEWEST_CASES} == {}
    assert silent == names, "each needs a case in which it does not fire"
    assert {case.alert for case in cases for firing in case.fires if firing.says} == names, "each needs a case that reads what it says"
    assert max(Counter(map(str, cases)).values()) == 1

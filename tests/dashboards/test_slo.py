"""What the panels on SLOs reckon, by Prometheus itself, from attempts of which it is known how many were bad."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from alerts import recordings
from alerts.rules import rules
from catalogue.uids import Dashboard
from config.model import Config
from config.reader import parse
from dashboards import budgets, burning, slo
from dashboards.dash.links import Link
from dashboards.dash.panels import QueryPanel
from dashboards.promql import tagged
from tests.alerts.promtool import values
from tests.dashboards.parts import everything_chosen

pytestmark = pytest.mark.prometheus

CHATS = 'job="chatprobe", target="chat-a", backend="vllm", model="tiny", scenario="chat", slo="quick"'
MINUTES = 120
ATTEMPTS = 40
"""In a minute."""


def config(days: int, objective: str) -> Config:
    return parse(f"""
targets: {{chat-a: {{backend: vllm, url: "http://127.0.0.1:8000"}}}}
scenarios: {{chat: {{every: 1500ms}}}}
slos: {{quick: {{scenario: chat, ttft: 500ms, objective: {objective}, window: {days}d}}}}
alerts: {{scrape_interval: 15s, evaluation_interval: 60s}}
""").config


def told(expr: str, bad: int, folder: Path, *, days: int = 30, objective: str = "95%") -> list[float]:
    """What an expression is after two hours in which `bad` of the attempts of each minute were bad."""
    series = {
        f"chatprobe_slo_total{{{CHATS}}}": f"0+{ATTEMPTS}x{MINUTES}",
        f"chatprobe_slo_good_total{{{CHATS}}}": f"0+{ATTEMPTS - bad}x{MINUTES}",
        'chatprobe_slo_objective_ratio{job="chatprobe", instance="one", scenario="chat", slo="quick"}': f"0.95x{MINUTES}",
    }
    seen = values(config(days, objective), everything_chosen(expr), series, [MINUTES], folder, every_seconds=60)
    return list(seen[MINUTES].values())


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (budgets.ATTAINED, 0.9),
        (budgets.OVER_PERIOD, 0.9),
        (budgets.LEFT, -1),
        (budgets.BURN, 2),
        (budgets.HOURLY_BURN, 2),
        (budgets.SECONDS_LEFT, 0),
        (budgets.TOMORROW, -1 - 2 / 30),
        (f"{budgets.EACH} {budgets.OBJECTIVE}", 0.95),
        (f"{budgets.EACH} {budgets.DAYS}", 30),
    ],
)
def test_twice_as_many_bad_as_allowed(expr: str, expected: float, tmp_path: Path) -> None:
    assert told(expr, 4, tmp_path) == pytest.approx([expected], abs=1e-6)


def test_half_as_many_as_allowed_leave_half_of_the_budget_for_as_long_as_the_period(tmp_path: Path) -> None:
    assert told(budgets.LEFT, 1, tmp_path) == pytest.approx([0.5])
    assert told(budgets.SECONDS_LEFT, 1, tmp_path) == pytest.approx([30 * 86400])


def test_nothing_burns_where_nothing_is_bad(tmp_path: Path) -> None:
    assert told(budgets.SECONDS_LEFT, 0, tmp_path) == []
    assert told(budgets.BURN, 0, tmp_path) == [0]


@pytest.mark.parametrize("days", [7, 14, 28, 30, 90])
def test_each_pair_of_windows_shows_the_burn_rate_of_slos_over_any_usual_period(days: int, tmp_path: Path) -> None:
    every = " or ".join(tagged(panel.queries[0].expr, "pair", panel.title) for panel in burning.PAIRS)
    assert told(every, 4, tmp_path, days=days) == pytest.approx([2] * 4)


def test_a_pair_that_is_not_recorded_has_no_line(tmp_path: Path) -> None:
    assert told(burning.PAIRS[0].queries[0].expr, 4, tmp_path, days=11) == []


def test_lines_stand_at_the_burn_rates_that_alert() -> None:
    assert [panel.thresholds.steps[0][0] for panel in burning.PAIRS if panel.thresholds] == [14.4, 6, 3, 1]
    assert burning.BURN_NOW.thresholds is not None
    assert [factor for factor, _ in burning.BURN_NOW.thresholds.steps] == [1, 3, 6, 14.4]


def test_alerts_can_fill_in_the_slo() -> None:
    assert [variable.name for variable in slo.BOARD.variables][-1] == "slo"
    assert Link("", Dashboard.SLO, (("slo", "quick"),)).url.endswith("&var-slo=quick&${__url_time_range}")


def test_what_is_asked_of_slos_is_recorded() -> None:
    made = {rule.name for days in (1, 7, 14, 30, 90) for group in rules(config(days, "95%")).groups for rule in group.rules}
    asked = {
        name
        for panel in slo.BOARD.panels
        if isinstance(panel, QueryPanel)
        for query in panel.queries
        for name in re.findall(r"(?:slo|target):[\w:]+", query.expr)
    }
    assert recordings.BUDGET_REMAINING in asked
    # of SLOs over a day, the two shortest windows hold fewer than four scrapes
    assert asked - made == {recordings.SLI_ERROR.format(window=window) for window in ("10s", "2m")}

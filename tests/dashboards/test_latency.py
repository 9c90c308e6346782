"""What the panels on latency reckon, by Prometheus itself, from histograms of which it is known what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from catalogue import own
from config.reader import parse
from dashboards import latency
from dashboards.dash.panels import QueryPanel
from tests.alerts.promtool import values
from tests.dashboards.parts import everything_chosen

pytestmark = pytest.mark.prometheus

CONFIG = parse("""
targets: {chat-a: {backend: vllm, url: "http://127.0.0.1:8000"}}
scenarios: {fresh: {every: 15s}, again: {every: 15s, cache: warm}}
alerts: {scrape_interval: 15s, evaluation_interval: 60s}
""").config
OF = 'job="chatprobe", instance="one"'
MINUTES = 90


def chats(scenario: str) -> str:
    return f'{OF}, target="chat-a", backend="vllm", model="tiny", scenario="{scenario}"'


def histogram(name: str, labels: str, each_minute: Mapping[str, int]) -> dict[str, str]:
    """Buckets that grow by so many each minute."""
    return {f'{name}_bucket{{{labels}, le="{le}"}}': f"0+{count}x{MINUTES}" for le, count in each_minute.items()}


def told(panel: QueryPanel, series: Mapping[str, str], folder: Path) -> list[dict[str, float]]:
    """What each query of a panel is in the end."""
    return [values(CONFIG, everything_chosen(query.expr), series, [MINUTES], folder, every_seconds=60)[MINUTES] for query in panel.queries]


def test_a_warm_prefix_is_told_from_a_cold_one(tmp_path: Path) -> None:
    name = own.TTFT.name
    series: dict[str, str] = {}
    for scenario, cache, buckets in (
        ("fresh", "cold", {"0.1": 0, "0.2": 10, "+Inf": 10}),
        ("again", "warm", {"0.1": 10, "0.2": 10, "+Inf": 10}),
    ):
        series |= histogram(name, chats(scenario), buckets)
        series[f'chatprobe_scenario_info{{{OF}, scenario="{scenario}", cache="{cache}", connection="reuse", thinking="off"}}'] = f"1x{MINUTES}"
    (medians,) = told(latency.COLD_WARM, series, tmp_path)
    assert sorted(medians.values()) == pytest.approx([0.05, 0.15])
    (saved,) = told(latency.WARM_GAIN, series, tmp_path)
    assert list(saved.values()) == pytest.approx([2 / 3])


def test_phases_add_up_to_a_mean_chat_of_those_that_had_none_too(tmp_path: Path) -> None:
    series = {f"chatprobe_probes_total{{{chats('fresh')}}}": f"0+10x{MINUTES}"}
    for phase, seconds in (("connect", 1), ("wait", 5), ("stream", 20)):
        series[f'chatprobe_phase_seconds_sum{{{chats("fresh")}, phase="{phase}"}}'] = f"0+{seconds}x{MINUTES}"
    lately = told(latency.PHASES_OVER_TIME, series, tmp_path)
    assert [list(each.values()) for each in lately] == [[], [pytest.approx(0.1)], [], [], [pytest.approx(0.5)], [pytest.approx(2)]]


def test_long_silences_are_counted_however_the_bound_is_written(tmp_path: Path) -> None:
    assert 1 in own.STALL.bounds
    for written in ("1", "1.0"):
        series = histogram(own.STALL.name, chats("fresh"), {"0.5": 4, written: 9, "+Inf": 10})
        (share,) = told(latency.SILENCES, series, tmp_path)
        assert list(share.values()) == pytest.approx([0.1])


def test_each_threshold_of_an_slo_has_its_line(tmp_path: Path) -> None:
    labels = f'{OF}, slo="quick", scenario="fresh"'
    limits = (("ttft", 0.15), ("e2e", 2))
    series = {f'chatprobe_slo_threshold_seconds{{{labels}, measure="{measure}"}}': f"{limit}x{MINUTES}" for measure, limit in limits}
    found = {
        panel.title: list(values(CONFIG, everything_chosen(query.expr), series, [MINUTES], tmp_path, every_seconds=60)[MINUTES].values())
        for panel in latency.BOARD.panels
        if isinstance(panel, QueryPanel)
        for query in panel.queries
        if query.ref == "slo"
    }
    assert found == {"Time to first token, quantiles": [0.15], "Time per output token, quantiles": [], "Whole chats, quantiles": [2]}

"""What the panels on the prober reckon, by Prometheus itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalogue import own
from catalogue.process import PROCESS
from dashboards import prober, process
from dashboards.dash.panels import QueryPanel
from exporter.assembly import Metrics
from tests.alerts.promtool import config, values
from tests.dashboards.parts import everything_chosen
from tests.exporter.scrape import config as exported
from tests.exporter.scrape import scrape
from traffic.roster import roster

pytestmark = pytest.mark.prometheus

OF = 'job="chatprobe", instance="one"'
CHATS = f'{OF}, target="vllm", backend="vllm", model="tiny", scenario="heartbeat"'


def told(panel: QueryPanel, series: dict[str, str], folder: Path, minute: float = 30, query: int = 0) -> list[float]:
    """What the first query of a panel is, or another one."""
    return list(values(config(), everything_chosen(panel.queries[query].expr), series, [minute], folder, every_seconds=60)[minute].values())


def test_age_is_told_in_intervals(tmp_path: Path) -> None:
    series = {
        f"chatprobe_last_probe_timestamp_seconds{{{CHATS}}}": "1740x30",
        f'chatprobe_scenario_interval_seconds{{{OF}, scenario="heartbeat"}}': "15x30",
    }
    assert told(prober.FRESH, series, tmp_path) == [4]


def test_lateness_is_told_by_a_boundary_of_its_histogram(tmp_path: Path) -> None:
    name = own.SCHEDULE_LAG.name
    assert 0.1 in own.SCHEDULE_LAG.bounds
    assert 0.1 in own.LOOP_LAG.bounds
    assert 0.01 in own.WORKER_LAG.bounds
    series = {f'{name}_bucket{{{OF}, le="0.1"}}': "0+9x30", f"{name}_count{{{OF}}}": "0+12x30"}
    assert told(prober.LATE, series, tmp_path) == pytest.approx([0.25])


def test_a_clock_that_is_not_the_kernels_is_seen(tmp_path: Path) -> None:
    for clock, expected in (("kernel", 1), ("user", 0)):
        assert told(prober.CLOCKS, {f'chatprobe_exporter_measurement_clock_info{{{OF}, clock="{clock}"}}': "1x30"}, tmp_path) == [expected]


def test_the_share_of_the_engines_tokens_leaves_ollama_out(tmp_path: Path) -> None:
    series = {}
    for backend in ("vllm", "ollama"):
        labels = f'{OF}, target="{backend}", backend="{backend}", model="tiny"'
        series[f'chatprobe_output_tokens_total{{{labels}, scenario="heartbeat"}}'] = "0+10x90"
        series[f'chatprobe_native_generation_tokens_total{{{labels}, replica=""}}'] = "0+40x90"
    assert told(prober.SHARE, series, tmp_path, minute=90) == pytest.approx([0.25])


def test_late_reads_are_a_share_of_all_reads_beside_their_mean_delay(tmp_path: Path) -> None:
    series = {
        f"chatprobe_exporter_reads_total{{{OF}}}": "0+200x30",
        f"chatprobe_exporter_late_reads_total{{{OF}}}": "0+5x30",
        f"chatprobe_exporter_read_delay_seconds_total{{{OF}}}": "0+0.06x30",
    }
    assert told(prober.LATE_READS, series, tmp_path) == pytest.approx([0.025])
    assert told(prober.LATE_READS, series, tmp_path, query=1) == pytest.approx([0.0003])


def test_what_the_network_lost_is_told_by_target(tmp_path: Path) -> None:
    series = {
        f"chatprobe_segments_out_of_order_total{{{CHATS}}}": "0+6x30",
        f"chatprobe_segments_resent_total{{{CHATS}}}": "0+0x30",
    }
    assert told(prober.MENDED, series, tmp_path) == pytest.approx([0.1])
    assert told(prober.MENDED, series, tmp_path, query=1) == [], "nothing was sent again"


def test_what_is_shown_of_the_process_is_served() -> None:
    seen = scrape(Metrics(roster(exported()), {}))
    for metric in PROCESS:
        assert seen.value(metric.name) is not None, metric.name


def test_rows_hold_every_panel_of_the_process() -> None:
    panels = {value.title for value in vars(process).values() if isinstance(value, QueryPanel)}
    assert panels <= {panel.title for row in prober.BOARD.rows for panel in row.panels}

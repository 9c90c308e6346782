"""The snippets, and every query of every dashboard as Prometheus' own parser reads it."""

from __future__ import annotations

import re

import promql_parser
import pytest

from alerts import recordings
from catalogue import own
from dashboards import promql, standard
from dashboards.boards import BOARDS
from dashboards.dash.annotations import Annotation
from dashboards.dash.panels import QueryPanel

QUERIES = [
    pytest.param(query.expr, id=f"{board.uid}: {panel.title}: {ref}")
    for board in BOARDS
    for panel in board.panels
    if isinstance(panel, QueryPanel)
    for ref, query in zip(panel.refs, panel.queries, strict=True)
]


def filled(expr: str) -> str:
    """With something in place of the variables: a time in brackets, a number elsewhere, which matchers take too."""
    return re.sub(r"\$\w+", "1", re.sub(r"\[\$\w+\]", "[5m]", expr))


@pytest.mark.parametrize("expr", QUERIES)
def test_every_query_parses(expr: str) -> None:
    assert promql_parser.parse(filled(expr)) is not None


@pytest.mark.parametrize("annotation", standard.ANNOTATIONS, ids=lambda one: one.name)
def test_every_annotation_parses(annotation: Annotation) -> None:
    assert promql_parser.parse(filled(annotation.expr)) is not None


def test_what_is_recorded_has_no_instance() -> None:
    assert promql.select(recordings.PROBES) == (
        'target:chatprobe_probes:rate5m{job=~"$job", target=~"$target", backend=~"$backend", model=~"$model", scenario=~"$scenario"}'
    )
    assert promql.select(own.MODEL_LOADED) == (
        'chatprobe_model_loaded{job=~"$job", instance=~"$instance", target=~"$target", backend=~"$backend", model=~"$model"}'
    )
    assert promql.select(own.SERIES, promql.equals("a", "b")) == 'chatprobe_exporter_series{job=~"$job", instance=~"$instance", a="b"}'


def test_a_quantile_drops_what_is_no_number() -> None:
    series = 'target:chatprobe_ttft_seconds_bucket:rate5m{job=~"$job", target=~"$target", backend=~"$backend", model=~"$model", scenario=~"$scenario"'
    assert promql.quantile("0.95", recordings.TTFT, by=("target",), over="1h", offset="1w") == (
        f'histogram_quantile(0.95, sum by (target) (sum_over_time({series}, le=""}}[1h] offset 1w))\nor on (target)\n'
        f'sum by (target, le) (sum_over_time({series}, le!=""}}[1h] offset 1w))) >= 0'
    )


def test_a_mean_drops_where_nothing_was_observed() -> None:
    native, total, count = (
        f'sum by (job) (rate(chatprobe_exporter_schedule_lag_seconds{part}{{job=~"$job", instance=~"$instance"}}[$__rate_interval]))'
        for part in ("", "_sum", "_count")
    )
    assert promql.mean(own.SCHEDULE_LAG, by=("job",)) == (
        f"(histogram_sum({native})\nor on (job)\n{total}) / ((histogram_count({native})\nor on (job)\n{count}) > 0)"
    )


def test_counters_and_buckets_are_asked_for_their_rate() -> None:
    chosen = '{job=~"$job", instance=~"$instance", target=~"$target", backend=~"$backend", model=~"$model", scenario=~"$scenario"'
    assert promql.rate(own.PROBE_FAILURES, promql.equals("reason", "dns")) == (
        f'sum by (target, backend) (rate(chatprobe_probe_failures_total{chosen}, reason="dns"}}[$__rate_interval]))'
    )
    assert promql.heat(own.TTFT) == (
        f"sum by () (rate(chatprobe_ttft_seconds{chosen}}}[$__rate_interval]))\nor on ()\n"
        f"sum by (le) (rate(chatprobe_ttft_seconds_bucket{chosen}}}[$__rate_interval]))"
    )


def test_what_a_label_is_not() -> None:
    assert promql.differs("backend", "ollama") == 'backend!="ollama"'
    assert promql.differs("backend", "ollama", "other") == 'backend!~"ollama|other"'

"""What the engines tell of themselves, asked of Prometheus' own engine over given series."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalogue import own
from catalogue import pods as told
from catalogue import vllm as theirs
from catalogue.engines import ENGINES
from dashboards import engine_queries, ollama, pods, vllm, why
from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.panels import QueryPanel
from dashboards.promql import mean
from tests.alerts.promtool import config, values

pytestmark = pytest.mark.prometheus

_OURS = 'job="j", instance="i", target="t", backend="vllm", model_name="m"'
RANK = f'{_OURS}, engine="0"'
OF_TARGET = '{backend="vllm", target="t"}'
SELECTOR = re.compile(r"(?P<name>(?:target:)?chatprobe_\w+(?::\w+)?)\{(?P<matchers>[^}]*)\}")


def chosen(expr: str) -> str:
    """With all of each variable chosen, and ranges of five minutes."""
    return re.sub(r"\$[a-z_]\w*", ".+", re.sub(r"\[\$\w+\]", "[5m]", expr))


def asked(expr: str, series: dict[str, str], folder: Path) -> dict[str, float]:
    """What an expression is after ten minutes of these series."""
    return values(config(), chosen(expr), series, [10], folder)[10]


def growing(each: float) -> str:
    """A counter that grows by this much with each sample."""
    return f"0+{each}x40"


def histogram(name: str, labels: str, each: dict[str, float], total: float) -> dict[str, str]:
    """Its series, whose buckets grow by these numbers with each sample, and whose sum by `total`."""
    buckets = {f'{name}_bucket{{{labels}, le="{le}"}}': growing(count) for le, count in each.items()}
    return buckets | {f"{name}_count{{{labels}}}": growing(each["+Inf"]), f"{name}_sum{{{labels}}}": growing(total)}


def queries(board: Board, title: str) -> list[str]:
    (panel,) = (panel for panel in board.panels if panel.title == title)
    assert isinstance(panel, QueryPanel)
    return [query.expr for query in panel.queries]


def test_an_older_vllm_is_asked_by_the_names_that_it_had(tmp_path: Path) -> None:
    oldest = f"{{{_OURS}}}"
    series = {
        f"vllm:gpu_cache_usage_perc{oldest}": "0.5x40",
        **histogram("vllm:time_per_output_token_seconds", _OURS, {"0.05": 8, "+Inf": 10}, 0.4),
        **histogram("vllm:time_in_queue_requests", _OURS, {"0.3": 10, "+Inf": 10}, 2),
    }
    (usage,) = queries(vllm.BOARD, "KV cache, fullest rank")
    assert asked(usage, series, tmp_path) == {OF_TARGET: 0.5}
    (_, engine) = queries(vllm.BOARD, "Between tokens: client and engine, mean")
    assert asked(engine, series, tmp_path) == {OF_TARGET: pytest.approx(0.04)}
    for board, title in ((vllm.BOARD, "Where a request's time goes, mean"), (why.BOARD, "vLLM: queue, prefill, decode, mean")):
        assert asked(queries(board, title)[0], series, tmp_path) == {"{}": pytest.approx(0.2)}


def test_where_a_vllm_has_both_names_the_newer_counts_once(tmp_path: Path) -> None:
    series = {
        f"vllm:kv_cache_usage_perc{{{RANK}}}": "0.25x40",
        f"vllm:gpu_cache_usage_perc{{{RANK}}}": "0.75x40",
        f"vllm:prefix_cache_queries_total{{{RANK}}}": growing(10),
        f"vllm:prefix_cache_hits_total{{{RANK}}}": growing(3),
        f"vllm:gpu_prefix_cache_queries_total{{{RANK}}}": growing(100),
        f"vllm:gpu_prefix_cache_hits_total{{{RANK}}}": growing(100),
    }
    assert asked(queries(vllm.BOARD, "KV cache, fullest rank")[0], series, tmp_path) == {OF_TARGET: 0.25}
    assert asked(queries(vllm.BOARD, "Prefix cache hits")[0], series, tmp_path) == {OF_TARGET: pytest.approx(0.3)}


def test_a_quantile_in_the_lowest_bucket_is_not_made_up(tmp_path: Path) -> None:
    series = histogram(theirs.E2E.name, RANK, {"0.3": 9, "0.5": 10, "+Inf": 10}, 1)
    assert asked(engine_queries.own_quantile("0.5", theirs.E2E), series, tmp_path) == {}
    assert asked(engine_queries.own_quantile("0.95", theirs.E2E), series, tmp_path) == {OF_TARGET: pytest.approx(0.4)}
    assert asked(engine_queries.first_bucket(theirs.E2E), series, tmp_path) == {OF_TARGET: pytest.approx(0.9)}
    assert asked(mean(theirs.E2E), series, tmp_path) == {OF_TARGET: pytest.approx(0.1)}


def test_an_idle_engine_has_neither_mean_nor_quantile(tmp_path: Path) -> None:
    series = histogram(theirs.E2E.name, RANK, {"0.3": 0, "0.5": 0, "+Inf": 0}, 0)
    for expr in (
        engine_queries.own_quantile("0.95", theirs.E2E),
        engine_queries.first_bucket(theirs.E2E),
        mean(theirs.E2E),
        engine_queries.mean_of_range(theirs.E2E),
    ):
        assert asked(expr, series, tmp_path) == {}


def test_a_process_that_two_exporters_ask_counts_once(tmp_path: Path) -> None:
    other = RANK.replace('instance="i"', 'instance="other"')
    second = RANK.replace('engine="0"', 'engine="1"')
    series = {f"{theirs.RUNNING.name}{{{labels}}}": f"{count}x40" for labels, count in ((RANK, 3), (other, 3), (second, 4))}
    assert asked(engine_queries.level(theirs.RUNNING), series, tmp_path) == {OF_TARGET: 7}
    assert asked(engine_queries.level(theirs.RUNNING, how="max"), series, tmp_path) == {OF_TARGET: 4}


def test_a_gpu_belongs_to_the_pod_that_uses_it_whichever_labels_name_it(tmp_path: Path) -> None:
    of_gpu = 'job="dcgm", gpu="0", Hostname="n"'
    series = {
        f'{told.GPU_USED.name}{{{of_gpu}, namespace="gpu-operator", pod="dcgm-1", exported_namespace="llm", exported_pod="vllm-0"}}': "80x40",
        f'{told.GPU_USED.name}{{{of_gpu}, namespace="llm", pod="tgi-0"}}': "40x40",
    }
    assert asked(pods.gpu(told.GPU_USED), series, tmp_path) == {
        '{Hostname="n", gpu="0", namespace="llm", pod="vllm-0"}': 80,
        '{Hostname="n", gpu="0", namespace="llm", pod="tgi-0"}': 40,
    }


def test_the_sum_of_a_whole_pod_is_not_counted_again(tmp_path: Path) -> None:
    series = {
        f'{told.CPU.name}{{job="kubelet", namespace="llm", pod="vllm-0", container="vllm"}}': growing(30),
        f'{told.CPU.name}{{job="kubelet", namespace="llm", pod="vllm-0", container=""}}': growing(30),
        f'{told.CPU.name}{{job="kubelet", namespace="llm", pod="vllm-0", container="POD"}}': growing(1),
        f'{told.CPU.name}{{job="kubelet", container=""}}': growing(90),
    }
    assert asked(pods.growth(told.CPU), series, tmp_path) == {'{namespace="llm", pod="vllm-0"}': pytest.approx(2)}


@pytest.mark.parametrize(
    ("board", "backend"), [(board, engine.name) for board in BOARDS for engine in ENGINES if board.uid == f"chatprobe-{engine.name}"]
)
def test_the_dashboard_of_one_engine_shows_no_other(board: Board, backend: str) -> None:
    """With all engines chosen, `$backend` matches any: what is not an engine's own by its name must be asked for this one alone."""
    dropped = own.NATIVE_SERIES_DROPPED.name  # it has no such label, and is joined to targets that are
    found = [
        (panel.title, match["name"])
        for panel in board.panels
        if isinstance(panel, QueryPanel)
        for query in panel.queries
        for match in SELECTOR.finditer(query.expr)
        if match["name"] != dropped and f'backend="{backend}"' not in match["matchers"]
    ]
    assert found == []


def test_the_reasons_of_chats_that_are_not_sent_are_some_of_those() -> None:
    (expr,) = queries(ollama.BOARD, "Chats not sent for the sake of the model in memory")
    assert set(re.findall(r'reason=~"([\w|]+)"', expr)[0].split("|")) < set(own.SKIP_REASONS)

"""What SGLang tells of itself, brought to the numbers that all engines share."""

from __future__ import annotations

import pytest

from exporter.native.families import parse
from probes.backends.sglang import METRICS
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from tests.exporter.native.recorded import PLAIN, numbers, text, told

LABELS = 'engine_type="unified",model_name="tiny"'
RANK = 'engine_type="unified",model_name="tiny",moe_ep_rank="0",pp_rank="{pp}",tp_rank="{tp}"'


def test_version_0_5_23() -> None:
    """Two chats of 600 tokens, five short ones, and three that a full queue turned away."""
    found = told("sglang", text("sglang-0.5.23"))
    assert {number: value for number, value in found.items() if not isinstance(value, Histogram)} == {
        Number.REQUESTS_RUNNING: 0,
        Number.REQUESTS_WAITING: 0,
        Number.KV_CACHE_USAGE: 0,
        Number.KV_CACHE_CAPACITY: 8192,
        Number.PREFIX_CACHE_HITS: 42,
        Number.PREFIX_CACHE_QUERIES: 87,
        Number.PROMPT_TOKENS: 87,
        Number.GENERATION_TOKENS: 1221,
        Number.PREEMPTIONS: 0,
    }
    assert {number: value.count for number, value in found.items() if isinstance(value, Histogram)} == {
        Number.TTFT: 7,
        Number.ITL: 1221 - 7,
        Number.TPOT: 7,
        Number.E2E: 7,
        Number.QUEUE: 9,
        Number.PREFILL: 9,
    }


def test_before_the_first_chat_its_counters_are_at_0() -> None:
    found = told("sglang", f"sglang:num_running_reqs{{{RANK.format(pp=0, tp=0)}}} 0\nsglang:full_token_usage 0\n")
    assert found == {
        Number.REQUESTS_RUNNING: 0,
        Number.PREFIX_CACHE_HITS: 0,
        Number.PREFIX_CACHE_QUERIES: 0,
        Number.PROMPT_TOKENS: 0,
        Number.GENERATION_TOKENS: 0,
        Number.PREEMPTIONS: 0,
    }


def test_a_version_that_counts_no_retractions_has_none() -> None:
    assert Number.PREEMPTIONS not in told("sglang", 'sglang:num_running_reqs{model_name="tiny"} 0\n')


def test_streaming_and_tiers_of_the_cache_are_added_up() -> None:
    page = f"""
sglang:prompt_tokens_total{{{LABELS},is_streaming="true"}} 30
sglang:prompt_tokens_total{{{LABELS},is_streaming="false"}} 12
sglang:cached_tokens_total{{{LABELS},cache_source="device"}} 7
sglang:cached_tokens_total{{{LABELS},cache_source="host"}} 2
"""
    found = told("sglang", page)
    assert (found[Number.PROMPT_TOKENS], found[Number.PREFIX_CACHE_HITS]) == (42, 9)


def test_data_parallel_ranks_are_added_up_and_their_copies_are_not() -> None:
    """Two ranks; of each, two processes tell the same; and one priority is told apart."""
    series = [
        f'sglang:num_running_reqs{{{RANK.format(pp=pp, tp=2 * dp + copy)},dp_rank="{dp}",priority=""}} {3 + dp}'
        for dp in (0, 1)
        for pp in (0, 1)
        for copy in (0, 1)
    ]
    series.append(f'sglang:num_running_reqs{{{RANK.format(pp=0, tp=0)},dp_rank="0",priority="5"}} 2')
    assert told("sglang", "\n".join(series) + "\n")[Number.REQUESTS_RUNNING] == 3 + 4


def test_a_gateways_page_is_that_of_all_its_workers() -> None:
    """It writes `_` for the colon, and says of each series whose it is."""
    series = [
        f'sglang_num_running_reqs{{{RANK.format(pp=0, tp=0)},worker_addr="http://{worker}:1"}} {running}' for worker, running in (("a", 3), ("b", 4))
    ]
    page = "\n".join(["# TYPE sglang_num_running_reqs gauge", *series, "# TYPE sglang_token_usage gauge", "sglang_token_usage 0.5"])
    found = numbers("sglang", parse(f"{page}\n".encode(), PLAIN, METRICS).families)
    assert (found[Number.REQUESTS_RUNNING], found[Number.KV_CACHE_USAGE]) == (7, 0.5)


@pytest.mark.parametrize(("usages", "fullest"), [((0.25, 0.75), 0.75), ((0.25, 1.5), None), ((0.25, -0.1), None)])
def test_the_fullest_rank_counts(usages: tuple[float, float], fullest: float | None) -> None:
    page = "".join(f'sglang:token_usage{{dp_rank="{rank}"}} {usage}\n' for rank, usage in enumerate(usages))
    assert told("sglang", page).get(Number.KV_CACHE_USAGE) == fullest


def test_the_queue_had_another_name_in_0_5_2() -> None:
    page = 'sglang:queue_time_s_bucket{le="+Inf"} 2\nsglang:queue_time_s_sum 0.5\nsglang:queue_time_s_count 2\n'
    queue = told("sglang", f"# TYPE sglang:queue_time_s histogram\n{page}")[Number.QUEUE]
    assert isinstance(queue, Histogram)
    assert (queue.count, queue.total) == (2, 0.5)

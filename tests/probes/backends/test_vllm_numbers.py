from __future__ import annotations

import math

import pytest

from probes.backends.vllm import METRICS
from probes.numbers.histogram import Histogram
from probes.numbers.number import Number
from probes.numbers.page import Numbers
from tests.exporter.native.recorded import families, text

TTFT_0_6 = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, math.inf)
LATENCY_0_6 = (1, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, math.inf)
ITL_0_6 = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, math.inf)
LATENCY = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680, math.inf)


def mapped(exposition: str) -> Numbers:
    return METRICS.read(families(exposition))


def amounts(found: Numbers) -> Numbers:
    return {number: value for number, value in found.items() if not isinstance(value, Histogram)}


def summary(found: Numbers) -> dict[Number, tuple[float, float]]:
    """(count, sum) of each histogram."""
    return {number: (value.count, value.total) for number, value in found.items() if isinstance(value, Histogram)}


def test_version_0_6() -> None:
    found = mapped(text("vllm-0.6"))
    assert amounts(found) == {
        Number.REQUESTS_RUNNING: 4,
        Number.REQUESTS_WAITING: 2,
        Number.KV_CACHE_USAGE: 0.375,
        Number.KV_CACHE_CAPACITY: 16 * 27949,
        Number.PROMPT_TOKENS: 610,
        Number.GENERATION_TOKENS: 415,
        Number.REQUESTS_SUCCEEDED: 4,
        Number.REQUESTS_FAILED: 0,
        Number.PREEMPTIONS: 3,
    }
    assert {number: value for number, value in found.items() if isinstance(value, Histogram)} == {
        Number.TTFT: Histogram(TTFT_0_6, (0, 0, 0, 0, 1, 1, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 5), 2.03125),
        Number.ITL: Histogram(ITL_0_6, (300, 300, 400, 400, 400, 400, 400, 400, 400, 410, 410, 410, 410, 410), 10.46875),
        Number.E2E: Histogram(LATENCY_0_6, (1, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4), 17.25),
        Number.QUEUE: Histogram(LATENCY_0_6, (3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4), 4),
    }


def test_version_0_10_with_two_data_parallel_ranks() -> None:
    found = mapped(text("vllm-0.10"))
    assert amounts(found) == {
        Number.REQUESTS_RUNNING: 7,
        Number.REQUESTS_WAITING: 7,
        Number.KV_CACHE_USAGE: 0.9375,  # the fuller one
        Number.KV_CACHE_CAPACITY: 16 * 19000,
        Number.PREFIX_CACHE_HITS: 960,  # once, although it stands there under two names
        Number.PREFIX_CACHE_QUERIES: 3000,
        Number.PROMPT_TOKENS: 3000,
        Number.GENERATION_TOKENS: 1350,
        Number.REQUESTS_SUCCEEDED: 13,
        Number.REQUESTS_FAILED: 1,
        Number.PREEMPTIONS: 7,
        Number.SPEC_DECODE_DRAFTS: 150,
        Number.SPEC_DECODE_DRAFT_TOKENS: 450,
        Number.SPEC_DECODE_ACCEPTED_TOKENS: 300,
    }
    assert summary(found) == {
        Number.TTFT: (5, 3.625),
        Number.ITL: (1208, 17.625),
        Number.E2E: (3, 5.625),
        Number.QUEUE: (3, 2.25),
        Number.PREFILL: (3, 0.9375),
        Number.DECODE: (3, 2.3125),
    }
    assert found[Number.E2E] == Histogram(LATENCY, (0, 1, 1, 1, 2, 2, 2, *[3] * 15), 5.625)


def test_version_0_32() -> None:
    found = mapped(text("vllm-0.32"))
    assert amounts(found) == {
        Number.REQUESTS_RUNNING: 3,
        Number.REQUESTS_WAITING: 2,
        Number.KV_CACHE_USAGE: 0.0625,
        Number.KV_CACHE_CAPACITY: 524288,
        Number.PREFIX_CACHE_HITS: 1024,
        Number.PREFIX_CACHE_QUERIES: 4387,
        Number.PROMPT_TOKENS: 4387,
        Number.GENERATION_TOKENS: 1785,
        Number.REQUESTS_SUCCEEDED: 1 + 34 + 8,
        Number.REQUESTS_FAILED: 2 + 5,
        Number.REQUESTS_REJECTED: 6 + 7,
        Number.PREEMPTIONS: 4,
    }
    assert summary(found) == {
        Number.TTFT: (35, 0.49445247650146484),
        Number.ITL: (1750, 4.432528653000645),
        Number.TPOT: (35, 0.035535845435712136),
        Number.E2E: (35, 4.920336961746216),
        Number.QUEUE: (35, 0.0006983830021454196),
        Number.PREFILL: (35, 0.38501614300002984),
        Number.DECODE: (35, 4.432528653000645),
    }
    assert found[Number.E2E] == Histogram(LATENCY, (*[34] * 7, *[35] * 15), 4.920336961746216)


def test_a_request_that_ended_for_a_reason_unknown_here_succeeded() -> None:
    named = "\n".join(
        f'vllm:request_success_total{{finished_reason="{reason}"}} {count}' for reason, count in (("stop", 2), ("wisdom", 3), ("error", 4))
    )
    found = mapped(f"# TYPE vllm:request_success_total counter\n{named}\n")
    assert (found[Number.REQUESTS_SUCCEEDED], found[Number.REQUESTS_FAILED]) == (5, 4)


def test_before_any_request_ended_none_did() -> None:
    found = mapped("# TYPE vllm:request_success_total counter\n# TYPE vllm:generation_tokens_total counter\nvllm:generation_tokens_total 3\n")
    assert found == {Number.GENERATION_TOKENS: 3, Number.REQUESTS_SUCCEEDED: 0, Number.REQUESTS_FAILED: 0}


def test_what_it_does_not_tell_is_absent() -> None:
    assert mapped("") == {}
    assert mapped("vllm:tool_call_parser_invocations_total 3\nprocess_start_time_seconds 1.7e9\n") == {}


def test_a_prefix_cache_that_counts_blocks_is_left_out() -> None:
    counted = "# HELP vllm:gpu_prefix_cache_{0}_total GPU prefix cache {0}, in terms of number of {1}.\nvllm:gpu_prefix_cache_{0}_total 7\n"
    assert mapped(counted.format("hits", "cached tokens") + counted.format("queries", "queried tokens")) == {
        Number.PREFIX_CACHE_HITS: 7,
        Number.PREFIX_CACHE_QUERIES: 7,
    }
    assert mapped(counted.format("hits", "cached blocks") + counted.format("queries", "queried blocks")) == {}


def test_a_rank_that_makes_no_sense_takes_the_sum_along() -> None:
    both = 'vllm:num_requests_running{{engine="0"}} 2\nvllm:num_requests_running{{engine="1"}} {}\n'
    assert mapped(both.format(3)) == {Number.REQUESTS_RUNNING: 5}
    for nonsense in ("NaN", "-1", "+Inf"):
        assert mapped(both.format(nonsense)) == {}


@pytest.mark.parametrize("usage", ["NaN", "-0.1", "1.5", "+Inf"])
def test_a_share_that_is_none_is_absent(usage: str) -> None:
    assert mapped(f'vllm:kv_cache_usage_perc{{engine="0"}} 0.5\nvllm:kv_cache_usage_perc{{engine="1"}} {usage}\n') == {}


def test_ranks_with_other_buckets_are_not_added_up() -> None:
    name = "vllm:time_to_first_token_seconds"
    ranks = [("0", "1.0", "3"), ("1", "1.0", "4")]
    line = '{0}_bucket{{engine="{1}",le="{2}"}} {3}\n{0}_bucket{{engine="{1}",le="+Inf"}} 5\n{0}_sum{{engine="{1}"}} 2\n{0}_count{{engine="{1}"}} 5\n'
    alike = f"# TYPE {name} histogram\n" + "".join(line.format(name, *rank) for rank in ranks)
    assert mapped(alike) == {Number.TTFT: Histogram((1, math.inf), (7, 10), 4)}
    assert mapped(alike.replace('engine="1",le="1.0"', 'engine="1",le="2.0"')) == {}


@pytest.mark.parametrize(
    ("configurations", "tokens"),
    [
        (['num_gpu_blocks="100",block_size="16"'], 1600),
        (['num_gpu_blocks="320",block_size="8",kv_cache_size_tokens="463459"'], 463459),  # layers of several kinds
        (['num_gpu_blocks="100",block_size="16",kv_cache_size_tokens="None"'], 1600),
        (['engine="0",num_gpu_blocks="None",block_size="16"', 'engine="0",num_gpu_blocks="100",block_size="16"'], 1600),
        (['engine="0",num_gpu_blocks="100",block_size="16"', 'engine="1",num_gpu_blocks="None",block_size="16"'], None),
        (['num_gpu_blocks="0",block_size="16"'], None),
        (['num_gpu_blocks="inf",block_size="16"'], None),
        (['num_gpu_blocks="1e300",block_size="1e300"'], None),
        (['block_size="16"'], None),
    ],
)
def test_the_capacity_of_the_cache(configurations: list[str], tokens: float | None) -> None:
    found = mapped("".join(f"vllm:cache_config_info{{{labels}}} 1\n" for labels in configurations))
    assert found == ({} if tokens is None else {Number.KV_CACHE_CAPACITY: tokens})

from __future__ import annotations

from exporter.native.totals import total
from tests.exporter.native.expositions import by_hand

TEXT = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0"} 2
vllm:num_requests_running{engine="1"} 3
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{engine="0"} NaN
vllm:kv_cache_usage_perc{engine="1"} 0.5
# TYPE vllm:e2e_request_latency_seconds histogram
vllm:e2e_request_latency_seconds_bucket{le="+Inf"} 4
vllm:e2e_request_latency_seconds_count 4
vllm:e2e_request_latency_seconds_sum 1.5
"""


def test_adds_up_the_samples_of_a_name_and_of_no_other() -> None:
    families = by_hand(TEXT)
    assert total(families, "vllm:num_requests_running") == 5
    assert total(families, "vllm:e2e_request_latency_seconds_sum") == 1.5
    assert total(families, "vllm:e2e_request_latency_seconds_count") == 4


def test_what_is_not_there_or_is_no_number_is_not_0() -> None:
    families = by_hand(TEXT)
    assert total(families, "vllm:num_requests_waiting") is None
    assert total(families, "vllm:e2e_request_latency_seconds") is None
    assert total(families, "vllm:kv_cache_usage_perc") is None

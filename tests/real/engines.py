"""The real engines that tests can run against, and what each says of itself, by which chatprobe is judged."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from prometheus_client.parser import text_string_to_metric_families

from catalogue import unified
from probes import backends
from probes.numbers.own_metrics import OwnMetrics

PATIENCE_SECONDS = 10
"""An engine counts a chat's tokens a moment after its last byte."""


@dataclass(frozen=True)
class Engine:
    """One kind of engine.

    `generated_tokens` is the sample in which it counts the tokens of answers. `native` are our names with the samples
    that they must agree with, added up where there are several. `least_series` is how many series its page has at
    least, after some chats. `ttft_seconds` are the samples with the sum and the count of its times to first token; None
    where it tells them with each chat alone. `tells_its_start` says that its page has the start of its process, without
    which no window of the gap is known. `restless` begin the names of what moves without chats. `always` says that it
    must be there where everything must.
    """

    backend: str
    generated_tokens: str
    native: Mapping[str, tuple[str, ...]]
    least_series: int
    ttft_seconds: tuple[str, str] | None = None
    tells_its_start: bool = False
    restless: tuple[str, ...] = ()
    always: bool = True

    @property
    def variable(self) -> str:
        return f"CHATPROBE_{self.backend.upper()}_URL"

    @property
    def metrics(self) -> OwnMetrics:
        metrics = backends.get(self.backend).metrics
        assert metrics is not None
        return metrics


VLLM = Engine(
    backend="vllm",
    generated_tokens="vllm:generation_tokens_total",
    least_series=300,
    ttft_seconds=("vllm:time_to_first_token_seconds_sum", "vllm:time_to_first_token_seconds_count"),
    tells_its_start=True,
    native={
        unified.PROMPT_TOKENS.name: ("vllm:prompt_tokens_total",),
        unified.GENERATION_TOKENS.name: ("vllm:generation_tokens_total",),
        unified.PREEMPTIONS.name: ("vllm:num_preemptions_total",),
        unified.PREFIX_CACHE_QUERIES.name: ("vllm:prefix_cache_queries_total",),
        unified.PREFIX_CACHE_HITS.name: ("vllm:prefix_cache_hits_total",),
        unified.REQUESTS_RUNNING.name: ("vllm:num_requests_running",),
        unified.REQUESTS_WAITING.name: ("vllm:num_requests_waiting",),
        unified.KV_CACHE_USAGE.name: ("vllm:kv_cache_usage_perc",),
        unified.TTFT.count: ("vllm:time_to_first_token_seconds_count",),
        unified.TTFT.sum: ("vllm:time_to_first_token_seconds_sum",),
        unified.ITL.count: ("vllm:inter_token_latency_seconds_count",),
        unified.ITL.sum: ("vllm:inter_token_latency_seconds_sum",),
        unified.TPOT.sum: ("vllm:request_time_per_output_token_seconds_sum",),
        unified.E2E.count: ("vllm:e2e_request_latency_seconds_count",),
        unified.E2E.sum: ("vllm:e2e_request_latency_seconds_sum",),
        unified.QUEUE.sum: ("vllm:request_queue_time_seconds_sum",),
        unified.PREFILL.sum: ("vllm:request_prefill_time_seconds_sum",),
        unified.DECODE.sum: ("vllm:request_decode_time_seconds_sum",),
    },
)

LLAMACPP = Engine(
    backend="llamacpp",
    generated_tokens="llamacpp:tokens_predicted_total",
    least_series=15,
    native={
        unified.GENERATION_TOKENS.name: ("llamacpp:tokens_predicted_total",),
        unified.PROMPT_TOKENS.name: ("llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total"),
        unified.PREFIX_CACHE_QUERIES.name: ("llamacpp:prompt_tokens_total", "llamacpp:prompt_tokens_cached_total"),
        unified.PREFIX_CACHE_HITS.name: ("llamacpp:prompt_tokens_cached_total",),
        unified.REQUESTS_RUNNING.name: ("llamacpp:requests_processing",),
        unified.REQUESTS_WAITING.name: ("llamacpp:requests_deferred",),
        unified.SPEC_DECODE_DRAFTS.name: ("llamacpp:spec_decode_num_drafts_total",),
    },
)

SGLANG = Engine(
    backend="sglang",
    generated_tokens="sglang:generation_tokens_total",
    least_series=300,
    ttft_seconds=("sglang:time_to_first_token_seconds_sum", "sglang:time_to_first_token_seconds_count"),
    restless=("sglang:http_", "sglang:process_cpu_", "sglang:scheduler_"),
    always=False,
    native={
        unified.PROMPT_TOKENS.name: ("sglang:prompt_tokens_total",),
        unified.GENERATION_TOKENS.name: ("sglang:generation_tokens_total",),
        unified.PREFIX_CACHE_QUERIES.name: ("sglang:prompt_tokens_total",),
        unified.PREFIX_CACHE_HITS.name: ("sglang:cached_tokens_total",),
        unified.REQUESTS_RUNNING.name: ("sglang:num_running_reqs",),
        unified.REQUESTS_WAITING.name: ("sglang:num_queue_reqs",),
        unified.KV_CACHE_USAGE.name: ("sglang:token_usage",),
        unified.KV_CACHE_CAPACITY.name: ("sglang:max_total_num_tokens",),
        unified.TTFT.count: ("sglang:time_to_first_token_seconds_count",),
        unified.TTFT.sum: ("sglang:time_to_first_token_seconds_sum",),
        unified.ITL.count: ("sglang:inter_token_latency_seconds_count",),
        unified.ITL.sum: ("sglang:inter_token_latency_seconds_sum",),
        unified.TPOT.sum: ("sglang:request_time_per_output_token_seconds_sum",),
        unified.E2E.count: ("sglang:e2e_request_latency_seconds_count",),
        unified.E2E.sum: ("sglang:e2e_request_latency_seconds_sum",),
        unified.QUEUE.sum: ("sglang:queue_time_seconds_sum",),
    },
)

ENGINES = (VLLM, LLAMACPP, SGLANG)


@dataclass(frozen=True)
class Running:
    """An engine that answers at `url`."""

    engine: Engine
    url: str

    @property
    def backend(self) -> str:
        return self.engine.backend

    def page(self) -> str:
        """Its own metrics, as it writes them."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=10) as response:
            text: str = response.read().decode()
        return text

    def native(self, sample: str) -> float:
        """The sum of its samples of this name; 0 before the first of those that come with a chat."""
        families = list(text_string_to_metric_families(self.page()))
        assert any(family.name.startswith(self.engine.metrics.prefixes) for family in families), f"{self.backend} tells nothing"
        return sum(each.value for family in families for each in family.samples if each.name == sample)

    def grown(self, sample: str, before: float, expected: float) -> float:
        """By how much a counter has grown, once that is as much as expected or the engine's time to count is over."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.native(sample) - before < expected and time.monotonic() < deadline:
            time.sleep(0.1)
        return self.native(sample) - before


def running(engine: Engine) -> Running:
    """The one that the environment names. Skips the test where it names none, and fails where everything must be there."""
    url = os.environ.get(engine.variable)
    if not url:
        assert not (engine.always and os.environ.get("CI")), f"{engine.variable} is not set"
        pytest.skip(f"{engine.variable} is not set; tests/real/{engine.backend}/up starts the engine")
    return Running(engine, url)

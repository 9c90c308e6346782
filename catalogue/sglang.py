"""SGLang's metrics, of versions 0.4.6 to 0.5.23: those that a server has without speculation, adapters, disaggregation
and tiers of its cache.

Names, types and labels: SGLang `observability/metrics_collector.py` and `http_request_metrics.py`; before 0.5.10,
`metrics/collector.py`. A server tells them with `--enable-metrics`. Tokens and requests are counted when a request ends.
Operators choose the buckets of lengths, so no boundary of theirs may be relied upon. Ranks of data parallelism have a
label `dp_rank` each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from catalogue.engine_metric import RELAY_LABELS, EngineMetric

MODEL_NAME, ENGINE_TYPE = "model_name", "engine_type"
TP_RANK, PP_RANK, MOE_RANK, PID = "tp_rank", "pp_rank", "moe_ep_rank", "pid"
IS_STREAMING, CACHE_SOURCE, STAGE, MODE, PHASE = "is_streaming", "cache_source", "stage", "mode", "phase"
SERVER_LABELS = (*RELAY_LABELS, MODEL_NAME, ENGINE_TYPE)
RANK_LABELS = (*SERVER_LABELS, TP_RANK, PP_RANK, MOE_RANK)
PREFILLING = "prefill_forward"
"""A value of `stage`: the model's work on the prompt."""

_OLDEST, _NEWEST = "0.4.6", "0.5.23"
_Kind = Literal["counter", "gauge", "histogram"]


def _of_server(name: str, kind: _Kind, help: str, *labels: str, since: str = _OLDEST, until: str = "", condition: str = "") -> EngineMetric:
    return EngineMetric(f"sglang:{name}", kind, help, (*SERVER_LABELS, *labels), since=since, until=until, condition=condition)


def _of_ranks(name: str, kind: _Kind, help: str, *labels: str, since: str = _OLDEST, until: str = "", condition: str = "") -> EngineMetric:
    return EngineMetric(f"sglang:{name}", kind, help, (*RANK_LABELS, *labels), since=since, until=until, condition=condition)


RUNNING = _of_ranks("num_running_reqs", "gauge", "Requests in the batch that is worked on.")
WAITING = _of_ranks("num_queue_reqs", "gauge", "Requests that wait to be scheduled.")
WAITING_FOR_GRAMMAR = _of_ranks("num_grammar_queue_reqs", "gauge", "Requests that wait for their grammar to be compiled.")
PAUSED = _of_ranks("num_paused_reqs", "gauge", "Requests that an update of the weights holds.", PID, since="0.5.2")
THROUGHPUT = _of_ranks("gen_throughput", "gauge", "Generated tokens a second, as the engine reckons it.")
BATCH_TOKENS = _of_ranks("decode_sum_seq_lens", "gauge", "Tokens of all sequences that decode.", since="0.5.10")
HIT_RATE = _of_ranks("cache_hit_rate", "gauge", "Share of the last prefill's tokens that were cached.")

USAGE = _of_ranks("token_usage", "gauge", "Share of the KV cache that running requests hold, from 0 to 1; of the fullest pool.")
FULL_USAGE = _of_ranks("full_token_usage", "gauge", "The same of the layers with full attention.", since="0.5.10")
USED = _of_ranks("num_used_tokens", "gauge", "Tokens that running requests hold; of the fullest pool.")
KV_USED = _of_ranks("kv_used_tokens", "gauge", "Tokens that running requests hold in the layers with full attention.", since="0.5.16")
KV_EVICTABLE = _of_ranks("kv_evictable_tokens", "gauge", "Cached tokens that make room where it is needed.", since="0.5.16")
KV_AVAILABLE = _of_ranks("kv_available_tokens", "gauge", "Tokens that nobody holds.", since="0.5.16")
CAPACITY = _of_ranks("max_total_num_tokens", "gauge", "Tokens that the KV cache can hold.", since="0.5.6")
PAGE_SIZE = _of_ranks("page_size", "gauge", "Tokens of a page of the KV cache.", since="0.5.16")
PAGES = _of_ranks("num_pages", "gauge", "Pages of the KV cache.", since="0.5.16")
CONTEXT = _of_ranks("context_len", "gauge", "Tokens that a prompt and its answer can have.", since="0.5.16")
RETRACTED = _of_ranks(
    "num_retracted_requests_total", "counter", "How often a running request was put back for want of room.", since="0.5.10", condition="a retraction"
)
RETRACTED_LAST = _of_ranks("num_retracted_reqs", "gauge", "Requests that the last retraction put back.", PID, since="0.5.2")

PROMPT_TOKENS = _of_server("prompt_tokens_total", "counter", "Prompt tokens of requests that ended, cached ones included.", IS_STREAMING)
GENERATION_TOKENS = _of_server("generation_tokens_total", "counter", "Generated tokens of requests that ended.", IS_STREAMING)
CACHED_TOKENS = _of_server(
    "cached_tokens_total", "counter", "Prompt tokens found in the cache, by its tier: `device`, `host`, `storage`.", CACHE_SOURCE
)
REALTIME_TOKENS = _of_ranks(
    "realtime_tokens_total", "counter", "Tokens as they are worked on: `prefill_compute`, `prefill_cache`, `decode`.", MODE, since="0.5.10"
)
PREFILL_TOKENS = _of_ranks(
    "prefill_effective_tokens_total",
    "counter",
    "Prompt tokens by where they came from, `input`, `device_hit`, `host_hit`, `storage_hit`; those of retracted requests once.",
    MODE,
    since=_NEWEST,
)
ENDED = _of_server("num_requests_total", "counter", "Requests that ended after they had begun, aborted ones included.", IS_STREAMING)
ABORTED = _of_server("num_aborted_requests_total", "counter", "Requests that were given up by their client.", since="0.5.6", condition="an abort")

TTFT = _of_server(
    "time_to_first_token_seconds", "histogram", "From the request's arrival to the first output at the frontend; queue included.", IS_STREAMING
)
ITL = _of_server("inter_token_latency_seconds", "histogram", "Between two outputs of a request, by the tokens in it, once for each of them.")
TPOT = _of_server(
    "request_time_per_output_token_seconds",
    "histogram",
    "Time per output token after the first, once for each request that ended of itself; of answers of more than one token.",
    IS_STREAMING,
    since=_NEWEST,
)
E2E = _of_server("e2e_request_latency_seconds", "histogram", "A whole request; of those that ended.", IS_STREAMING)
QUEUE = _of_ranks("queue_time_seconds", "histogram", "From queued to scheduled.", since="0.5.6")
STAGES = _of_ranks(
    "per_stage_req_latency_seconds", "histogram", "What a request goes through: `request_process`, `prefill_forward`, …", STAGE, since="0.5.6"
)
PROMPT_LENGTH = _of_server("prompt_tokens_histogram", "histogram", "Prompt tokens of a request that ended.")
COMPUTED_LENGTH = _of_server("uncached_prompt_tokens_histogram", "histogram", "Those that were not cached.", since="0.5.16")
ANSWER_LENGTH = _of_server("generation_tokens_histogram", "histogram", "Generated tokens of a request that ended.")

SPEC_LENGTH = _of_ranks("spec_accept_length", "gauge", "Tokens of a step of speculation, mean, its own token included; 0 without.")
SPEC_RATE = _of_ranks("spec_accept_rate", "gauge", "Proposed tokens that were accepted, as a share; 0 without speculation.", since="0.5.6")

CUDA_GRAPH = _of_ranks("is_cuda_graph", "gauge", "1 while the batch runs as a CUDA graph.", since="0.5.6")
GRAPH_PASSES = _of_ranks("cuda_graph_passes_total", "counter", "Passes of the model, with a CUDA graph and without.", MODE, since="0.5.10")
NEW_TOKEN_RATIO = _of_ranks("new_token_ratio", "gauge", "Share of its longest answer for which the scheduler books room.", since="0.5.6")
UTILIZATION = _of_ranks("utilization", "gauge", "Running requests, as a share of those that the SLO of the scheduler allows.", since="0.5.2")
OCCUPANCY = _of_ranks("fwd_occupancy", "gauge", "Share of the time in which the GPU works; NaN where it is not taken.", since="0.5.16")
SCHEDULER_IDLE = _of_ranks("scheduler_idle_seconds_total", "counter", "Time in which the scheduler had nothing to do.", since=_NEWEST)
SCHEDULER_CPU = _of_ranks("scheduler_process_cpu_seconds_total", "counter", "CPU time of the scheduler's process.", since=_NEWEST)
SCHEDULER_STAGES = _of_ranks(
    "scheduler_stage_seconds_total", "counter", "Time of the scheduler's loop, by what it did.", "category", "forward_overlap", since=_NEWEST
)
CPU = EngineMetric("sglang:process_cpu_seconds_total", "counter", "CPU time of the other processes.", (*RELAY_LABELS, "component"), since="0.5.10")
WEIGHT_MEMORY = _of_ranks("weight_memory_usage_gb", "gauge", "GB that the weights take.", since=_NEWEST)
KV_MEMORY = _of_ranks("kv_cache_memory_usage_gb", "gauge", "GB that the KV cache takes.", since=_NEWEST)
GRAPH_MEMORY = _of_ranks("graph_memory_usage_gb", "gauge", "GB that captured graphs take.", PHASE, since=_NEWEST)
FREE_MEMORY = _of_ranks("startup_available_gpu_memory_gb", "gauge", "GB that were free once it had started.", since="0.5.16")
STARTUP = _of_server("startup_time_seconds", "gauge", "How long its start took, by part.", PHASE, since=_NEWEST)
STARTUP_GRAPHS = _of_server("startup_cuda_graph_time_seconds", "gauge", "How long graphs took to capture.", PHASE, since=_NEWEST)

HTTP_REQUESTS = EngineMetric("sglang:http_requests_total", "counter", "HTTP requests.", (*RELAY_LABELS, "endpoint", "method"), since="0.5.10")
HTTP_RESPONSES = EngineMetric(
    "sglang:http_responses_total", "counter", "HTTP responses.", (*RELAY_LABELS, "endpoint", "status_code", "method"), since="0.5.10"
)
HTTP_ACTIVE = EngineMetric(
    "sglang:http_requests_active", "gauge", "HTTP requests that are answered.", (*RELAY_LABELS, "endpoint", "method"), since="0.5.10"
)


def _unused() -> Iterator[EngineMetric]:
    """What stands on every page, and moves only with a feature that this one has not."""
    for name, help, since in (
        ("swa_token_usage", "As `token_usage`, of the layers with a sliding window.", "0.5.2"),
        ("swa_available_tokens", "As `kv_available_tokens`, of the layers with a sliding window.", "0.5.16"),
        ("swa_evictable_tokens", "As `kv_evictable_tokens`, of the layers with a sliding window.", "0.5.16"),
        ("swa_used_tokens", "As `kv_used_tokens`, of the layers with a sliding window.", "0.5.16"),
        ("mamba_usage", "As `token_usage`, of Mamba's states.", "0.5.6"),
        ("mamba_available_tokens", "As `kv_available_tokens`, of Mamba's states.", "0.5.16"),
        ("mamba_evictable_tokens", "As `kv_evictable_tokens`, of Mamba's states.", "0.5.16"),
        ("mamba_used_tokens", "As `kv_used_tokens`, of Mamba's states.", "0.5.16"),
        ("spec_cap_length", "Tokens that a step of speculation may check.", "0.5.16"),
        ("spec_block_accept_length", "Tokens of a step of speculation, before that cap.", "0.5.16"),
        ("spec_num_steps", "Steps of the draft model.", "0.5.16"),
        ("spec_num_draft_tokens", "Tokens of a draft.", "0.5.16"),
        ("num_prefill_bootstrap_queue_reqs", "Requests whose prefill waits for its decoding server.", "0.5.16"),
        ("num_prefill_inflight_queue_reqs", "Requests whose KV cache is on its way.", "0.5.2"),
        ("num_decode_prealloc_queue_reqs", "Requests for which room is looked for.", _OLDEST),
        ("num_decode_transfer_queue_reqs", "Requests whose KV cache is awaited.", _OLDEST),
        ("num_decode_host_receive_queue_reqs", "Those of them that come through the host's memory.", _NEWEST),
        ("num_decode_deferred_kv_release_reqs", "Failed requests whose room is not free yet.", _NEWEST),
        ("pending_prealloc_token_usage", "Share of the KV cache for which room is looked for.", "0.5.6"),
        ("prealloc_full_token_usage", "Share of the KV cache held for what is on its way.", _NEWEST),
        ("prealloc_swa_token_usage", "The same of the layers with a sliding window.", _NEWEST),
        ("num_unique_running_routing_keys", "Routing keys among the requests that run.", "0.5.10"),
    ):
        yield _of_ranks(name, "gauge", help, since=since)
    for name, help in (
        ("routing_key_running_req_count", "Routing keys by how many running requests they have, above `gt` up to `le`."),
        ("routing_key_all_req_count", "Routing keys by how many requests they have, above `gt` up to `le`."),
    ):
        yield _of_ranks(name, "gauge", help, "gt", "le", since="0.5.10")
    yield EngineMetric("sglang:routing_keys_active", "gauge", "Routing keys of requests that are answered.", RELAY_LABELS, since="0.5.10")
    for name, help, label in (
        ("dp_attention_tokens_total", "Tokens of the steps of data-parallel ranks.", "kind"),
        ("dp_attention_steps_total", "Steps of data-parallel ranks.", "rank_state"),
        ("dp_attention_pairs_total", "Pairs of tokens that their steps attended.", "kind"),
    ):
        yield _of_ranks(name, "counter", help, label, since=_NEWEST)
    yield _of_ranks("dp_attention_token_imbalance_ratio", "histogram", "The most tokens of a rank in a step, by their mean.", since=_NEWEST)
    yield _of_ranks("dp_attention_sync_wait_seconds", "histogram", "How long a rank waits for the others in a step.", since=_NEWEST)


SGLANG: tuple[EngineMetric, ...] = (*(value for value in list(globals().values()) if isinstance(value, EngineMetric)), *_unused())
"""All of them, in the order of this page."""

"""vLLM's metrics that every installation has, of versions 0.6 to 0.32.

Names, types and labels are those of vLLM 0.32 (`v1/metrics/loggers.py`, `v1/metrics/perf.py`), and of what versions 0.6
and 0.10 served. `engine`, the rank of data parallelism, came after 0.6. Buckets can be configured
(`--custom-histogram-buckets`), so no boundary can be relied upon.
"""

from __future__ import annotations

from typing import Literal

from catalogue.engine_metric import RELAY_LABELS, EngineMetric

MODEL_NAME, ENGINE = "model_name", "engine"
FINISHED_REASON, REASON, SOURCE, SLEEP_STATE = "finished_reason", "reason", "source", "sleep_state"
RANK_LABELS = (*RELAY_LABELS, MODEL_NAME, ENGINE)
CONFIG_LABELS = ("block_size", "num_gpu_blocks", "cache_dtype", "enable_prefix_caching", "gpu_memory_utilization")
"""Those of the cache's configuration that all versions have; each has some thirty more."""

_OLDEST, _MIDDLE, _NEWEST = "0.6", "0.10", "0.32"


def _of_ranks(
    name: str, kind: Literal["counter", "gauge", "histogram"], help: str, *labels: str, since: str = _OLDEST, until: str = "", condition: str = ""
) -> EngineMetric:
    return EngineMetric(f"vllm:{name}", kind, help, (*RANK_LABELS, *labels), since=since, until=until, condition=condition)


RUNNING = _of_ranks("num_requests_running", "gauge", "Requests in the batch that is worked on.")
WAITING = _of_ranks("num_requests_waiting", "gauge", "Requests that wait to be scheduled, deferred ones included.")
WAITING_BY_REASON = _of_ranks(
    "num_requests_waiting_by_reason", "gauge", "Waiting requests: for `capacity`, or `deferred` by a passing constraint.", REASON, since=_NEWEST
)
SWAPPED = _of_ranks("num_requests_swapped", "gauge", "Requests that were swapped to the CPU's memory.", until=_OLDEST)
SLEEPING = _of_ranks("engine_sleep_state", "gauge", "1 for the state that the engine is in.", SLEEP_STATE, since=_NEWEST)

KV_CACHE_USAGE = _of_ranks("kv_cache_usage_perc", "gauge", "Share of the KV cache's blocks that are taken, from 0 to 1.", since=_MIDDLE)
KV_CACHE_USAGE_BEFORE = _of_ranks("gpu_cache_usage_perc", "gauge", "What `kv_cache_usage_perc` is now.", until=_MIDDLE)
CPU_CACHE_USAGE = _of_ranks("cpu_cache_usage_perc", "gauge", "Share of the CPU's KV cache that is taken, from 0 to 1.", until=_OLDEST)
CACHE_CONFIG = EngineMetric(
    "vllm:cache_config_info", "gauge", "The KV cache's configuration in labels; always 1.", (*RELAY_LABELS, ENGINE, *CONFIG_LABELS), since=_OLDEST
)
PREEMPTIONS = _of_ranks("num_preemptions_total", "counter", "How often a running request was put back because the KV cache was full.")

PREFIX_QUERIES = _of_ranks(
    "prefix_cache_queries_total", "counter", "Prompt tokens looked up in the prefix cache; before 0.10, of `gpu_…`, blocks.", since=_MIDDLE
)
PREFIX_HITS = _of_ranks("prefix_cache_hits_total", "counter", "Prompt tokens found in the prefix cache.", since=_MIDDLE)
PREFIX_QUERIES_BEFORE = _of_ranks(
    "gpu_prefix_cache_queries_total", "counter", "What `prefix_cache_queries_total` is now.", since=_MIDDLE, until=_MIDDLE
)
PREFIX_HITS_BEFORE = _of_ranks("gpu_prefix_cache_hits_total", "counter", "What `prefix_cache_hits_total` is now.", since=_MIDDLE, until=_MIDDLE)
PREFIX_HIT_RATE = _of_ranks("gpu_prefix_cache_hit_rate", "gauge", "Share of lookups that hit, as the engine reckoned it.", until=_OLDEST)
CPU_PREFIX_HIT_RATE = _of_ranks("cpu_prefix_cache_hit_rate", "gauge", "The same of the CPU's cache.", until=_OLDEST)
EXTERNAL_QUERIES = _of_ranks("external_prefix_cache_queries_total", "counter", "Prompt tokens looked up through a KV connector.", since=_NEWEST)
EXTERNAL_HITS = _of_ranks("external_prefix_cache_hits_total", "counter", "Prompt tokens found through a KV connector.", since=_NEWEST)
MEDIA_QUERIES = _of_ranks("mm_cache_queries_total", "counter", "Images and other media looked up in their cache.", since=_NEWEST)
MEDIA_HITS = _of_ranks("mm_cache_hits_total", "counter", "Media found in their cache.", since=_NEWEST)

PROMPT_TOKENS = _of_ranks("prompt_tokens_total", "counter", "Prompt tokens of requests whose prefill is over, cached ones included.")
PROMPT_TOKENS_BY_SOURCE = _of_ranks(
    "prompt_tokens_by_source_total",
    "counter",
    "Prompt tokens by where their KV came from: `local_compute`, `local_cache_hit`, `external_kv_transfer`.",
    SOURCE,
    since=_NEWEST,
)
CACHED_TOKENS = _of_ranks("prompt_tokens_cached_total", "counter", "Prompt tokens that were not computed.", since=_NEWEST)
CACHED_TOKENS_BY_SOURCE = _of_ranks(
    "prompt_tokens_cached_by_source_total", "counter", "Those by the tier of the cache: `device`, `host`, `p2p`, `disk`, …", SOURCE, since=_NEWEST
)
GENERATION_TOKENS = _of_ranks("generation_tokens_total", "counter", "Generated tokens.")
PROMPT_THROUGHPUT = _of_ranks("avg_prompt_throughput_toks_per_s", "gauge", "Prompt tokens a second, as the engine reckoned it.", until=_OLDEST)
GENERATION_THROUGHPUT = _of_ranks(
    "avg_generation_throughput_toks_per_s", "gauge", "Generated tokens a second, as the engine reckoned it.", until=_OLDEST
)

FINISHED = _of_ranks(
    "request_success_total",
    "counter",
    "Requests that ended, by `stop`, `length`, `repetition`, and by `abort` and `error` too. Those whose client went away are counted nowhere.",
    FINISHED_REASON,
)
REJECTED = EngineMetric(
    "vllm:admission_rejections_total",
    "counter",
    "Requests answered with 503 because the queue was too long.",
    (*RELAY_LABELS, MODEL_NAME, REASON),
    since=_NEWEST,
)

TTFT = _of_ranks("time_to_first_token_seconds", "histogram", "From the start of tokenization to the first output at the frontend; queue included.")
ITL = _of_ranks("inter_token_latency_seconds", "histogram", "Between two outputs of a request, which may be several tokens.", since=_NEWEST)
ITL_BEFORE = _of_ranks("time_per_output_token_seconds", "histogram", "What `inter_token_latency_seconds` is now, despite its name.", until=_MIDDLE)
TPOT = _of_ranks(
    "request_time_per_output_token_seconds",
    "histogram",
    "Time per output token after the first, once for each request; 0 for answers of one token.",
    since=_NEWEST,
)
E2E = _of_ranks("e2e_request_latency_seconds", "histogram", "A whole request; of those that ended.")
QUEUE = _of_ranks("request_queue_time_seconds", "histogram", "From queued to first scheduled.", since=_MIDDLE)
QUEUE_BEFORE = _of_ranks("time_in_queue_requests", "histogram", "What `request_queue_time_seconds` is now.", until=_OLDEST)
PREFILL = _of_ranks("request_prefill_time_seconds", "histogram", "From first scheduled to the first token.", since=_MIDDLE)
DECODE = _of_ranks("request_decode_time_seconds", "histogram", "From the first token to the last.", since=_MIDDLE)
INFERENCE = _of_ranks("request_inference_time_seconds", "histogram", "From first scheduled to the last token.", since=_MIDDLE)
FORWARD = _of_ranks("model_forward_time_milliseconds", "histogram", "The model's forward pass.", until=_OLDEST)
EXECUTE = _of_ranks("model_execute_time_milliseconds", "histogram", "The forward pass with all that belongs to it.", until=_OLDEST)

PROMPT_LENGTH = _of_ranks("request_prompt_tokens", "histogram", "Prompt tokens of a request that ended.")
ANSWER_LENGTH = _of_ranks("request_generation_tokens", "histogram", "Generated tokens of a request that ended.")
COMPUTED_LENGTH = _of_ranks("request_prefill_kv_computed_tokens", "histogram", "Prompt tokens of a request that were not cached.", since=_NEWEST)
LONGEST_ANSWER = _of_ranks("request_max_num_generation_tokens", "histogram", "The longest of a request's `n` answers.", since=_NEWEST)
ASKED_LENGTH = _of_ranks("request_params_max_tokens", "histogram", "`max_tokens` of a request.", since=_MIDDLE)
ASKED_ANSWERS = _of_ranks("request_params_n", "histogram", "`n` of a request.")
ASKED_BEST_OF = _of_ranks("request_params_best_of", "histogram", "`best_of` of a request.", until=_OLDEST)
PREEMPTIONS_EACH = _of_ranks("request_num_preemptions", "histogram", "How often a request was put back.", since=_NEWEST)
STEP_TOKENS = _of_ranks("iteration_tokens_total", "histogram", "Prompt and generated tokens that one step of the engine computed.", since=_MIDDLE)

FLOPS = _of_ranks("estimated_flops_per_gpu_total", "counter", "Floating-point operations of a GPU; 0 without --enable-mfu-metrics.", since=_NEWEST)
BYTES_READ = _of_ranks("estimated_read_bytes_per_gpu_total", "counter", "Bytes that a GPU read; 0 without --enable-mfu-metrics.", since=_NEWEST)
BYTES_WRITTEN = _of_ranks("estimated_write_bytes_per_gpu_total", "counter", "Bytes that a GPU wrote; 0 without --enable-mfu-metrics.", since=_NEWEST)

VLLM: tuple[EngineMetric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, EngineMetric))
"""All of them, in the order of this page."""

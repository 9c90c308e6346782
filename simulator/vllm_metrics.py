"""vLLM's own `/metrics`: the families of version 0.32, with values that follow from the simulation.

Names, help and buckets: vLLM `v1/metrics/loggers.py::PrometheusStatLogger` and `buckets.py`; the HTTP families are those of its instrumentator.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from simulator.batching import Batching, Sequence, Step
from simulator.options import Options
from simulator.reply import Reply

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
TTFT = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560)
ITL = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80)
LATENCY = (0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680)
ITERATION = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
REQUESTS_N = (1, 2, 5, 10, 20)
PREEMPTIONS = (1, 2, 3, 4, 5, 10, 20)
HTTP_FINE = (0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60)
UNCOUNTED_PAGES = frozenset({"/metrics", "/health", "/load", "/ping", "/version", "/server_info"})
FINISH_REASONS = ("stop", "length", "abort", "error", "repetition")
CACHE_TIERS = ("device", "host", "p2p", "disk", "external_unspecified")


def token_buckets(limit: int) -> tuple[int, ...]:
    """1, 2, 5, 10, … up to the context length."""
    bounds = []
    scale = 1
    while scale <= limit:
        bounds += [step * scale for step in (1, 2, 5) if step * scale <= limit]
        scale *= 10
    return tuple(bounds)


class VllmMetrics:
    """What one engine (rank 0) exports; all core series stand at 0 from the start."""

    def __init__(self, options: Options) -> None:
        self._registry = CollectorRegistry()
        self._labels = {"model_name": options.models[0], "engine": "0"}
        self._tokens = token_buckets(options.capacity.context_tokens)
        GCCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        ProcessCollector(registry=self._registry)
        self._add_engine()
        self._add_tokens()
        self._add_requests()
        self._add_latencies()
        self._add_cache_config(options)
        self._add_http()

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, list(self._labels), registry=self._registry).labels(**self._labels)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, list(self._labels), registry=self._registry).labels(**self._labels)

    def _counters(self, name: str, text: str, label: str, values: tuple[str, ...]) -> dict[str, Counter]:
        family = Counter(name, text, [*self._labels, label], registry=self._registry)
        return {value: family.labels(**self._labels, **{label: value}) for value in values}

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, list(self._labels), buckets=buckets, registry=self._registry).labels(**self._labels)

    def _add_engine(self) -> None:
        for what, text in (
            ("flops", "Estimated number of floating point operations per GPU (for Model Flops Utilization calculations)."),
            ("read_bytes", "Estimated number of bytes read from memory per GPU (for Model Flops Utilization calculations)."),
            ("write_bytes", "Estimated number of bytes written to memory per GPU (for Model Flops Utilization calculations)."),
        ):
            self._counter(f"vllm:estimated_{what}_per_gpu", text)
        self._running = self._gauge("vllm:num_requests_running", "Number of requests in model execution batches.")
        self._waiting = self._gauge("vllm:num_requests_waiting", "Number of requests waiting to be processed.")
        by_reason = Gauge(
            "vllm:num_requests_waiting_by_reason",
            "Number of waiting requests by reason. Reason labels: 'capacity' = waiting for scheduling capacity; 'deferred' = deferred by transient "
            "constraints (LoRA budget, KV transfer, blocked status). Sum of all reasons equals vllm:num_requests_waiting.",
            [*self._labels, "reason"],
            registry=self._registry,
        )
        self._waiting_for_capacity = by_reason.labels(**self._labels, reason="capacity")
        by_reason.labels(**self._labels, reason="deferred")
        sleep = Gauge(
            "vllm:engine_sleep_state",
            "Engine sleep state; awake = 0 means engine is sleeping; awake = 1 means engine is awake; weights_offloaded = 1 means sleep level 1; "
            "discard_all = 1 means sleep level 2.",
            [*self._labels, "sleep_state"],
            registry=self._registry,
        )
        for state in ("awake", "weights_offloaded", "discard_all"):
            sleep.labels(**self._labels, sleep_state=state).set(state == "awake")
        self._kv_usage = self._gauge("vllm:kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.")

    def _add_tokens(self) -> None:
        self._cache_queries = self._counter("vllm:prefix_cache_queries", "Prefix cache queries, in terms of number of queried tokens.")
        self._cache_hits = self._counter("vllm:prefix_cache_hits", "Prefix cache hits, in terms of number of cached tokens.")
        external = "from KV connector cross-instance cache sharing, in terms of number of"
        self._counter("vllm:external_prefix_cache_queries", f"External prefix cache queries {external} queried tokens.")
        self._counter("vllm:external_prefix_cache_hits", f"External prefix cache hits {external} cached tokens.")
        self._counter("vllm:mm_cache_queries", "Multi-modal cache queries, in terms of number of queried items.")
        self._counter("vllm:mm_cache_hits", "Multi-modal cache hits, in terms of number of cached items.")
        self._preemptions = self._counter("vllm:num_preemptions", "Cumulative number of preemption from the engine.")
        self._prompt_tokens = self._counter("vllm:prompt_tokens", "Number of prefill tokens processed.")
        sources = ("local_compute", "local_cache_hit", "external_kv_transfer")
        self._prompt_source = self._counters("vllm:prompt_tokens_by_source", "Number of prompt tokens by source.", "source", sources)
        self._cached_tokens = self._counter("vllm:prompt_tokens_cached", "Number of cached prompt tokens (local + external).")
        self._cached_source = self._counters(
            "vllm:prompt_tokens_cached_by_source",
            "Prefix-cache hit tokens by the cache tier that supplied them: device (local HBM), host (offloaded to DRAM), disk, p2p (transferred from "
            "another vLLM instance) or external_unspecified. Counted at admission; sums to vllm:prefix_cache_hits + vllm:external_prefix_cache_hits.",
            "source",
            CACHE_TIERS,
        )
        self._generated = self._counter("vllm:generation_tokens", "Number of generation tokens processed.")
        self._iteration = self._histogram("vllm:iteration_tokens_total", "Histogram of number of tokens per engine_step.", ITERATION)

    def _add_requests(self) -> None:
        success = "Count of successfully processed requests."
        self._success = self._counters("vllm:request_success", success, "finished_reason", FINISH_REASONS)
        rejections = Counter(
            "vllm:admission_rejections",
            "Number of admission attempts rejected by a queue limit, by reason.",
            ["model_name", "reason"],
            registry=self._registry,
        )
        model = self._labels["model_name"]
        self._rejections = rejections.labels(model_name=model, reason="max_num_queued_reqs")
        rejections.labels(model_name=model, reason="max_num_queued_tokens")
        tokens = self._tokens
        self._request_prompt = self._histogram("vllm:request_prompt_tokens", "Number of prefill tokens processed.", tokens)
        self._request_generated = self._histogram("vllm:request_generation_tokens", "Number of generation tokens processed.", tokens)
        self._request_most = self._histogram(
            "vllm:request_max_num_generation_tokens", "Histogram of maximum number of requested generation tokens.", tokens
        )
        self._request_n = self._histogram("vllm:request_params_n", "Histogram of the n request parameter.", REQUESTS_N)
        self._request_limit = self._histogram("vllm:request_params_max_tokens", "Histogram of the max_tokens request parameter.", tokens)
        self._request_preemptions = self._histogram(
            "vllm:request_num_preemptions", "Histogram of the number of times a request was preempted.", PREEMPTIONS
        )
        self._request_computed = self._histogram(
            "vllm:request_prefill_kv_computed_tokens",
            "Histogram of new KV tokens computed during prefill (excluding cached tokens).",
            tokens,
        )

    def _add_latencies(self) -> None:
        self._ttft = self._histogram("vllm:time_to_first_token_seconds", "Histogram of time to first token in seconds.", TTFT)
        self._itl = self._histogram("vllm:inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", ITL)
        self._tpot = self._histogram("vllm:request_time_per_output_token_seconds", "Histogram of time_per_output_token_seconds per request.", ITL)
        self._e2e = self._histogram("vllm:e2e_request_latency_seconds", "Histogram of e2e request latency in seconds.", LATENCY)
        phase = "Histogram of time spent in {} phase for request."
        self._queue = self._histogram("vllm:request_queue_time_seconds", phase.format("WAITING"), LATENCY)
        self._inference = self._histogram("vllm:request_inference_time_seconds", phase.format("RUNNING"), LATENCY)
        self._prefill = self._histogram("vllm:request_prefill_time_seconds", phase.format("PREFILL"), LATENCY)
        self._decode = self._histogram("vllm:request_decode_time_seconds", phase.format("DECODE"), LATENCY)

    def _add_cache_config(self, options: Options) -> None:
        capacity = options.capacity
        config = {
            "engine": "0",
            "block_size": str(capacity.block_tokens),
            "cache_dtype": "auto",
            "enable_prefix_caching": "True",
            "gpu_memory_utilization": "0.92",
            "kv_cache_size_tokens": str(capacity.kv_blocks * capacity.block_tokens),
            "num_gpu_blocks": str(capacity.kv_blocks),
            "prefix_caching_hash_algo": "sha256",
        }
        family = Gauge("vllm:cache_config_info", "Information of the LLMEngine CacheConfig", list(config), registry=self._registry)
        family.labels(**config).set(1)

    def _add_http(self) -> None:
        registry = self._registry
        counted = "Total number of requests by method, status and handler."
        self._http_requests = Counter("http_requests", counted, ["method", "status", "handler"], registry=registry)
        size = "Content length of {} by handler. Only value of header is respected. Otherwise ignored. No percentile calculated. "
        self._http_in = Summary("http_request_size_bytes", size.format("incoming requests"), ["handler"], registry=registry)
        self._http_out = Summary("http_response_size_bytes", size.format("outgoing responses"), ["handler"], registry=registry)
        fine = "Latency with many buckets but no API specific labels. Made for more accurate percentile calculations. "
        self._http_fine = Histogram("http_request_duration_highr_seconds", fine, buckets=HTTP_FINE, registry=registry)
        coarse = "Latency with only few buckets by handler. Made to be only used if aggregation by handler is important. "
        labels = ["method", "handler"]
        self._http_coarse = Histogram("http_request_duration_seconds", coarse, labels, buckets=(0.1, 0.5, 1), registry=registry)

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        """Gauges move with the engine's steps only, as vLLM's do."""

    def left(self, batching: Batching) -> None:
        """A client that went away is counted nowhere (vLLM `output_processor.py::abort_requests`)."""
        if not batching.running and not batching.waiting:
            self._set_gauges(batching)

    def stepped(self, step: Step, batching: Batching) -> None:
        self._set_gauges(batching)
        self._iteration.observe(step.computed_tokens)
        self._preemptions.inc(len(step.preempted))
        for sequence in step.admitted:
            if not sequence.preemptions:
                self._prefilled(sequence)
        for sequence in step.batch:
            if sequence.last_token_ns == step.end_ns:
                self._produced(sequence)

    def _set_gauges(self, batching: Batching) -> None:
        self._running.set(len(batching.running))
        self._waiting.set(len(batching.waiting))
        self._waiting_for_capacity.set(len(batching.waiting))
        self._kv_usage.set(batching.kv.usage)

    def _prefilled(self, sequence: Sequence) -> None:
        self._cache_queries.inc(sequence.prompt_tokens)
        self._cache_hits.inc(sequence.cached_tokens)
        self._prompt_tokens.inc(sequence.prompt_tokens)
        self._prompt_source["local_compute"].inc(sequence.prompt_tokens - sequence.cached_tokens)
        self._prompt_source["local_cache_hit"].inc(sequence.cached_tokens)
        self._cached_tokens.inc(sequence.cached_tokens)
        self._cached_source["device"].inc(sequence.cached_tokens)

    def _produced(self, sequence: Sequence) -> None:
        assert sequence.last_token_ns is not None
        self._generated.inc()
        if sequence.previous_token_ns is None:
            self._ttft.observe((sequence.last_token_ns - sequence.arrived_ns) / 1e9)
        else:
            self._itl.observe((sequence.last_token_ns - sequence.previous_token_ns) / 1e9)

    def finished(self, sequence: Sequence) -> None:
        assert sequence.scheduled_ns is not None
        assert sequence.first_token_ns is not None
        assert sequence.last_token_ns is not None
        decode = (sequence.last_token_ns - sequence.first_token_ns) / 1e9
        self._success[sequence.finish].inc()
        self._request_prompt.observe(sequence.prompt_tokens)
        self._request_generated.observe(sequence.produced)
        self._request_most.observe(sequence.produced)
        self._request_n.observe(1)
        self._request_limit.observe(sequence.max_tokens)
        self._request_preemptions.observe(sequence.preemptions)
        self._request_computed.observe(sequence.prompt_tokens - sequence.cached_tokens)
        self._tpot.observe(decode / (sequence.produced - 1) if sequence.produced > 1 else 0)
        self._e2e.observe((sequence.last_token_ns - sequence.arrived_ns) / 1e9)
        self._queue.observe((sequence.scheduled_ns - sequence.arrived_ns) / 1e9)
        self._inference.observe((sequence.last_token_ns - sequence.scheduled_ns) / 1e9)
        self._prefill.observe((sequence.first_token_ns - sequence.scheduled_ns) / 1e9)
        self._decode.observe(decode)

    def asked(self) -> None:
        """vLLM counts requests when they end."""

    def failed(self, kind: str) -> None:
        if kind == "overloaded":
            self._rejections.inc()

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        self._http_fine.observe(seconds)
        if handler in UNCOUNTED_PAGES:
            return
        self._http_requests.labels(method=method, status=f"{status // 100}xx", handler=handler).inc()
        self._http_in.labels(handler=handler).observe(request_bytes)
        self._http_out.labels(handler=handler).observe(response_bytes)
        self._http_coarse.labels(method=method, handler=handler).observe(seconds)

    def render(self) -> Reply:
        return Reply(200, generate_latest(self._registry), CONTENT_TYPE)

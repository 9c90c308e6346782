"""SGLang's own `/metrics`: those families of version 0.5.23 that move with chats, with values that follow from the simulation.

Names, help and buckets: SGLang `observability/metrics_collector.py` and `http_request_metrics.py`. The real page has some fifty families more, at 0
without speculation, adapters, disaggregation or several ranks.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from simulator.batching import Batching, Sequence, Step
from simulator.options import Options
from simulator.reply import Reply

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TTFT = (0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 20, 40, 60, 80, 100, 200, 400)
E2E = (*TTFT, 600, 1200, 1800, 2400)
ITL = (0.002, 0.004, 0.006, 0.008, *(n / 1000 for n in range(10, 41, 5)), 0.06, 0.08, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8)
QUEUE = (
    *(0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 4, 5, 10, 15, 20, 30, 40, 50, 60, 70, 80, 90),
    *(100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 1800, 2000, 2500, 3000),
)
STAGE = tuple(0.001 * 1.62**power for power in range(30))
LENGTH = (
    *(100, 300, 500, 700, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000, 10000, 12500, 15000, 17500, 20000, 22500, 25000, 27500, 30000),
    *(35000, 40000, 60000, 80000, 100000, 200000, 300000, 400000, 600000, 800000, 1000000, 1100000),
)
STREAMING = {"is_streaming": "true"}
"""Chats without `stream` are counted with them: nobody but tests asks for one."""


class SglangMetrics:
    """What one engine on one GPU exports. Counters and histograms of chats appear with the first one, as SGLang's do."""

    def __init__(self, options: Options) -> None:
        self._registry = CollectorRegistry()
        self._of_server = {"model_name": options.models[0], "engine_type": "unified"}
        self._of_rank = {**self._of_server, "tp_rank": "0", "pp_rank": "0", "moe_ep_rank": "0"}
        self._capacity = options.capacity.kv_blocks * options.capacity.block_tokens
        self._prompts = self._cached = 0
        self._add_gauges(options)
        self._add_counters()
        self._add_histograms()
        self._add_http()

    def _gauge(self, name: str, text: str, value: float = 0) -> Gauge:
        gauge = Gauge(f"sglang:{name}", text, list(self._of_rank), registry=self._registry).labels(**self._of_rank)
        gauge.set(value)
        return gauge

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"sglang:{name}", text, [*self._of_server, *labels], registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"sglang:{name}", text, [*self._of_server, *labels], buckets=buckets, registry=self._registry)

    def _add_gauges(self, options: Options) -> None:
        self._gauge("max_total_num_tokens", "Maximum total number of tokens in the KV cache pool.", self._capacity)
        self._gauge("page_size", "KV cache page size in tokens.", options.capacity.block_tokens)
        self._gauge("num_pages", "Number of KV cache pages.", options.capacity.kv_blocks)
        self._gauge("context_len", "Maximum context length.", options.capacity.context_tokens)
        self._running = self._gauge("num_running_reqs", "The number of running requests.")
        self._waiting = self._gauge("num_queue_reqs", "The number of requests in the waiting queue.")
        self._throughput = self._gauge("gen_throughput", "The generation throughput (token/s).")
        self._hit_rate = self._gauge("cache_hit_rate", "The prefix cache hit rate.")
        self._usage = self._gauge("token_usage", "The token usage.")
        self._full_usage = self._gauge("full_token_usage", "The token usage for full attention layers.")
        self._used = self._gauge("num_used_tokens", "The number of used tokens.")
        self._kv_used = self._gauge("kv_used_tokens", "Number of actively used token slots in the KV cache pool.")
        self._available = self._gauge("kv_available_tokens", "Number of free token slots in the KV cache pool.", self._capacity)

    def _add_counters(self) -> None:
        self._prompt_tokens = self._counter("prompt_tokens", "Number of prefill tokens processed.", *STREAMING)
        self._generated = self._counter("generation_tokens", "Number of generation tokens processed.", *STREAMING)
        self._cached_tokens = self._counter("cached_tokens", "Number of cached prompt tokens by source (device/host/storage).", "cache_source")
        self._requests = self._counter("num_requests", "Number of requests processed.", *STREAMING)
        self._aborted = self._counter("num_aborted_requests", "Number of requests aborted.")
        realtime = "Total number of tokens processed (updated on each log interval). mode: prefill_compute, prefill_cache, decode."
        self._realtime = Counter("sglang:realtime_tokens", realtime, [*self._of_rank, "mode"], registry=self._registry)
        retracted = "Total number of retracted requests."
        self._retracted = Counter("sglang:num_retracted_requests", retracted, list(self._of_rank), registry=self._registry)

    def _add_histograms(self) -> None:
        self._ttft = self._histogram("time_to_first_token_seconds", "Histogram of time to first token in seconds.", TTFT, *STREAMING)
        self._itl = self._histogram("inter_token_latency_seconds", "Histogram of inter-token latency in seconds.", ITL)
        tpot = "Per-request TPOT in seconds: (finished_time - first_token_time) / (completion_tokens - 1)."
        self._tpot = self._histogram("request_time_per_output_token_seconds", tpot, ITL, *STREAMING)
        self._e2e = self._histogram("e2e_request_latency_seconds", "Histogram of End-to-end request latency in seconds", E2E, *STREAMING)
        self._prompt_length = self._histogram("prompt_tokens_histogram", "Histogram of prompt token length.", LENGTH)
        self._uncached_length = self._histogram("uncached_prompt_tokens_histogram", "Histogram of uncached (compute) prompt token length.", LENGTH)
        self._answer_length = self._histogram("generation_tokens_histogram", "Histogram of generation token length.", LENGTH)
        ranks, registry = list(self._of_rank), self._registry
        self._queue = Histogram("sglang:queue_time_seconds", "Histogram of queueing time in seconds.", ranks, buckets=QUEUE, registry=registry)
        stages = "The latency of each stage of requests."
        self._stage = Histogram("sglang:per_stage_req_latency_seconds", stages, [*ranks, "stage"], buckets=STAGE, registry=registry)

    def _add_http(self) -> None:
        registry = self._registry
        self._http_requests = Counter(
            "sglang:http_requests", "Total number of HTTP requests by endpoint and method", ["endpoint", "method"], registry=registry
        )
        self._http_responses = Counter(
            "sglang:http_responses",
            "Total number of HTTP responses by endpoint and status code",
            ["endpoint", "status_code", "method"],
            registry=registry,
        )

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        """Gauges move with the scheduler's steps only."""

    def left(self, batching: Batching) -> None:
        self._aborted.labels(**self._of_server).inc()
        if not batching.running and not batching.waiting:
            self._set_gauges(batching)

    def stepped(self, step: Step, batching: Batching) -> None:
        self._set_gauges(batching)
        seconds = (step.end_ns - step.start_ns) / 1e9
        self._throughput.set(len(step.batch) / seconds)
        if step.preempted:
            self._retracted.labels(**self._of_rank).inc(len(step.preempted))
        for sequence in step.admitted:
            if not sequence.preemptions:
                self._prefilled(sequence)
        for sequence in step.batch:
            if sequence.last_token_ns == step.end_ns:
                self._produced(sequence)

    def _set_gauges(self, batching: Batching) -> None:
        self._running.set(len(batching.running))
        self._waiting.set(len(batching.waiting))
        used = batching.kv.usage * self._capacity
        for gauge, value in (
            (self._usage, batching.kv.usage),
            (self._full_usage, batching.kv.usage),
            (self._used, used),
            (self._kv_used, used),
            (self._available, self._capacity - used),
        ):
            gauge.set(value)

    def _prefilled(self, sequence: Sequence) -> None:
        assert sequence.scheduled_ns is not None
        computed = sequence.prompt_tokens - sequence.cached_tokens
        self._realtime.labels(**self._of_rank, mode="prefill_compute").inc(computed)
        self._realtime.labels(**self._of_rank, mode="prefill_cache").inc(sequence.cached_tokens)
        self._hit_rate.set(sequence.cached_tokens / sequence.prompt_tokens)
        self._queue.labels(**self._of_rank).observe((sequence.scheduled_ns - sequence.arrived_ns) / 1e9)

    def _produced(self, sequence: Sequence) -> None:
        assert sequence.last_token_ns is not None
        self._realtime.labels(**self._of_rank, mode="decode").inc()
        if sequence.previous_token_ns is None:
            self._ttft.labels(**self._of_server, **STREAMING).observe((sequence.last_token_ns - sequence.arrived_ns) / 1e9)
            self._stage.labels(**self._of_rank, stage="prefill_forward").observe(sequence.prefill_ns / 1e9)
        else:
            self._itl.labels(**self._of_server).observe((sequence.last_token_ns - sequence.previous_token_ns) / 1e9)

    def finished(self, sequence: Sequence) -> None:
        """Tokens are counted when a request ends (SGLang `TokenizerMetricsCollector.observe_one_finished_request`)."""
        assert sequence.last_token_ns is not None
        server, streamed = self._of_server, {**self._of_server, **STREAMING}
        self._prompt_tokens.labels(**streamed).inc(sequence.prompt_tokens)
        self._generated.labels(**streamed).inc(sequence.produced)
        if sequence.cached_tokens:
            self._cached_tokens.labels(**server, cache_source="device").inc(sequence.cached_tokens)
        self._requests.labels(**streamed).inc()
        self._e2e.labels(**streamed).observe((sequence.last_token_ns - sequence.arrived_ns) / 1e9)
        if sequence.produced > 1:
            self._tpot.labels(**streamed).observe(sequence.generation_ns / 1e9 / (sequence.produced - 1))
        self._prompt_length.labels(**server).observe(sequence.prompt_tokens)
        self._uncached_length.labels(**server).observe(sequence.prompt_tokens - sequence.cached_tokens)
        self._answer_length.labels(**server).observe(sequence.produced)

    def asked(self) -> None:
        """SGLang counts requests when they end."""

    def failed(self, kind: str) -> None:
        """What a full queue turns away is counted nowhere."""

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        self._http_requests.labels(endpoint=handler, method=method).inc()
        self._http_responses.labels(endpoint=handler, status_code=str(status), method=method).inc()

    def render(self) -> Reply:
        """Its processes share their metrics in files, where times of creation are not kept: there are no `_created` series."""
        lines = generate_latest(self._registry).splitlines(keepends=True)
        return Reply(200, b"".join(line for line in lines if b"_created" not in line), CONTENT_TYPE)

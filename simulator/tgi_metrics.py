"""TGI's own `/metrics`: every series appears with its first event, counters have no `_total`, values follow from the simulation.

Names, descriptions and buckets: TGI `router/src/server.rs::start`; format: the Rust crate metrics-exporter-prometheus.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

from simulator.batching import Batching, Sequence, Step
from simulator.options import Options
from simulator.reply import Reply

DURATION = tuple(0.0001 * 1.5**power for power in range(1, 36))
BATCH_SIZE = tuple(float(size) for size in range(1, 1025))
QUANTILES = (0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
COUNTERS = {
    "tgi_request_count": "Total number of requests",
    "tgi_request_success": "Number of successful requests",
    "tgi_request_failure": None,
    "tgi_batch_inference_count": "Inference calls per method (prefill or decode)",
    "tgi_batch_inference_success": "Number of successful inference calls per method (prefill or decode)",
    "tgi_batch_concat": None,
}
GAUGES = {
    "tgi_batch_current_size": "Current batch size",
    "tgi_queue_size": "Current queue size",
    "tgi_batch_current_max_tokens": "Maximum tokens for the current batch",
}
HISTOGRAMS = {
    "tgi_request_duration": "Total time spent processing the request",
    "tgi_request_validation_duration": "Time spent validating the request",
    "tgi_request_queue_duration": "Time spent in the queue per request",
    "tgi_request_inference_duration": "Request inference duration",
    "tgi_request_mean_time_per_token_duration": "Mean time per token per request",
    "tgi_request_generated_tokens": "Generated tokens per request",
    "tgi_request_input_length": "Input token length per request",
    "tgi_request_max_new_tokens": "Maximum new tokens per request",
    "tgi_batch_next_size": "Batch size of the next batch",
    "tgi_batch_inference_duration": "Batch inference duration",
    "tgi_batch_forward_duration": "Batch forward duration per method (prefill or decode)",
    "tgi_batch_decode_duration": "Time spent decoding a batch per method (prefill or decode)",
    "tgi_batch_filter_duration": "Time spent filtering batches and sending generated tokens per method (prefill or decode)",
}
SKIPPED = "tgi_request_skipped_tokens"
SKIPPED_HELP = "Speculated tokens per request"


@dataclass
class _Distribution:
    """One histogram series: how often a value fell into each bucket (the last is for those above all bounds), and their sum."""

    bounds: tuple[float, ...]
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def observe(self, value: float) -> None:
        if not self.counts:
            self.counts = [0] * (len(self.bounds) + 1)
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class TgiMetrics:
    """What one router exports. Batch sizes and queue lengths move with the engine's steps."""

    def __init__(self, options: Options) -> None:
        context = options.capacity.context_tokens
        hundredths = tuple(context / 100 * part for part in range(1, 101))
        self._bounds = {
            "tgi_request_generated_tokens": hundredths,
            "tgi_request_max_new_tokens": hundredths,
            "tgi_request_input_length": tuple((context - 1) / 100 * part for part in range(1, 101)),
            "tgi_batch_next_size": BATCH_SIZE,
        }
        self._counters: dict[tuple[str, str], int] = {}
        self._gauges: dict[str, float] = {}
        self._histograms: dict[tuple[str, str], _Distribution] = {}
        self._skipped = 0

    def _count(self, name: str, labels: str = "", by: int = 1) -> None:
        self._counters[name, labels] = self._counters.get((name, labels), 0) + by

    def _observe(self, name: str, value: float, labels: str = "") -> None:
        if (name, labels) not in self._histograms:
            self._histograms[name, labels] = _Distribution(self._bounds.get(name, DURATION))
        self._histograms[name, labels].observe(value)

    def asked(self) -> None:
        self._count("tgi_request_count")

    def failed(self, kind: str) -> None:
        self._count("tgi_request_failure", f'err="{kind}"')

    def submitted(self, sequence: Sequence, batching: Batching) -> None:
        self._observe("tgi_request_validation_duration", 0.0002)
        self._validated(sequence, batching)
        self._gauges["tgi_queue_size"] = len(batching.waiting)

    def _validated(self, sequence: Sequence, batching: Batching) -> None:
        """Anew for each part of an answer, which what was generated before is a prompt of."""
        self._observe("tgi_request_input_length", sequence.prompt_tokens + sequence.produced)
        self._observe("tgi_request_max_new_tokens", batching.part_ends(sequence) - sequence.produced)

    def left(self, batching: Batching) -> None:
        self._set_gauges(batching)

    def stepped(self, step: Step, batching: Batching) -> None:
        if step.admitted:
            self._observe("tgi_batch_next_size", len(step.admitted))
            self._call("prefill", step.prefill_ns)
        for sequence in step.batch:
            if sequence in batching.waiting:
                self._validated(sequence, batching)
        for sequence in step.admitted:
            assert sequence.scheduled_ns is not None
            if sequence.produced > 1:
                continue  # the wait for its first part alone is told
            self._observe("tgi_request_queue_duration", (sequence.scheduled_ns - sequence.arrived_ns) / 1e9)
        if len(step.batch) > len(step.admitted):
            self._call("decode", step.end_ns - step.start_ns - step.prefill_ns)
            self._skipped += len(step.batch) - len(step.admitted)
        if step.admitted and len(step.batch) > len(step.admitted):
            self._count("tgi_batch_concat", 'reason="backpressure"')
        self._set_gauges(batching)

    def _call(self, method: str, duration_ns: int) -> None:
        label = f'method="{method}"'
        self._count("tgi_batch_inference_count", label)
        self._count("tgi_batch_inference_success", label)
        self._observe("tgi_batch_inference_duration", duration_ns / 1e9, label)
        self._observe("tgi_batch_forward_duration", duration_ns / 1e9, label)
        self._observe("tgi_batch_decode_duration", 0.0, label)
        self._observe("tgi_batch_filter_duration", 0.0, label)

    def _set_gauges(self, batching: Batching) -> None:
        self._gauges["tgi_queue_size"] = len(batching.waiting)
        self._gauges["tgi_batch_current_size"] = len(batching.running)
        self._gauges["tgi_batch_current_max_tokens"] = sum(sequence.prompt_tokens + batching.part_ends(sequence) for sequence in batching.running)

    def finished(self, sequence: Sequence) -> None:
        assert sequence.scheduled_ns is not None
        assert sequence.last_token_ns is not None
        inference = (sequence.last_token_ns - sequence.scheduled_ns) / 1e9
        self._count("tgi_request_success")
        self._observe("tgi_request_duration", (sequence.last_token_ns - sequence.arrived_ns) / 1e9)
        self._observe("tgi_request_inference_duration", inference)
        self._observe("tgi_request_mean_time_per_token_duration", inference / sequence.produced)
        self._observe("tgi_request_generated_tokens", sequence.produced)

    def served(self, handler: str, method: str, status: int, request_bytes: int, response_bytes: int, seconds: float) -> None:
        """TGI has no metrics of HTTP."""

    def render(self) -> Reply:
        lines: list[str] = []
        for name, text in COUNTERS.items():
            series = [f"{_named(name, labels)} {value}" for (of, labels), value in self._counters.items() if of == name]
            lines += _family(name, text, "counter", series)
        for name, text in GAUGES.items():
            series = [f"{name} {value}"] if (value := self._gauges.get(name)) is not None else []
            lines += _family(name, text, "gauge", series)
        for name, text in HISTOGRAMS.items():
            found = [_buckets(name, labels, distribution) for (of, labels), distribution in self._histograms.items() if of == name]
            lines += _family(name, text, "histogram", [line for series in found for line in series])
        if self._skipped:
            quantiles = [f'{SKIPPED}{{quantile="{quantile:g}"}} 0' for quantile in QUANTILES]
            lines += _family(SKIPPED, SKIPPED_HELP, "summary", [*quantiles, f"{SKIPPED}_sum 0", f"{SKIPPED}_count {self._skipped}"])
        return Reply(200, "".join(f"{line}\n" for line in lines).encode(), "text/plain; charset=utf-8")


def _family(name: str, text: str | None, kind: str, series: list[str]) -> list[str]:
    """A family with its series and the empty line that follows; nothing at all while it has none."""
    if not series:
        return []
    described = [f"# HELP {name} {text}"] if text else []
    return [*described, f"# TYPE {name} {kind}", *series, ""]


def _named(name: str, labels: str) -> str:
    return f"{name}{{{labels}}}" if labels else name


def _buckets(name: str, labels: str, distribution: _Distribution) -> list[str]:
    before = f"{labels}," if labels else ""
    running = 0
    lines = []
    for bound, count in zip((*map(str, distribution.bounds), "+Inf"), distribution.counts, strict=True):
        running += count
        lines.append(f'{name}_bucket{{{before}le="{bound}"}} {running}')
    return [*lines, f"{_named(name + '_sum', labels)} {distribution.total}", f"{_named(name + '_count', labels)} {running}"]

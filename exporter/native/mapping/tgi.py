"""TGI's numbers. Names and meanings: TGI `router/src/server.rs` and `router/src/infer/mod.rs`; those of batches, `backends/v3/src`.

Counters have no `_total`, and every series appears with its first event. `tgi_request_count` is not used: it counts a chat twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from catalogue import unified
from catalogue.metric import Metric
from exporter.native.families import Family
from exporter.native.mapping.source import Source, Value, label, total

_PREFIX = "tgi_"
_GAUGES: dict[Metric, str] = {unified.REQUESTS_RUNNING: "tgi_batch_current_size", unified.REQUESTS_WAITING: "tgi_queue_size"}
_HISTOGRAMS: dict[Metric, tuple[str, tuple[str, str] | None]] = {
    unified.ITL: ("tgi_batch_inference_duration", ("method", "decode")),
    unified.E2E: ("tgi_request_duration", None),
    unified.QUEUE: ("tgi_request_queue_duration", None),
    unified.PREFILL: ("tgi_batch_forward_duration", ("method", "prefill")),
    unified.VALIDATION: ("tgi_request_validation_duration", None),
}
_SUMS_OF: dict[Metric, str] = {unified.PROMPT_TOKENS: "tgi_request_input_length", unified.GENERATION_TOKENS: "tgi_request_generated_tokens"}
_OVERLOADED = "overloaded"
_NOT_THE_ENGINES_FAULT = ("validation", "template", "dropped")


def mapped(families: Sequence[Family]) -> Iterator[tuple[Metric, Value | None]]:
    """Each metric that this TGI has; None for one whose numbers cannot be. What the router counts is 0 once it told anything, gauges and
    histograms are there when it told of them."""
    source = Source(families)
    if not source.begins(_PREFIX):
        return
    for metric, name in _GAUGES.items():
        if samples := source.samples(name):
            yield metric, total(samples)
    for metric, (name, method) in _HISTOGRAMS.items():
        yield metric, source.histogram(name, label=method)
    for metric, name in _SUMS_OF.items():
        yield metric, _observed(source, name)
    yield unified.REQUESTS_SUCCEEDED, total(source.samples("tgi_request_success"))
    yield unified.REQUESTS_REJECTED, _failures(source, lambda err: err == _OVERLOADED)
    yield unified.REQUESTS_FAILED, _failures(source, lambda err: err not in (_OVERLOADED, *_NOT_THE_ENGINES_FAULT))


def _observed(source: Source, name: str) -> float | None:
    """The sum of a histogram's observations."""
    if not source.begins(name):
        return 0.0
    histogram = source.histogram(name)
    return None if histogram is None else histogram.total


def _failures(source: Source, wanted: Callable[[str], bool]) -> float | None:
    return total(sample for sample in source.samples("tgi_request_failure") if wanted(label(sample, "err")))

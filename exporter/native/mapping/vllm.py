"""vLLM's numbers, of versions 0.6 to 0.32. Names and meanings: vLLM `v1/metrics/loggers.py` and `stats.py`; before 0.9, `engine/metrics.py`.

The series of data-parallel ranks (label `engine`) are added up: they are one engine to whoever chats with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalogue import unified
from catalogue.metric import Metric
from exporter.native.families import Family, Sample
from exporter.native.mapping.histogram import is_amount
from exporter.native.mapping.source import Source, Value, label, total

_SUMS: dict[Metric, tuple[str, ...]] = {
    unified.REQUESTS_RUNNING: ("vllm:num_requests_running",),
    unified.REQUESTS_WAITING: ("vllm:num_requests_waiting",),
    unified.PROMPT_TOKENS: ("vllm:prompt_tokens_total",),
    unified.GENERATION_TOKENS: ("vllm:generation_tokens_total",),
    unified.REQUESTS_REJECTED: ("vllm:admission_rejections_total",),
    unified.PREEMPTIONS: ("vllm:num_preemptions_total",),
    unified.SPEC_DECODE_DRAFTS: ("vllm:spec_decode_num_drafts_total",),
    unified.SPEC_DECODE_DRAFT_TOKENS: ("vllm:spec_decode_num_draft_tokens_total",),
    unified.SPEC_DECODE_ACCEPTED_TOKENS: ("vllm:spec_decode_num_accepted_tokens_total",),
}
_PREFIX_CACHE: dict[Metric, tuple[str, ...]] = {
    unified.PREFIX_CACHE_HITS: ("vllm:prefix_cache_hits_total", "vllm:gpu_prefix_cache_hits_total"),
    unified.PREFIX_CACHE_QUERIES: ("vllm:prefix_cache_queries_total", "vllm:gpu_prefix_cache_queries_total"),
}
_HISTOGRAMS: dict[Metric, tuple[str, ...]] = {
    unified.TTFT: ("vllm:time_to_first_token_seconds",),
    # The older name is not that of a request's mean: it has one observation for each output too.
    unified.ITL: ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds"),
    unified.TPOT: ("vllm:request_time_per_output_token_seconds",),
    unified.E2E: ("vllm:e2e_request_latency_seconds",),
    unified.QUEUE: ("vllm:request_queue_time_seconds", "vllm:time_in_queue_requests"),
    unified.PREFILL: ("vllm:request_prefill_time_seconds",),
    unified.DECODE: ("vllm:request_decode_time_seconds",),
}
_KV_CACHE_USAGE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_ENDED = "vllm:request_success_total"
_UNFINISHED = ("abort", "error")


def mapped(families: Sequence[Family]) -> Iterator[tuple[Metric, Value | None]]:
    """Each metric that this vLLM has; None for one whose numbers cannot be."""
    source = Source(families)
    for metric, names in _SUMS.items():
        if samples := source.samples(*names):
            yield metric, total(samples)
    for metric, names in _PREFIX_CACHE.items():
        # Until 0.8 they counted blocks, and only the help says so.
        if (samples := source.samples(*names)) and "block" not in source.help(*names):
            yield metric, total(samples)
    for metric, names in _HISTOGRAMS.items():
        yield metric, source.histogram(*names)
    yield unified.KV_CACHE_USAGE, _fullest(source.samples(*_KV_CACHE_USAGE))
    yield unified.KV_CACHE_CAPACITY, _capacity(source.samples("vllm:cache_config_info"))
    yield from _ends(source)


def _ends(source: Source) -> Iterator[tuple[Metric, Value | None]]:
    """Older versions have no series for a reason before a request ended by it."""
    ended = source.samples(_ENDED)
    if ended or source.samples("vllm:generation_tokens_total"):
        yield unified.REQUESTS_SUCCEEDED, total(sample for sample in ended if label(sample, "finished_reason") not in _UNFINISHED)
        yield unified.REQUESTS_FAILED, total(sample for sample in ended if label(sample, "finished_reason") in _UNFINISHED)


def _fullest(usages: Sequence[Sample]) -> float | None:
    values = [usage.value for usage in usages]
    return max(values) if values and all(0 <= value <= 1 for value in values) else None


def _capacity(configurations: Sequence[Sample]) -> float | None:
    """In tokens, of all ranks. Labels change with the version, and while an engine starts: a rank's number is the last that it has one in."""
    ranks: dict[str, float | None] = {}
    for configuration in configurations:
        rank = label(configuration, "engine")
        ranks[rank] = _tokens(configuration) or ranks.get(rank)
    known = [tokens for tokens in ranks.values() if tokens is not None]
    whole = sum(known)
    return whole if known and len(known) == len(ranks) and is_amount(whole) else None


def _tokens(configuration: Sample) -> float | None:
    """Of a model with several kinds of layers, blocks x block size is not the number of tokens: vLLM's own number comes first."""
    stated = _size(label(configuration, "kv_cache_size_tokens"))
    blocks, block_tokens = _size(label(configuration, "num_gpu_blocks")), _size(label(configuration, "block_size"))
    if stated is not None or blocks is None or block_tokens is None:
        return stated
    return blocks * block_tokens


def _size(text: str) -> float | None:
    """A number above 0; None for what is none, as Python writes it too."""
    try:
        size = float(text)
    except ValueError:
        return None
    return size if is_amount(size) and size > 0 else None

"""`chatprobe_native_*`: the numbers that all engines have under one name.

What a number is stands here. What it is with each engine stands in the engine's own file, and is joined to the help
text. An engine that a help text does not name has no such series.

An engine's own histograms keep the engine's buckets. Histograms that are counted from chatprobe's own chats have the
buckets stated here.
"""

from __future__ import annotations

from typing import Literal

from catalogue import buckets
from catalogue.buckets import Buckets
from catalogue.metric import REPLICA, TARGET_LABELS, Metric
from probes import backends
from probes.numbers.number import Number
from probes.wording import listed

PREFIX = "chatprobe_native_"
LABELS = (*TARGET_LABELS, REPLICA)
"""`replica` only where a target lists several processes."""

METRICS: dict[Number, Metric] = {}
"""All of them, in the order of this page."""


def _of(number: Number, kind: Literal["counter", "gauge", "histogram"], meaning: str, chosen: Buckets | None = None) -> Metric:
    told = [f"{backend.title}: {help}" for backend in backends.BACKENDS.values() if (help := backend.help_of(number))]
    METRICS[number] = Metric(f"{PREFIX}{number}", kind, " ".join((meaning, *told)), LABELS, chosen)
    return METRICS[number]


REQUESTS_RUNNING = _of(Number.REQUESTS_RUNNING, "gauge", "Requests that the engine works on.")
REQUESTS_WAITING = _of(Number.REQUESTS_WAITING, "gauge", "Requests that wait for the engine to begin.")
KV_CACHE_USAGE = _of(Number.KV_CACHE_USAGE, "gauge", "Share of the KV cache that is taken, from 0 to 1.")
KV_CACHE_CAPACITY = _of(Number.KV_CACHE_CAPACITY, "gauge", "Tokens that the KV cache can hold.")
PREFIX_CACHE_HITS = _of(Number.PREFIX_CACHE_HITS, "counter", "Prompt tokens that were found in the prefix cache.")
PREFIX_CACHE_QUERIES = _of(Number.PREFIX_CACHE_QUERIES, "counter", "Prompt tokens that were looked up in the prefix cache.")
PROMPT_TOKENS = _of(Number.PROMPT_TOKENS, "counter", "Prompt tokens by the engine's own count, cached ones included.")
GENERATION_TOKENS = _of(Number.GENERATION_TOKENS, "counter", "Generated tokens by the engine's own count.")
REQUESTS_SUCCEEDED = _of(Number.REQUESTS_SUCCEEDED, "counter", "Requests that the engine answered to their end.")
REQUESTS_FAILED = _of(
    Number.REQUESTS_FAILED,
    "counter",
    "Requests that the engine took on and did not answer to their end; "
    "neither those that it rejected, nor those whose client was at fault or went away.",
)
REQUESTS_REJECTED = _of(Number.REQUESTS_REJECTED, "counter", "Requests that the engine refused because too many others were there.")
PREEMPTIONS = _of(Number.PREEMPTIONS, "counter", "How often a running request was put back because the KV cache was full.")
SPEC_DECODE_DRAFTS = _of(Number.SPEC_DECODE_DRAFTS, "counter", "Steps of speculative decoding.")
SPEC_DECODE_DRAFT_TOKENS = _of(Number.SPEC_DECODE_DRAFT_TOKENS, "counter", "Tokens that were proposed by speculative decoding.")
SPEC_DECODE_ACCEPTED_TOKENS = _of(Number.SPEC_DECODE_ACCEPTED_TOKENS, "counter", "Proposed tokens that were accepted.")

TTFT = _of(Number.TTFT, "histogram", "Time to first token as the engine saw it.", buckets.FIRST_TOKEN)
ITL = _of(Number.ITL, "histogram", "Time between outputs of the engine.", buckets.TOKEN)
TPOT = _of(Number.TPOT, "histogram", "Time per output token after the first, once for each request that ended.", buckets.TOKEN)
E2E = _of(Number.E2E, "histogram", "A whole request as the engine saw it.", buckets.WHOLE_CHAT)
QUEUE = _of(Number.QUEUE, "histogram", "How long a request waited for the engine to begin.", buckets.WAIT)
PREFILL = _of(Number.PREFILL, "histogram", "Work on the prompt.", buckets.WAIT)
DECODE = _of(Number.DECODE, "histogram", "From the first token to the last.", buckets.WHOLE_CHAT)
VALIDATION = _of(Number.VALIDATION, "histogram", "Tokenization and validation before the queue.")
LOAD = _of(Number.LOAD, "histogram", "Until the model was ready.", buckets.LOAD)

MODEL_MEMORY = _of(Number.MODEL_MEMORY, "gauge", "Memory that a loaded model takes, on GPUs or not.")
MODEL_VRAM = _of(Number.MODEL_VRAM, "gauge", "Memory that a loaded model takes on GPUs.")
MODEL_EXPIRY = _of(Number.MODEL_EXPIRY, "gauge", "When an idle model is unloaded, in seconds since the epoch; not kept up while a request runs.")
CONTEXT_TOKENS = _of(Number.CONTEXT_TOKENS, "gauge", "Tokens of context that one request can have.")


def engines_that_tell(metric: Metric) -> str:
    """The engines that have one of these metrics, as people write them."""
    number = next(number for number, each in METRICS.items() if each is metric)
    return listed(backends.titles(lambda backend: backend.help_of(number)))


NATIVE: tuple[Metric, ...] = tuple(METRICS.values())

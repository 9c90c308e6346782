"""TGI's metrics, of version 3.3. Names and meanings: TGI `router/src/server.rs`, `router/src/infer/mod.rs`,
`backends/v3/src`.

Counters have no `_total`. A series appears with its first event. Those of the queue and of batches need TGI's own
backend. All durations have the buckets 0.0001 x 1.5^k seconds, k from 1 to 35.
"""

from __future__ import annotations

from typing import Literal

from catalogue.engine_metric import RELAY_LABELS, EngineMetric

METHOD, ERR, REASON = "method", "err", "reason"
QUANTILE = "quantile"
PREFILLING, DECODING = "prefill", "decode"
"""The values of `method`."""


def _one(name: str, kind: Literal["counter", "gauge", "histogram", "summary"], help: str, *labels: str, condition: str = "") -> EngineMetric:
    return EngineMetric(f"tgi_{name}", kind, help, (*RELAY_LABELS, *labels), since="3.3", condition=condition)


ASKED = _one("request_count", "counter", "Requests; a chat counts two or three times.")
SUCCEEDED = _one("request_success", "counter", "Requests that were answered to their end.")
FAILED = _one(
    "request_failure", "counter", "Those that were not: `overloaded`, `validation`, `template`, `incomplete`, `generation`, `dropped`.", ERR
)

E2E = _one("request_duration", "histogram", "A whole request; successes only.")
VALIDATION = _one("request_validation_duration", "histogram", "Tokenization and validation before the queue.")
QUEUE = _one("request_queue_duration", "histogram", "From queued to put into a batch.")
INFERENCE = _one("request_inference_duration", "histogram", "From put into a batch to the end.")
MEAN_TOKEN = _one("request_mean_time_per_token_duration", "histogram", "Inference by generated tokens, so that it includes the prefill.")
ANSWER_LENGTH = _one("request_generated_tokens", "histogram", "Generated tokens of a request; successes only.")
PROMPT_LENGTH = _one("request_input_length", "histogram", "Prompt tokens of a validated request, again for each 1,024 tokens of its answer.")
ASKED_LENGTH = _one("request_max_new_tokens", "histogram", "Tokens that a request asked for, at most 1,024.")
SKIPPED = _one("request_skipped_tokens", "summary", "Tokens that speculation gave, for each decode of a request.", QUANTILE)

QUEUED = _one("queue_size", "gauge", "Requests in the router's queue.")
BATCH_SIZE = _one("batch_current_size", "gauge", "Requests in the batch that decodes; 0 during the first prefill of an idle server.")
BATCH_TOKENS = _one("batch_current_max_tokens", "gauge", "Tokens that are reserved for that batch.")
NEXT_SIZE = _one("batch_next_size", "histogram", "Requests of each new batch to prefill.")
CALLS = _one("batch_inference_count", "counter", "Calls of the model.", METHOD)
CALLS_SUCCEEDED = _one("batch_inference_success", "counter", "Those that succeeded.", METHOD)
CALLS_FAILED = _one("batch_inference_failure", "counter", "Those that failed.", METHOD)
CALL = _one("batch_inference_duration", "histogram", "A whole call; that of `decode` is near to the time between two tokens.", METHOD)
FORWARD = _one("batch_forward_duration", "histogram", "The model's forward pass of a call.", METHOD)
DECODE = _one("batch_decode_duration", "histogram", "Turning tokens into text in a call.", METHOD)
FILTER = _one("batch_filter_duration", "histogram", "Taking finished requests out of the batch, and sending.", METHOD)
CONCAT = _one("batch_concat_duration", "histogram", "Bringing batches together.", METHOD, condition="requests that overlap")
CONCATS = _one("batch_concat", "counter", "Batches that were brought together: `backpressure`, `chunking`, `wait_exceeded`.", REASON)

TGI: tuple[EngineMetric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, EngineMetric))
"""All of them, in the order of this page."""

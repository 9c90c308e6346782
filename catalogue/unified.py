"""The engines' own numbers under one name for all of them: what each is, for each engine that offers it.

An engine that a help text does not mention offers no such number, and has no such series. The histograms of vLLM and TGI keep the buckets that the
engine chose; those of Ollama, which has no metrics, are observed from the chats that chatprobe sends, and have the buckets stated here.
"""

from __future__ import annotations

from catalogue import buckets
from catalogue.metric import REPLICA, TARGET_LABELS, Metric

LABELS = (*TARGET_LABELS, REPLICA)
"""`replica` only where a target lists several processes."""

REQUESTS_RUNNING = Metric(
    "chatprobe_native_requests_running",
    "gauge",
    "Requests that the engine works on. vLLM: num_requests_running, all data-parallel ranks together. "
    "TGI: the current batch, 0 during the first prefill of an idle server.",
    LABELS,
)
REQUESTS_WAITING = Metric(
    "chatprobe_native_requests_waiting",
    "gauge",
    "Requests that wait for the engine to begin. vLLM: num_requests_waiting, all data-parallel ranks together. TGI: the router's queue.",
    LABELS,
)
KV_CACHE_USAGE = Metric(
    "chatprobe_native_kv_cache_usage_ratio",
    "gauge",
    "Share of the KV cache that is taken, from 0 to 1. vLLM: of the fullest data-parallel rank, as a mean would hide a full one.",
    LABELS,
)
KV_CACHE_CAPACITY = Metric(
    "chatprobe_native_kv_cache_capacity_tokens",
    "gauge",
    "Tokens that the KV cache can hold. vLLM: kv_cache_size_tokens of its cache configuration, all data-parallel ranks together; "
    "of older versions derived, num_gpu_blocks x block_size.",
    LABELS,
)
PREFIX_CACHE_HITS = Metric(
    "chatprobe_native_prefix_cache_hit_tokens_total",
    "counter",
    "Prompt tokens that were found in the prefix cache. vLLM: versions that count tokens; those that counted blocks are left out.",
    LABELS,
)
PREFIX_CACHE_QUERIES = Metric(
    "chatprobe_native_prefix_cache_query_tokens_total",
    "counter",
    "Prompt tokens that were looked up in the prefix cache. vLLM: versions that count tokens; those that counted blocks are left out.",
    LABELS,
)
PROMPT_TOKENS = Metric(
    "chatprobe_native_prompt_tokens_total",
    "counter",
    "Prompt tokens by the engine's own count, cached ones included. vLLM: when their prefill is over. TGI: derived from a histogram's sum, when a "
    "request is validated, and again for each 1,024 tokens of its answer. Ollama: when they end, of chatprobe's own chats only.",
    LABELS,
)
GENERATION_TOKENS = Metric(
    "chatprobe_native_generation_tokens_total",
    "counter",
    "Generated tokens by the engine's own count. vLLM: as they come. TGI: derived from a histogram's sum, when a request ends, successes only. "
    "Ollama: of chatprobe's own chats only, when they end.",
    LABELS,
)
REQUESTS_SUCCEEDED = Metric(
    "chatprobe_native_requests_succeeded_total",
    "counter",
    "Requests that the engine answered to their end. vLLM: request_success, but for the finished_reason abort and error. TGI: request_success.",
    LABELS,
)
REQUESTS_FAILED = Metric(
    "chatprobe_native_requests_failed_total",
    "counter",
    "Requests that the engine took on and did not answer to their end; neither those that it rejected, nor those whose client was at fault or went "
    "away. vLLM: the finished_reason abort and error. TGI: request_failure, but for the err overloaded, validation, template and dropped.",
    LABELS,
)
REQUESTS_REJECTED = Metric(
    "chatprobe_native_requests_rejected_total",
    "counter",
    "Requests that the engine refused because too many others were there. vLLM: admission_rejections. TGI: request_failure with the err overloaded.",
    LABELS,
)
PREEMPTIONS = Metric(
    "chatprobe_native_preemptions_total",
    "counter",
    "How often a running request was put back because the KV cache was full. vLLM: num_preemptions.",
    LABELS,
)
SPEC_DECODE_DRAFTS = Metric(
    "chatprobe_native_spec_decode_drafts_total",
    "counter",
    "Steps of speculative decoding. vLLM: spec_decode_num_drafts, where it speculates.",
    LABELS,
)
SPEC_DECODE_DRAFT_TOKENS = Metric(
    "chatprobe_native_spec_decode_draft_tokens_total",
    "counter",
    "Tokens that were proposed by speculative decoding. vLLM: spec_decode_num_draft_tokens, where it speculates.",
    LABELS,
)
SPEC_DECODE_ACCEPTED_TOKENS = Metric(
    "chatprobe_native_spec_decode_accepted_tokens_total",
    "counter",
    "Proposed tokens that were accepted. vLLM: spec_decode_num_accepted_tokens, where it speculates.",
    LABELS,
)

TTFT = Metric(
    "chatprobe_native_ttft_seconds",
    "histogram",
    "Time to first token as the engine saw it. vLLM: from the start of tokenization until its frontend had the first output; "
    "queue included, parsing of the request and network left out.",
    LABELS,
)
ITL = Metric(
    "chatprobe_native_inter_token_latency_seconds",
    "histogram",
    "Time between outputs of the engine. vLLM: once for each output of each request, which may be several tokens. TGI: each decode call of the batch "
    "once, however many requests are in it. Ollama: between its own stamps of consecutive pieces of an answer, of chatprobe's own chats only.",
    LABELS,
    buckets.TOKEN,
)
TPOT = Metric(
    "chatprobe_native_time_per_output_token_seconds",
    "histogram",
    "Time per output token after the first, once for each request that ended. vLLM: 0 for answers of one token. "
    "Ollama: derived, eval_duration / (eval_count - 1), of chatprobe's own chats only.",
    LABELS,
    buckets.TOKEN,
)
E2E = Metric(
    "chatprobe_native_e2e_seconds",
    "histogram",
    "A whole request as the engine saw it. vLLM: requests that ended. TGI: successes only. "
    "Ollama: total_duration, loading included, of chatprobe's own chats only.",
    LABELS,
    buckets.WHOLE_CHAT,
)
QUEUE = Metric(
    "chatprobe_native_queue_seconds",
    "histogram",
    "How long a request waited for the engine to begin. vLLM: from queued to first scheduled. TGI: from queued to put into a batch, "
    "the first 1,024 tokens of an answer only.",
    LABELS,
)
PREFILL = Metric(
    "chatprobe_native_prefill_seconds",
    "histogram",
    "Work on the prompt. vLLM: from first scheduled to the first token, for each request. TGI: derived, each forward pass of a prefill batch once. "
    "Ollama: prompt_eval_duration, the part that was not cached, of chatprobe's own chats only.",
    LABELS,
    buckets.FIRST_TOKEN,
)
DECODE = Metric(
    "chatprobe_native_decode_seconds",
    "histogram",
    "From the first token to the last. vLLM: for each request that ended. Ollama: eval_duration, of chatprobe's own chats only.",
    LABELS,
    buckets.WHOLE_CHAT,
)
VALIDATION = Metric(
    "chatprobe_native_validation_seconds",
    "histogram",
    "Tokenization and validation before the queue. TGI: request_validation_duration.",
    LABELS,
)
LOAD = Metric(
    "chatprobe_native_load_seconds",
    "histogram",
    "Until the model was ready. Ollama: load_duration, a few milliseconds for a loaded model, waiting for others to be unloaded included; "
    "of chatprobe's own chats only.",
    LABELS,
    buckets.LOAD,
)

MODEL_MEMORY = Metric(
    "chatprobe_native_model_memory_bytes",
    "gauge",
    "Memory that a loaded model takes, on GPUs or not. Ollama: every model that is loaded, others than the target's by the name that it gives them.",
    (*TARGET_LABELS, REPLICA),
)
MODEL_VRAM = Metric(
    "chatprobe_native_model_vram_bytes",
    "gauge",
    "Memory that a loaded model takes on GPUs. Ollama: every model that is loaded.",
    (*TARGET_LABELS, REPLICA),
)
MODEL_EXPIRY = Metric(
    "chatprobe_native_model_expiry_timestamp_seconds",
    "gauge",
    "When an idle model is unloaded, in seconds since the epoch; not kept up while a request runs. Ollama: every model that is loaded.",
    (*TARGET_LABELS, REPLICA),
)
CONTEXT_TOKENS = Metric(
    "chatprobe_native_context_tokens",
    "gauge",
    "Tokens of context that one request can have. Ollama: every model that is loaded.",
    (*TARGET_LABELS, REPLICA),
)

NATIVE: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in the order of this page."""

"""The closed list of numbers that engines tell of themselves, under one name for all engines."""

from __future__ import annotations

from enum import StrEnum


class Number(StrEnum):
    """One number. Its value is the name of its metric without `chatprobe_native_`. `catalogue.unified` says what it
    means.
    """

    REQUESTS_RUNNING = "requests_running"
    REQUESTS_WAITING = "requests_waiting"
    KV_CACHE_USAGE = "kv_cache_usage_ratio"
    KV_CACHE_CAPACITY = "kv_cache_capacity_tokens"
    PREFIX_CACHE_HITS = "prefix_cache_hit_tokens_total"
    PREFIX_CACHE_QUERIES = "prefix_cache_query_tokens_total"
    PROMPT_TOKENS = "prompt_tokens_total"
    GENERATION_TOKENS = "generation_tokens_total"
    REQUESTS_SUCCEEDED = "requests_succeeded_total"
    REQUESTS_FAILED = "requests_failed_total"
    REQUESTS_REJECTED = "requests_rejected_total"
    PREEMPTIONS = "preemptions_total"
    SPEC_DECODE_DRAFTS = "spec_decode_drafts_total"
    SPEC_DECODE_DRAFT_TOKENS = "spec_decode_draft_tokens_total"
    SPEC_DECODE_ACCEPTED_TOKENS = "spec_decode_accepted_tokens_total"
    TTFT = "ttft_seconds"
    ITL = "inter_token_latency_seconds"
    TPOT = "time_per_output_token_seconds"
    E2E = "e2e_seconds"
    QUEUE = "queue_seconds"
    PREFILL = "prefill_seconds"
    DECODE = "decode_seconds"
    VALIDATION = "validation_seconds"
    LOAD = "load_seconds"
    MODEL_MEMORY = "model_memory_bytes"
    MODEL_VRAM = "model_vram_bytes"
    MODEL_EXPIRY = "model_expiry_timestamp_seconds"
    CONTEXT_TOKENS = "context_tokens"

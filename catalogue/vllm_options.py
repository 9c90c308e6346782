"""vLLM's metrics that an installation has only with some option, as vLLM 0.32 registers them.

Above each group stands the file that registers it, below vLLM's own folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from catalogue.engine_metric import RELAY_LABELS, EngineMetric
from catalogue.vllm import MODEL_NAME, RANK_LABELS

POSITION, OPERATION, STATUS, TIER = "position", "operation", "status", "tier"
_Kind = Literal["counter", "gauge", "histogram"]


def _one(
    name: str, kind: _Kind, help: str, condition: str, labels: tuple[str, ...] = RANK_LABELS, since: str = "0.32", until: str = ""
) -> EngineMetric:
    return EngineMetric(f"vllm:{name}", kind, help, labels, since=since, until=until, condition=condition)


_SPECULATES = "speculative decoding"
DRAFTS = _one("spec_decode_num_drafts_total", "counter", "Steps of speculative decoding.", _SPECULATES, since="0.10")
DRAFT_TOKENS = _one("spec_decode_num_draft_tokens_total", "counter", "Tokens that were proposed.", _SPECULATES, since="0.6")
ACCEPTED_TOKENS = _one("spec_decode_num_accepted_tokens_total", "counter", "Proposed tokens that were accepted.", _SPECULATES, since="0.6")
ACCEPTED_BY_POSITION = _one(
    "spec_decode_num_accepted_tokens_per_pos_total", "counter", "Those by their place in the draft, from 0.", _SPECULATES, (*RANK_LABELS, POSITION)
)
EMITTED_TOKENS = _one("spec_decode_num_emitted_tokens_total", "counter", "Tokens that speculation gave.", _SPECULATES, since="0.6", until="0.6")
ACCEPTANCE_RATE = _one("spec_decode_draft_acceptance_rate", "gauge", "Share that was accepted.", _SPECULATES, since="0.6", until="0.6")
EFFICIENCY = _one("spec_decode_efficiency", "gauge", "Tokens given, as a share of those possible.", _SPECULATES, since="0.6", until="0.6")

_SAMPLED = "--kv-cache-metrics"
BLOCK_LIFETIME = _one("kv_block_lifetime_seconds", "histogram", "Life of a block of the KV cache, until it is evicted; of a sample.", _SAMPLED)
BLOCK_IDLE = _one("kv_block_idle_before_evict_seconds", "histogram", "How long a block was idle before it was evicted; of a sample.", _SAMPLED)
BLOCK_REUSE = _one("kv_block_reuse_gap_seconds", "histogram", "Between two uses of a block; of a sample.", _SAMPLED)

LORA = EngineMetric(
    "vllm:lora_requests_info",
    "gauge",
    "LoRA adapters that run and wait, in labels; the value is when that was, in seconds since the epoch.",
    (*RELAY_LABELS, "max_lora", "running_lora_adapters", "waiting_lora_adapters"),
    condition="LoRA",
)
CORRUPTED = _one("corrupted_requests_total", "counter", "Requests with NaN in their logits.", "VLLM_COMPUTE_NANS_IN_LOGITS")


def _group(condition: str, labels: tuple[str, ...], **families: str) -> Iterator[EngineMetric]:
    """Families that need one condition, by kind: names separated by blanks, without `vllm:`."""
    for kind in ("counter", "gauge", "histogram"):
        for name in families.get(kind, "").split():
            yield _one(name, kind, f"See vLLM's documentation of {condition}.", condition, labels)


_OTHERS = (
    # v1/metrics/loggers.py
    *_group("KV connectors", (*RANK_LABELS, "stage"), gauge="num_requests_kv_fetch_by_stage"),
    *_group("watermark_config", (*RANK_LABELS, STATUS), counter="watermark_requests_total"),
    # v1/spec_decode/metrics.py
    *_group(
        "diffusion models",
        RANK_LABELS,
        counter="diffusion_num_denoising_steps_total diffusion_num_canvas_positions_total diffusion_num_committed_tokens_total",
    ),
    # parser/metrics.py
    *_group("--tool-call-parser", (*RELAY_LABELS, MODEL_NAME, "mode", "outcome", "request_type"), counter="tool_call_parser_invocations_total"),
    # entrypoints/serve/dev/sleep/metrics.py, entrypoints/rl/online/metrics.py
    *_group(
        "sleep mode and weight updates",
        (*RELAY_LABELS, OPERATION),
        histogram="sleep_mode_operation_duration_seconds rl_weight_update_operation_duration_seconds",
        gauge="sleep_mode_operations_in_flight rl_weight_update_operations_in_flight",
    ),
    # entrypoints/speech_to_text/realtime/metrics.py
    *_group(
        "realtime transcription",
        RELAY_LABELS,
        gauge="websocket_connections_active",
        counter="websocket_connections_total",
        histogram="websocket_connection_duration_seconds",
    ),
    # distributed/kv_transfer/kv_connector/v1/nixl/stats.py
    *_group(
        "the NIXL connector",
        RANK_LABELS,
        histogram="nixl_xfer_time_seconds nixl_post_time_seconds nixl_bytes_transferred nixl_num_descriptors",
        counter="nixl_num_failed_transfers_total nixl_num_failed_notifications_total nixl_num_kv_expired_reqs_total "
        "nixl_num_notifications_after_expiry_total",
    ),
    # distributed/kv_transfer/kv_connector/v1/offloading/metrics.py, v1/kv_offload/cpu/common.py
    *_group(
        "the offloading connector",
        RANK_LABELS,
        counter="kv_offload_load_bytes_total kv_offload_load_time_total kv_offload_store_bytes_total kv_offload_store_time_total "
        "kv_offload_allocation_failure_total kv_offload_stores_skipped_total",
        histogram="kv_offload_load_size kv_offload_store_size kv_offload_lookup_sync_delay_seconds kv_offload_lookup_async_delay_seconds "
        "kv_offload_cpu_allocation_size",
        gauge="kv_offload_cpu_cache_usage_perc kv_offload_cpu_cache_write_usage_perc kv_offload_cpu_cache_read_usage_perc",
    ),
    *_group(
        "the offloading connector, by direction",
        (*RANK_LABELS, "transfer_type"),
        counter="kv_offload_total_bytes_total kv_offload_total_time_total",
        histogram="kv_offload_size",
    ),
    # v1/kv_offload/tiering/base.py
    *_group(
        "tiered offloading",
        (*RANK_LABELS, TIER),
        histogram="kv_offload_tiering_lookup_sync_delay_seconds kv_offload_tiering_lookup_async_delay_seconds",
        counter="kv_offload_tiering_read_bytes_total kv_offload_tiering_read_time_total kv_offload_tiering_write_bytes_total "
        "kv_offload_tiering_write_time_total kv_offload_tiering_promotion_job_failures_total kv_offload_tiering_cascade_job_failures_total "
        "kv_offload_tiering_chunk_queries_total kv_offload_tiering_chunk_hits_total kv_offload_tiering_promotion_allocation_failures_total "
        "kv_offload_tiering_backpressure_stores_dropped_total kv_offload_tiering_backpressure_blocks_dropped_total",
        gauge="kv_offload_tiering_primary_write_usage_perc kv_offload_tiering_primary_read_usage_perc kv_offload_tiering_active_promotion_jobs "
        "kv_offload_tiering_active_cascade_jobs kv_offload_tiering_backpressure_store_latency_ema",
    ),
    # v1/simple_kv_offload/metrics.py
    *_group("simple offloading by outcome", (*RANK_LABELS, "outcome"), counter="simple_kv_offload_save_outcomes_total"),
    *_group(
        "simple offloading",
        RANK_LABELS,
        counter="simple_kv_offload_load_blocks_total",
        gauge="simple_kv_offload_used_blocks simple_kv_offload_pending_store_blocks",
    ),
    *_group(
        "simple offloading, in labels",
        (*RANK_LABELS, "exported_backend", "page_cache", "lazy_offload", "capacity_blocks"),
        gauge="simple_kv_offload_info",
    ),
    # distributed/kv_transfer/kv_connector/v1/mooncake/store/metrics.py
    *_group(
        "the Mooncake store",
        (*RANK_LABELS, OPERATION, STATUS),
        histogram="mooncake_store_operation_time_seconds",
        counter="mooncake_store_operation_total mooncake_store_operation_keys_total mooncake_store_operation_bytes_total "
        "mooncake_store_operation_failed_keys_total",
    ),
    # distributed/kv_transfer/kv_connector/v1/hf3fs/hf3fs_connector.py
    *_group(
        "the HF3FS connector",
        RANK_LABELS,
        histogram="hf3fs_save_duration_seconds hf3fs_load_duration_seconds",
        counter="hf3fs_num_failed_save_total hf3fs_num_failed_load_total",
    ),
    # distributed/kv_transfer/kv_connector/v1/hisparse/stats.py
    *_group(
        "HiSparse",
        RANK_LABELS,
        counter="hisparse_cache_hits_total hisparse_cache_misses_total hisparse_host_to_device_bytes_total",
        gauge="hisparse_host_cache_usage_perc hisparse_pending_page_transfers",
        histogram="hisparse_host_block_lifetime_seconds hisparse_host_block_idle_before_evict_seconds hisparse_host_block_reuse_gap_seconds",
    ),
)

VLLM_OPTIONS: tuple[EngineMetric, ...] = (*(value for value in list(globals().values()) if isinstance(value, EngineMetric)), *_OTHERS)
"""All of them; those that no dashboard shows have no name here."""

"""The metrics of one chat that was asked for at `/probe`: gauges without labels of targets, which Prometheus adds by relabelling."""

from __future__ import annotations

from catalogue.metric import Metric
from probes.record import PHASES

SUCCESS = Metric("probe_success", "gauge", "Whether the chat went well.")
DURATION = Metric("probe_duration_seconds", "gauge", "How long the probe took, with what was asked of the engine before the chat.")
FAILED = Metric("probe_failed", "gauge", "1 where the chat failed, with the reason.", ("reason",))
SKIPPED = Metric("probe_skipped", "gauge", "1 where no chat was sent because of chatprobe's own limits, with the reason.", ("reason",))
HTTP_STATUS = Metric("probe_http_status_code", "gauge", "Status of the engine's answer; 0 where there was none.")
PHASE = Metric("probe_phase_seconds", "gauge", f"How long each phase of the chat took: {', '.join(PHASES)}.", ("phase",))
TTFT = Metric("probe_ttft_seconds", "gauge", "Time to the first token, from the request's first byte.")
TPOT = Metric("probe_tpot_seconds", "gauge", "Time per output token after the first chunk.")
E2E = Metric("probe_e2e_seconds", "gauge", "From the start of the chat to its end, or until it failed.")
STALL = Metric("probe_stall_seconds", "gauge", "The longest gap between chunks.")
OUTPUT_RATE = Metric("probe_output_tokens_per_second", "gauge", "Output tokens over the whole chat, if it went well.")
INPUT_TOKENS = Metric("probe_input_tokens", "gauge", "Tokens of the prompt, by the engine's count.")
OUTPUT_TOKENS = Metric("probe_output_tokens", "gauge", "Tokens of the answer.")
DOUBTFUL = Metric("probe_doubtful", "gauge", "Whether timings may be off by more than 1 ms.")
CERTIFICATE = Metric("probe_ssl_earliest_cert_expiry", "gauge", "When the engine's certificate ends, in seconds since the epoch.")
INFO = Metric("probe_info", "gauge", "What was asked, always 1.", ("backend", "model", "scenario"))

PROBE = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All of them, in this order."""

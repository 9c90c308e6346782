"""llama.cpp's metrics, of builds 5129 to 11549. Names and meanings: llama.cpp
`tools/server/server-task.cpp::server_task_result_metrics::to_metrics`.

They are those of all slots of a process together, and have no labels. Numbers are written with six digits: from a
million on a counter moves in steps of 10 and more. The two rates are those since the last scrape, whoever scraped. With
several that ask, each sees a part of the time. A server tells its metrics with `--metrics`, and asks for its API key.
"""

from __future__ import annotations

from typing import Literal

from catalogue.engine_metric import RELAY_LABELS, EngineMetric

POSITION = "position"
_OLDEST, _MIDDLE, _NEWEST = "5129", "6751", "11549"
_SPECULATES = "speculative decoding"


def _one(
    name: str, kind: Literal["counter", "gauge"], help: str, *labels: str, since: str = _OLDEST, until: str = "", condition: str = ""
) -> EngineMetric:
    return EngineMetric(f"llamacpp:{name}", kind, help, (*RELAY_LABELS, *labels), since=since, until=until, condition=condition)


PROMPT_TOKENS = _one("prompt_tokens_total", "counter", "Prompt tokens that were computed; those from the cache are left out.")
CACHED_TOKENS = _one("prompt_tokens_cached_total", "counter", "Prompt tokens that were found in the cache.", since=_NEWEST)
PROMPT_SECONDS = _one("prompt_seconds_total", "counter", "Time spent on prompts.")
GENERATION_TOKENS = _one("tokens_predicted_total", "counter", "Generated tokens, of answers that ended.")
GENERATION_SECONDS = _one("tokens_predicted_seconds_total", "counter", "From the first token to the last, of answers that ended, added up.")
CALLS = _one("n_decode_total", "counter", "Calls of `llama_decode()`: each is a step of all slots that work.")
LONGEST = _one("n_tokens_max", "gauge", "The most tokens that a prompt and its answer had together; it calls itself a counter.", since=_NEWEST)
LONGEST_BEFORE = _one("n_past_max", "gauge", "What `n_tokens_max` is now; it calls itself a counter.", since=_MIDDLE, until=_MIDDLE)

DRAFTS = _one("spec_decode_num_drafts_total", "counter", "Steps of speculative decoding; 0 without.", since=_NEWEST)
DRAFT_TOKENS = _one("spec_decode_num_draft_tokens_total", "counter", "Tokens that were proposed by it.", since=_NEWEST)
ACCEPTED_TOKENS = _one("spec_decode_num_accepted_tokens_total", "counter", "Proposed tokens that were accepted.", since=_NEWEST)
ACCEPTED_BY_POSITION = _one(
    "spec_decode_num_accepted_tokens_per_pos_total",
    "counter",
    "Those by their place in the draft, from 0.",
    POSITION,
    since=_NEWEST,
    condition=_SPECULATES,
)

PROMPT_RATE = _one("prompt_tokens_seconds", "gauge", "Prompt tokens a second while prompts were computed, since the last scrape.")
GENERATION_RATE = _one("predicted_tokens_seconds", "gauge", "Generated tokens a second of a slot, since the last scrape.")
PROCESSING = _one("requests_processing", "gauge", "Requests that have a slot.")
DEFERRED = _one("requests_deferred", "gauge", "Requests that wait for a slot.")
BUSY_SLOTS = _one("n_busy_slots_per_decode", "gauge", "Slots that worked in a call, mean since the start; until 6751 it called itself a counter.")
KV_CACHE_USAGE = _one("kv_cache_usage_ratio", "gauge", "Share of the KV cache that is taken, from 0 to 1.", until=_OLDEST)
KV_CACHE_TOKENS = _one("kv_cache_tokens", "gauge", "Tokens in the KV cache.", until=_OLDEST)

LLAMACPP: tuple[EngineMetric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, EngineMetric))
"""All of them, in the order of this page."""

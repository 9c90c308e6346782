"""What was measured on one answer, as it is shown under it: by the record, never by what was seen on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.record import ChatRecord
from traffic.events import SkipReason

UNSENT = {
    SkipReason.MODEL_NOT_LOADED: "its model is not in memory, and nobody allowed to load it",
    SkipReason.LOADING: "it loads its model",
    SkipReason.LOAD_FAILED: "it could not load its model",
    SkipReason.LOADS_MODEL: "chats had it load its model anew, which nobody allowed",
    SkipReason.BREAKER: "it failed too often, and is tried again in a while",
    SkipReason.TARGET_BUSY: "too many chats are open with it",
    SkipReason.GLOBAL_CAP: "too many chats are open",
    SkipReason.TOKEN_BUDGET: "the tokens of this hour are spent (limits.tokens_per_hour)",
}
"""Why an engine was not asked, for people."""


@dataclass(frozen=True, slots=True)
class Figures:
    """An answer that is over. What it has not is None; `trouble` is why it is none, empty where it is one."""

    ttft_seconds: float | None = None
    tpot_seconds: float | None = None
    tokens_per_second: float | None = None
    output_tokens: int | None = None
    input_tokens: int | None = None
    cached_tokens: int | None = None
    timing_error_seconds: float = 0.0
    """By how much TTFT may be off at most."""
    trouble: str = ""


def of_skip(reason: SkipReason) -> Figures:
    """Those of a chat that was not sent."""
    return Figures(trouble=f"not asked: {UNSENT.get(reason, reason)}")


def of_record(record: ChatRecord) -> Figures:
    """Those of a chat that has just ended."""
    return Figures(
        ttft_seconds=record.ttft_seconds,
        tpot_seconds=record.tpot_seconds,
        tokens_per_second=record.output_tokens_per_second,
        output_tokens=record.output_tokens,
        input_tokens=record.input_tokens,
        cached_tokens=record.native.cached_tokens,
        timing_error_seconds=record.max_timing_error_seconds,
        trouble=_trouble(record.outcome, record.reason, record.failure.detail if record.failure else None),
    )


def of_line(line: Mapping[str, Any]) -> Figures:
    """Those of a chat that was written down (docs/records.md). Raises `KeyError` and `TypeError` for nonsense."""
    return Figures(
        ttft_seconds=line["ttft_seconds"],
        tpot_seconds=line["tpot_seconds"],
        tokens_per_second=line["output_tokens_per_second"],
        output_tokens=line["output_tokens"],
        input_tokens=line["input_tokens"],
        cached_tokens=line["native"]["cached_tokens"],
        timing_error_seconds=line["max_timing_error_seconds"],
        trouble=_trouble(line["outcome"], line["reason"], line["detail"]),
    )


def _trouble(outcome: str, reason: str | None, detail: str | None) -> str:
    if outcome == "ok":
        return ""
    if reason is None:
        return "cut off"
    return f"failed: {reason}: {detail}" if detail else f"failed: {reason}"

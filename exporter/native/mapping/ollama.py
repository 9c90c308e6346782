"""Ollama's numbers. It has no metrics: they are what `/api/ps` says of loaded models, and what the last object of each answer says of that chat.

Meanings: Ollama `api/types.go::Metrics`, `server/routes.go::PsHandler`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalogue import unified
from catalogue.metric import Metric
from exporter.native.loaded import LoadedModel
from exporter.native.mapping.histogram import is_amount
from probes.backends.ollama import with_tag
from probes.record import ChatRecord

OF_CHATS = (unified.PROMPT_TOKENS, unified.GENERATION_TOKENS, unified.ITL, unified.TPOT, unified.E2E, unified.PREFILL, unified.DECODE, unified.LOAD)
"""What chats tell."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One value of one loaded model; `model` is the name of the target's own where it is that one, else the one that Ollama gives."""

    model: str
    metric: Metric
    value: float


def loaded(model: str, models: Sequence[LoadedModel]) -> Iterator[Loaded]:
    """What is known of the models in memory, for a target whose own is `model`. Of two with one name the first counts."""
    seen: set[str] = set()
    for each in models:
        name = model if with_tag(each.name) == with_tag(model) else each.name
        if name in seen:
            continue
        seen.add(name)
        for metric, value in (
            (unified.MODEL_MEMORY, each.size_bytes),
            (unified.MODEL_VRAM, each.vram_bytes),
            (unified.MODEL_EXPIRY, each.expires_at),
            (unified.CONTEXT_TOKENS, each.context_tokens),
        ):
            if value is not None and is_amount(value):
                yield Loaded(name, metric, value)


def said(record: ChatRecord) -> Iterator[tuple[Metric, float]]:
    """What the engine said of one chat: added to counters, observed by histograms. Tokens only where it counted them itself."""
    told = record.native
    counted = record.output_tokens if record.token_source == "usage" else None
    found: list[tuple[Metric, float | None]] = [
        (unified.PROMPT_TOKENS, record.input_tokens),
        (unified.GENERATION_TOKENS, counted),
        (unified.E2E, told.total_seconds),
        (unified.PREFILL, told.prefill_seconds),
        (unified.DECODE, told.decode_seconds),
        (unified.LOAD, told.load_seconds),
        *((unified.ITL, gap) for gap in told.server_gaps_seconds or ()),
    ]
    if counted is not None and counted > 1 and told.decode_seconds is not None:
        found.append((unified.TPOT, told.decode_seconds / (counted - 1)))
    yield from ((metric, value) for metric, value in found if value is not None and is_amount(value))

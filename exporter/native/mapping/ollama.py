"""Ollama's numbers. It has no metrics: they are what `/api/ps` says of loaded models, and what the last object of each answer says of that chat.

Meanings: Ollama `api/types.go::Metrics`, `server/routes.go::PsHandler`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.metrics import native
from exporter.metrics.metric import Metric
from exporter.native.loaded import LoadedModel
from exporter.native.mapping.histogram import is_amount
from probes.backends.ollama import with_tag
from probes.record import ChatRecord

OF_CHATS = (native.PROMPT_TOKENS, native.GENERATION_TOKENS, native.ITL, native.TPOT, native.E2E, native.PREFILL, native.DECODE, native.LOAD)
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
            (native.MODEL_MEMORY, each.size_bytes),
            (native.MODEL_VRAM, each.vram_bytes),
            (native.MODEL_EXPIRY, each.expires_at),
            (native.CONTEXT_TOKENS, each.context_tokens),
        ):
            if value is not None and is_amount(value):
                yield Loaded(name, metric, value)


def said(record: ChatRecord) -> Iterator[tuple[Metric, float]]:
    """What the engine said of one chat: added to counters, observed by histograms. Tokens only where it counted them itself."""
    told = record.native
    counted = record.output_tokens if record.token_source == "usage" else None
    found: list[tuple[Metric, float | None]] = [
        (native.PROMPT_TOKENS, record.input_tokens),
        (native.GENERATION_TOKENS, counted),
        (native.E2E, told.total_seconds),
        (native.PREFILL, told.prefill_seconds),
        (native.DECODE, told.decode_seconds),
        (native.LOAD, told.load_seconds),
        *((native.ITL, gap) for gap in told.server_gaps_seconds or ()),
    ]
    if counted is not None and counted > 1 and told.decode_seconds is not None:
        found.append((native.TPOT, told.decode_seconds / (counted - 1)))
    yield from ((metric, value) for metric, value in found if value is not None and is_amount(value))

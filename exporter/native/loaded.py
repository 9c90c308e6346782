"""Reads Ollama's `/api/ps`: which models are in memory, how much they take and how long they stay."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

import orjson

from exporter.native.failure import NativeReason, ScrapeError

MODELS_LIMIT = 100
"""Far more than fit in memory at once."""
NAME_LIMIT = 256
"""Characters."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """One model in memory; None stands for what Ollama does not say, or says in a way that is no number.

    `size_bytes` is all of its memory, `vram_bytes` the part of it on GPUs. `expires_at` is when it is unloaded if nobody uses it, in seconds since
    the epoch.
    """

    name: str
    size_bytes: float | None
    vram_bytes: float | None
    context_tokens: float | None
    expires_at: float | None


def read_loaded(body: bytes) -> tuple[LoadedModel, ...]:
    """The first 100 models that `/api/ps` lists; entries without a name, or with one of more than 256 characters, are left out.

    Ollama lists first what stays longest. Raises `ScrapeError` (`unreadable`) if it is no such list.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ScrapeError(NativeReason.UNREADABLE, "no JSON") from error
    listed = answer.get("models", "") if isinstance(answer, dict) else ""
    if listed is None:
        return ()  # Go's way to write an empty list
    if not isinstance(listed, list):
        raise ScrapeError(NativeReason.UNREADABLE, "no list of models")
    named = (entry for entry in listed if isinstance(entry, dict) and _is_name(entry.get("name")))
    return tuple(_loaded(entry, entry["name"]) for entry in islice(named, MODELS_LIMIT))


def _is_name(name: object) -> bool:
    return isinstance(name, str) and 0 < len(name) <= NAME_LIMIT


def _loaded(entry: dict[str, object], name: str) -> LoadedModel:
    return LoadedModel(
        name, _amount(entry.get("size")), _amount(entry.get("size_vram")), _amount(entry.get("context_length")), _instant(entry.get("expires_at"))
    )


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return float(value)


def _instant(stamp: object) -> float | None:
    """Seconds since the epoch; None for Go's zero time too, which stands for no time at all."""
    if not isinstance(stamp, str):
        return None
    try:
        instant = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if instant.tzinfo is None or instant.year == 1:
        return None
    return instant.timestamp()

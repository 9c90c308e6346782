"""Alerts on what engines say of themselves; silent where an engine does not tell."""

from __future__ import annotations

from alerts.recordings import TARGET
from alerts.rule import Alert
from alerts.templates import NAME, NUMBER, PERCENT, WHO, link
from alerts.windows import MINUTE, Severity
from exporter.metrics.catalogue import Dashboard, native

_WHO = WHO + "{{ with $labels.replica }}, replica {{ . }},{{ end }}"
_WHY = link(Dashboard.WHY, *TARGET)
_WAITING = native.REQUESTS_WAITING.name

ALERTS = (
    Alert(
        "LLMQueueGrowing",
        f"{_WAITING} > 0\nand min_over_time({_WAITING}[10m]) > 0\nand deriv({_WAITING}[10m]) > 0",
        Severity.TICKET,
        f"More and more requests wait at {NAME}",
        f"{NUMBER} requests wait for {_WHO}, the queue was never empty in 10m and it grows: more is asked of the engine than it can do.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
    ),
    Alert(
        "LLMKVCacheNearFull",
        f"{native.KV_CACHE_USAGE.name} > 0.95",
        Severity.TICKET,
        f"The KV cache of {NAME} is nearly full",
        f"{PERCENT} of the KV cache of {_WHO} is taken. When it is full, requests wait, or are put back and computed again.",
        _WHY,
        for_seconds=10 * MINUTE,
        keep_seconds=5 * MINUTE,
    ),
    Alert(
        "LLMPreemptions",
        f"increase({native.PREEMPTIONS.name}[10m]) > 10",
        Severity.TICKET,
        f"{NAME} puts running requests back",
        f"{_WHO} put {NUMBER} running requests back in 10m because its KV cache was full: their users see the stream stop.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
    ),
)

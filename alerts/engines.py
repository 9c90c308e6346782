"""Alerts on what engines say of themselves; silent where an engine does not tell."""

from __future__ import annotations

from alerts.recordings import TARGET
from alerts.rule import Alert
from alerts.templates import COUNT, NAME, PERCENT, WHO, link
from alerts.windows import MINUTE, Severity
from catalogue import unified as native
from catalogue.metric import REPLICA
from catalogue.uids import Dashboard

_WHO = WHO + "{{ with $labels.replica }}, replica {{ . }},{{ end }}"
_WHY = link(Dashboard.WHY, *TARGET)
_WAITING = native.REQUESTS_WAITING.name
_BY = (*TARGET, REPLICA)


def _highest(expression: str) -> str:
    """By process of an engine, however many exporters tell of it. Engines in trouble do not always answer for their metrics: what is asked of a
    window outlasts the gaps."""
    return f"max by ({', '.join(_BY)}) ({expression})"


ALERTS = (
    Alert(
        "LLMQueueGrowing",
        f"{_highest(f'last_over_time({_WAITING}[2m])')}\nand {_highest(f'min_over_time({_WAITING}[10m])')} > 0\n"
        f"and {_highest(f'deriv({_WAITING}[10m])')} > 0.01",
        Severity.TICKET,
        f"More and more requests wait at {NAME}",
        f"{_WHO} has {COUNT} requests waiting. The queue was never empty in 10m, and it grows: more is asked of the engine than it can do.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
    Alert(
        "LLMKVCacheNearFull",
        _highest(f"min_over_time({native.KV_CACHE_USAGE.name}[5m])") + " > 0.95",
        Severity.TICKET,
        f"The KV cache of {NAME} is nearly full",
        f"At least {PERCENT} of the KV cache of {_WHO} was taken at any time in 5m. "
        "When it is full, requests wait, or are put back and computed again.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
    Alert(
        "LLMPreemptions",
        _highest(f"increase({native.PREEMPTIONS.name}[10m])") + " > 10",
        Severity.TICKET,
        f"{NAME} puts running requests back",
        f"{_WHO} put {COUNT} running requests back in 10m because its KV cache was full: their users see the stream stop.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
)

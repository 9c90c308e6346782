"""Alerts on what engines say of themselves; silent where an engine does not tell."""

from __future__ import annotations

from alerts.recordings import TARGET
from alerts.rule import Alert
from alerts.templates import COUNT, NAME, PERCENT, WHO, link
from alerts.windows import MINUTE, Severity, written
from catalogue import unified as native
from catalogue.metric import REPLICA
from catalogue.uids import Dashboard

_WHO = WHO + "{{ with $labels.replica }}, replica {{ . }},{{ end }}"
_WHY = link(Dashboard.WHY, *TARGET)
_WAITING = native.REQUESTS_WAITING.name
_BY = (*TARGET, REPLICA)
WAITED_SECONDS = 10 * MINUTE
"""For so long requests must have waited, and become more."""
GROWS_PER_SECOND = 0.01
LAST_SECONDS = 2 * MINUTE
"""The newest number that is no older than this is the one of now."""
TAKEN_SECONDS, NEARLY_FULL = 5 * MINUTE, 0.95
PUT_BACK_SECONDS, MOST_PUT_BACK = 10 * MINUTE, 10


def _highest(expression: str) -> str:
    """By process of an engine, however many exporters tell of it. Engines in trouble do not always answer for their metrics: what is asked of a
    window outlasts the gaps."""
    return f"max by ({', '.join(_BY)}) ({expression})"


ALERTS = (
    Alert(
        "LLMQueueGrowing",
        f"{_highest(f'last_over_time({_WAITING}[{written(LAST_SECONDS)}])')}\n"
        f"and {_highest(f'min_over_time({_WAITING}[{written(WAITED_SECONDS)}])')} > 0\n"
        f"and {_highest(f'deriv({_WAITING}[{written(WAITED_SECONDS)}])')} > {GROWS_PER_SECOND}",
        Severity.TICKET,
        f"More and more requests wait at {NAME}",
        f"{_WHO} has {COUNT} requests waiting. The queue was never empty in {written(WAITED_SECONDS)}, and it grows: "
        "more is asked of the engine than it can do.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
    Alert(
        "LLMKVCacheNearFull",
        _highest(f"min_over_time({native.KV_CACHE_USAGE.name}[{written(TAKEN_SECONDS)}])") + f" > {NEARLY_FULL}",
        Severity.TICKET,
        f"The KV cache of {NAME} is nearly full",
        f"At least {PERCENT} of the KV cache of {_WHO} was taken at any time in {written(TAKEN_SECONDS)}. "
        "When it is full, requests wait, or are put back and computed again.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
    Alert(
        "LLMPreemptions",
        _highest(f"increase({native.PREEMPTIONS.name}[{written(PUT_BACK_SECONDS)}])") + f" > {MOST_PUT_BACK}",
        Severity.TICKET,
        f"{NAME} puts running requests back",
        f"{_WHO} put {COUNT} running requests back in {written(PUT_BACK_SECONDS)} because its KV cache was full: their users see the stream stop.",
        _WHY,
        for_seconds=5 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=_BY,
    ),
)

"""What the alerts of `alerts.engines` look at: what engines last told of themselves, by process."""

from __future__ import annotations

from alerts.engines import (
    ALERTS,
    GROWS_PER_SECOND,
    LAST_SECONDS,
    MOST_PUT_BACK,
    NEARLY_FULL,
    PUT_BACK_SECONDS,
    TAKEN_SECONDS,
    WAITED_SECONDS,
)
from catalogue import unified
from exporter.alarms.condition import Condition, Found, Known
from exporter.alarms.course import Course
from exporter.wording import count, percent, span


def _queue_growing(known: Known) -> Found:
    samples, waiting = known.samples, unified.REQUESTS_WAITING
    lowest = samples.highest(waiting, unified.LABELS, Course.minimum, WAITED_SECONDS)
    slopes = samples.highest(waiting, unified.LABELS, Course.slope, WAITED_SECONDS)
    for labels, now in samples.highest(waiting, unified.LABELS, Course.last, LAST_SECONDS).items():
        if lowest.get(labels, 0) > 0 and slopes.get(labels, 0) > GROWS_PER_SECOND:
            yield labels, f"{count(round(now), 'request waits', 'requests wait')}{_at(labels)}, never none in {span(WAITED_SECONDS)} and ever more."


def _cache_near_full(known: Known) -> Found:
    for labels, taken in known.samples.highest(unified.KV_CACHE_USAGE, unified.LABELS, Course.minimum, TAKEN_SECONDS).items():
        if taken > NEARLY_FULL:
            yield labels, f"At least {percent(taken)} of the KV cache{_at(labels)} was taken for {span(TAKEN_SECONDS)}."


def _preemptions(known: Known) -> Found:
    for labels, times in known.samples.highest(unified.PREEMPTIONS, unified.LABELS, Course.increase, PUT_BACK_SECONDS).items():
        if times > MOST_PUT_BACK:
            yield labels, f"{count(round(times), 'running request')} put back{_at(labels)} in {span(PUT_BACK_SECONDS)}: the KV cache was full."


def _at(labels: tuple[str, ...]) -> str:
    """The replica, where there are several."""
    return f" at {labels[-1]}" if labels[-1] else ""


_BY_NAME = {alert.name: alert for alert in ALERTS}
CONDITIONS = (
    Condition(_BY_NAME["LLMQueueGrowing"], unified.LABELS, _queue_growing),
    Condition(_BY_NAME["LLMKVCacheNearFull"], unified.LABELS, _cache_near_full),
    Condition(_BY_NAME["LLMPreemptions"], unified.LABELS, _preemptions),
)

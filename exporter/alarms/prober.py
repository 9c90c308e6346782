"""What the alerts of `alerts.prober` look at."""

from __future__ import annotations

from alerts.prober import BEYOND, LOST, LOST_SECONDS, OF_METRIC, OWN_FAULT, SATURABLE, SKIPPED, alerts
from catalogue import own
from exporter.alarms.condition import Condition, Found, Known, too_large
from exporter.wording import percent, span, words

_CHATS = own.CHAT_LABELS


def _skipped(known: Known) -> Found:
    seconds = SKIPPED.window_seconds
    unsent = known.samples.increase(own.PROBE_SKIPPED, seconds, _CHATS, reason=OWN_FAULT)
    held = known.samples.increase(own.PROBES, seconds, _CHATS)
    for labels, skipped in known.samples.increase(own.PROBE_SKIPPED, seconds, (*_CHATS, own.REASON), reason=OWN_FAULT).items():
        *chats, reason = labels
        due = unsent[tuple(chats)] + held.get(tuple(chats), 0)
        if too_large(SKIPPED, skipped, due):
            yield labels, f"{chats[-1]}: {percent(skipped / due)} of what was due in {span(seconds)} was not sent ({words(reason)})."


def _saturated(known: Known) -> Found:
    for metric in SATURABLE:
        *_, top, _ = (0.0, 0.0, *known.samples.bounds(metric))
        observed = known.samples.increase(metric, BEYOND.window_seconds, _CHATS)
        for labels, within in known.samples.increase(metric, BEYOND.window_seconds, _CHATS, within=top).items():
            if too_large(BEYOND, observed[labels] - within, observed[labels]):
                share = percent(1 - within / observed[labels])
                what = f"{labels[-1]}: {share} of {metric.name} in {span(BEYOND.window_seconds)}"
                yield (*labels, metric.name), f"{what} is above {top:g} s, its last boundary."


def _reload_failed(known: Known) -> Found:
    for labels, values in known.samples.now(own.RELOAD_SUCCESSFUL, ()).items():
        if 0 in values:
            yield labels, "The changed configuration has an error, which the overview names. The one before stays in force."


def _discovery_failing(known: Known) -> Found:
    for labels, values in known.samples.now(own.DISCOVERY_UP, (own.SOURCE,)).items():
        if 0 in values:
            yield labels, f"Targets cannot be discovered from {labels[0]}: the page on discovery says why. Those that were known stay."


def _series_dropped(known: Known) -> Found:
    for labels, series in known.samples.increase(own.NATIVE_SERIES_DROPPED, LOST_SECONDS, own.NATIVE_SERIES_DROPPED.labels, reason=LOST).items():
        if series > 0:
            _, replica, reason = labels
            yield labels, f"Not all of the engine's own metrics{f' of {replica}' if replica else ''} are served on ({words(reason)})."


def _clock_fallback(known: Known) -> Found:
    for labels, values in known.samples.now(own.MEASUREMENT_CLOCK, (own.CLOCK,), clock=("user",)).items():
        if 1 in values:
            yield labels, "Chats are timed by the program's own reads, without the kernel's stamps."


_BY_NAME = {alert.name: alert for alert in alerts((metric, metric.bounds[-1]) for metric in SATURABLE)}
CONDITIONS = (
    Condition(_BY_NAME["LLMProbesSkipped"], (*_CHATS, own.REASON), _skipped),
    Condition(_BY_NAME["LLMBucketSaturation"], (*_CHATS, OF_METRIC), _saturated),
    Condition(_BY_NAME["LLMConfigReloadFailed"], (), _reload_failed),
    Condition(_BY_NAME["LLMDiscoveryFailing"], (own.SOURCE,), _discovery_failing),
    Condition(_BY_NAME["LLMNativeSeriesDropped"], own.NATIVE_SERIES_DROPPED.labels, _series_dropped),
    Condition(_BY_NAME["LLMClockFallback"], (own.CLOCK,), _clock_fallback),
)

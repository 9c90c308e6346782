"""What the alerts of `alerts.comparison` look at."""

from __future__ import annotations

from alerts.comparison import ALERTS, GAP_SECONDS, LATE_SECONDS, MOST_FAILED, SLOWER
from alerts.recordings import COMPARED_QUANTILE, COMPARED_SECONDS, FAILURES, PROBES, RATE_SECONDS
from alerts.targets import FEWEST_CHATS
from catalogue import own
from catalogue.metric import TARGET_LABELS
from exporter.alarms.condition import Condition, Found, Known
from exporter.alarms.samples import Labels, Samples
from exporter.wording import duration, span, three_digits

_CHATS = own.CHAT_LABELS
_GAP = (*TARGET_LABELS, own.BASIS)
_BASES = dict(zip(own.BASES, ("as it says with each chat", "by its sums"), strict=True))


def record(samples: Samples) -> None:
    """Keep how often chats failed, as the recordings have it: of the last minutes, at each sample."""
    samples.record(FAILURES.name, samples.rate(own.PROBE_FAILURES, RATE_SECONDS, _CHATS))
    samples.record(PROBES.name, samples.rate(own.PROBES, RATE_SECONDS, _CHATS))


def _slower_than_peer(known: Known) -> Found:
    samples = known.samples
    enough = {labels for labels, chats in samples.increase(own.TTFT, COMPARED_SECONDS, _CHATS).items() if chats >= FEWEST_CHATS}
    quantiles = samples.quantile(COMPARED_QUANTILE, own.TTFT, COMPARED_SECONDS, _CHATS)
    slow = {labels: seconds for labels, seconds in quantiles.items() if labels in enough}
    failed, held = samples.mean(FAILURES.name, COMPARED_SECONDS), samples.mean(PROBES.name, COMPARED_SECONDS)
    gone = samples.gone(own.PROBES, _CHATS)
    best: dict[str, tuple[float, Labels]] = {}
    for labels, seconds in slow.items():
        healthy = labels in failed and held.get(labels, 0) > 0 and failed[labels] / held[labels] < MOST_FAILED
        if healthy and labels not in gone:
            best[labels[-1]] = min(best.get(labels[-1], (seconds, labels)), (seconds, labels))
    for labels, seconds in slow.items():
        quickest, peer = best.get(labels[-1], (seconds, labels))
        if seconds / quickest > SLOWER:
            times = f"{three_digits(seconds / quickest)} times that of {peer[0]} ({duration(quickest)})"
            chats = f"{labels[-1]}: {COMPARED_QUANTILE:.0%} of the chats in {span(COMPARED_SECONDS)}"
            yield labels, f"{chats} have a TTFT of up to {duration(seconds)}, {times}."


def _gap(known: Known) -> Found:
    client, engine, chats = (
        known.samples.increase(metric, GAP_SECONDS, _GAP) for metric in (own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT, own.GAP_CHATS)
    )
    for labels, count in chats.items():
        if count > 0 and (late := (client[labels] - engine[labels]) / count) > LATE_SECONDS:
            told = f"later than the engine had it, {_BASES[labels[-1]]}"
            yield labels, f"The first token comes {duration(late)} {told}, on average of {span(GAP_SECONDS)}."


_BY_NAME = {alert.name: alert for alert in ALERTS}
CONDITIONS = (
    Condition(_BY_NAME["LLMEngineSlowerThanPeer"], _CHATS, _slower_than_peer),
    Condition(_BY_NAME["LLMClientServerGap"], _GAP, _gap),
)

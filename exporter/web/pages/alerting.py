"""`/alerts`: which alerts hold, by their rules, as far as this process knows what they look at."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.slos import BURN, EXHAUSTED
from alerts.targets import CERTIFICATE_DAYS, DOWN
from alerts.windows import Severity
from exporter.web.pages.alarms import Seen
from exporter.web.pages.budgets import Budget
from exporter.web.pages.scene import Scene
from exporter.web.pages.templates import render

_BURN = "Windows of up to six hours are known to 30 s, longer ones to a 720th of their length. They are as old as the error budgets above."
_CERTIFICATE = "Of the certificate that the last chat was shown."
_COUNTERS = "Of how counters of this process grew in the last minutes, up to an hour."
_BUCKETS = "Of how many observations of the last minutes, up to an hour, lay beyond a boundary of their histogram."
_ENGINE = "Of what engines told of themselves in the last minutes, as it was served on."
_SERVED = "Of what this process serves of itself now."
HOW_TOLD = {
    DOWN: "Of the chats of this process.",
    **dict.fromkeys(BURN.values(), _BURN),
    EXHAUSTED: "Of the error budgets above, as if chatprobe had run for as long as they count.",
    **dict.fromkeys(CERTIFICATE_DAYS, _CERTIFICATE),
    "LLMModelMissing": _COUNTERS,
    "LLMModelLoadFailed": _COUNTERS,
    "LLMModelNotLoaded": _COUNTERS,
    "LLMProbeLoadsModel": _COUNTERS,
    "LLMProbesSkipped": _COUNTERS,
    "LLMStreamGathered": _COUNTERS,
    "LLMNativeSeriesDropped": _COUNTERS,
    "LLMClientServerGap": _COUNTERS,
    "LLMStreamStalled": _BUCKETS,
    "LLMFirstTokenButNoCompletion": _BUCKETS,
    "LLMBucketSaturation": _BUCKETS,
    "LLMEngineSlowerThanPeer": "Of the buckets of the last hour, among the targets of this process.",
    "LLMQueueGrowing": _ENGINE,
    "LLMKVCacheNearFull": _ENGINE,
    "LLMPreemptions": _ENGINE,
    "LLMConfigReloadFailed": _SERVED,
    "LLMDiscoveryFailing": _SERVED,
    "LLMClockFallback": _SERVED,
}
"""The alerts that the page tells, and what of."""
_WEEK = "It compares with the same time a week ago."
_ITSELF = "It asks whether chatprobe is there, which no process can tell of itself."
NOT_TOLD = {
    "LLMTTFTRegression": _WEEK,
    "LLMPairWinsTurned": _WEEK,
    "LLMSLOAbsent": "It asks whether Prometheus has the series.",
    "LLMProberDown": _ITSELF,
    "LLMShardUnwatched": _ITSELF,
    "LLMProberStale": "It goes by what Prometheus scraped of all processes that share the targets.",
}
"""The alerts that the page does not tell, and why."""


def alerts(scene: Scene) -> str:
    """Which alerts hold by what this process knows; the others are named."""
    holding = sorted((one for one in scene.alarms.all() if one.state != "quiet"), key=_urgency)
    config = scene.standing.roster.config
    return render(
        "alerts.html",
        holding=holding,
        quiet=len(HOW_TOLD.keys() - {one.alert for one in holding}),
        told=_by_words(HOW_TOLD),
        others=_by_words(NOT_TOLD),
        budgets=_budgets(scene),
        since=scene.budgets.reach(),
        on_disk=config.history.path is not None,
        every=config.alerts.evaluation_interval_seconds,
    )


def _urgency(one: Seen) -> tuple[bool, int, str, str]:
    return one.state != "firing", list(Severity).index(one.severity), one.alert, one.target or ""


def _by_words(said: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """What is said, and of which alerts: of most first."""
    names: dict[str, list[str]] = {}
    for name, words in sorted(said.items()):
        names.setdefault(words, []).append(name)
    return sorted(names.items(), key=lambda one: -len(one[1]))


def _budgets(scene: Scene) -> list[tuple[str, Budget]]:
    """Those of which least is left first."""
    budgets = [(name, budget) for name in scene.standing.stands for budget in scene.budgets_of(name)]
    return sorted(budgets, key=lambda one: 2.0 if one[1].left is None else one[1].left)

"""`/alerts`: which alerts hold, by their rules, as far as this process knows what they look at."""

from __future__ import annotations

from alerts.slos import BURN
from alerts.targets import CERTIFICATE_DAYS, DOWN
from exporter.web.pages.budgets import Budget
from exporter.web.pages.scene import Scene
from exporter.web.pages.templates import render

_BURN = "Windows of up to six hours are known to 30 s, longer ones to a 720th of their length. They are as old as the error budgets above."
_CERTIFICATE = "Of the certificate that the last chat was shown."
HOW_TOLD = {
    DOWN: "Of the chats of this process.",
    **dict.fromkeys(BURN.values(), _BURN),
    **dict.fromkeys(CERTIFICATE_DAYS, _CERTIFICATE),
}
"""The alerts that the page tells, and what of."""
_BUCKETS = "It looks at how many observations of the last minutes lay beyond a boundary. Here they are counted from the start, and not by the minute."
_COUNTERS = "It looks at how counters grew in the last minutes. Here they are counted from the start, and not by the minute."
_ENGINE = "It looks at the engine's own metrics over minutes. They pass through here, and are not kept."
_WEEK = "It compares with the same time a week ago."
_ITSELF = "It asks whether chatprobe is there, which no process can tell of itself."
NOT_TOLD = {
    "LLMModelMissing": _COUNTERS,
    "LLMModelLoadFailed": _COUNTERS,
    "LLMModelNotLoaded": _COUNTERS,
    "LLMProbeLoadsModel": _COUNTERS,
    "LLMProbesSkipped": _COUNTERS,
    "LLMNativeSeriesDropped": _COUNTERS,
    "LLMStreamGathered": _COUNTERS,
    "LLMStreamStalled": _BUCKETS,
    "LLMFirstTokenButNoCompletion": _BUCKETS,
    "LLMBucketSaturation": _BUCKETS,
    "LLMEngineSlowerThanPeer": "It compares 95th percentiles of an hour as the buckets tell them. Here they are known more exactly.",
    "LLMClientServerGap": _ENGINE,
    "LLMQueueGrowing": _ENGINE,
    "LLMKVCacheNearFull": _ENGINE,
    "LLMPreemptions": _ENGINE,
    "LLMTTFTRegression": _WEEK,
    "LLMPairWinsTurned": _WEEK,
    "LLMErrorBudgetExhausted": "It goes by how much of the period Prometheus has recorded. What is left by what is known here stands above.",
    "LLMSLOAbsent": "It asks whether Prometheus has the series.",
    "LLMProberDown": _ITSELF,
    "LLMShardUnwatched": _ITSELF,
    "LLMProberStale": "It goes by what Prometheus scraped of all processes that share the targets.",
    "LLMConfigReloadFailed": "The overview says so at once, and why.",
    "LLMDiscoveryFailing": "The page on discovery says so at once, and why.",
    "LLMClockFallback": "The page on health says by which clock chats are timed.",
}
"""The alerts that the page does not tell, and why."""


def alerts(scene: Scene) -> str:
    """Which alerts hold by what this process knows; the others are named."""
    seen = [one for name in scene.standing.stands for one in scene.alarms.of(name)]
    holding = sorted((one for one in seen if one.state != "quiet"), key=lambda one: (one.state != "firing", not one.pages, one.target))
    config = scene.standing.roster.config
    return render(
        "alerts.html",
        holding=holding,
        quiet=len(seen) - len(holding),
        told=sorted(HOW_TOLD.items()),
        others=sorted(NOT_TOLD.items()),
        budgets=_budgets(scene),
        since=scene.budgets.reach(),
        on_disk=config.history.path is not None,
        every=config.alerts.evaluation_interval_seconds,
    )


def _budgets(scene: Scene) -> list[tuple[str, Budget]]:
    """Those of which least is left first."""
    budgets = [(name, budget) for name in scene.standing.stands for budget in scene.budgets_of(name)]
    return sorted(budgets, key=lambda one: 2.0 if one[1].left is None else one[1].left)

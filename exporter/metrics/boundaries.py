"""Which thresholds join the buckets of which histogram, and what a change of them means."""

from __future__ import annotations

from collections.abc import Mapping

from catalogue import own
from catalogue.metric import Metric
from config.model import Config
from exporter.metrics.families import boundaries

_DIVIDED = (own.TTFT, own.TPOT, own.E2E)


def thresholds(config: Config) -> dict[str, set[float]]:
    """The union of all SLOs' thresholds, by the name of the metric that they are on."""
    found: dict[str, set[float]] = {metric.name: set() for metric in _DIVIDED}
    for slo in config.slos.values():
        for metric, seconds in zip(_DIVIDED, (slo.ttft_seconds, slo.tpot_seconds, slo.e2e_seconds), strict=True):
            if seconds is not None:
                found[metric.name].add(seconds)
    return found


def added(config: Config) -> Mapping[Metric, tuple[float, ...]]:
    """The boundaries that SLOs add to those that a histogram has anyway, in seconds."""
    wanted = thresholds(config)
    return {metric: extra for metric in _DIVIDED if (extra := tuple(sorted(wanted[metric.name].difference(metric.bounds))))}


def beginning_anew(before: Config, after: Config) -> tuple[Metric, ...]:
    """The histograms whose boundaries differ, so that all of their series begin again at 0 when the one configuration follows the other."""
    old, new = thresholds(before), thresholds(after)
    return tuple(metric for metric in _DIVIDED if boundaries(metric, old[metric.name]) != boundaries(metric, new[metric.name]))

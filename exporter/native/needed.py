"""What dashboards, rules and unified numbers need of an engine's page: which families come first, and which buckets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Set
from dataclasses import replace

from catalogue.shown import SHOWN, SHOWN_BY_BUCKETS
from probes import backends
from probes.numbers.bound import bound
from probes.numbers.family import Family, Sample


def in_order(backend: str, families: Iterable[Family]) -> list[Family]:
    """The families in the order in which they fill a budget: needed ones first, histograms last, the smallest first."""
    metrics = backends.get(backend).metrics
    first: Set[str] = SHOWN if metrics is None else SHOWN | metrics.sources
    return sorted(families, key=lambda family: (family.name not in first, family.type == "histogram", len(family.samples), family.name))


def used_buckets(backend: str) -> Set[str]:
    """The histograms whose buckets something uses."""
    metrics = backends.get(backend).metrics
    return SHOWN_BY_BUCKETS if metrics is None else SHOWN_BY_BUCKETS | metrics.distributions


def without_buckets(family: Family) -> Family:
    """The family without the buckets of a histogram but the last, which OpenMetrics asks for: averages and rates stay."""
    if family.type != "histogram":
        return family
    return replace(family, samples=tuple(sample for sample in family.samples if not _is_bounded(family, sample)))


def _is_bounded(family: Family, sample: Sample) -> bool:
    """Whether it is a bucket with a bound. One whose bound is no number is left for the writer to judge."""
    return sample.name == f"{family.name}_bucket" and math.isfinite(bound(dict(sample.labels).get("le", "")))

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalogue import buckets, own, unified
from catalogue.metric import Metric
from catalogue.own import CATALOGUE
from catalogue.reference import reference

REFERENCE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_reference_is_that_of_the_catalogue() -> None:
    assert REFERENCE.read_text() == reference(), "stale: python -m catalogue.reference > docs/metrics.md"


def test_every_name_stands_once() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: Metric) -> None:
    assert metric.name.startswith("chatprobe_")
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.help.endswith(".")
    if metric in unified.NATIVE:
        assert metric.buckets is None or metric.type == "histogram"  # an engine's own stay as they are
    else:
        assert (metric.buckets is not None) == (metric.type == "histogram")
    assert len(set(metric.labels)) == len(metric.labels)


@pytest.mark.parametrize("chosen", [value for value in vars(buckets).values() if isinstance(value, buckets.Buckets)])
def test_buckets_ascend_and_have_a_reason(chosen: buckets.Buckets) -> None:
    assert all(lower < upper for lower, upper in pairwise(chosen.bounds))
    assert chosen.bounds[0] > 0
    assert chosen.reason.endswith(".")


TOLD_APART = (own.TTFT, own.FIRST_CONTENT, own.ITL, own.TPOT, own.E2E)
OF_TOKENS = (own.ITL, own.TPOT)


@pytest.mark.parametrize("metric", TOLD_APART, ids=lambda metric: metric.name)
def test_buckets_that_tell_engines_apart_are_narrow(metric: Metric) -> None:
    """As narrow as panels say (`dashboards.promql.TOLD_APART`)."""
    assert {0.005, 5} <= set(metric.bounds)
    for lower, upper in pairwise(bound for bound in metric.bounds if bound >= 0.005):
        width = 1 / 9 if metric in OF_TOKENS and upper <= 0.1 else 1 / 6 if upper <= 5 else 1 / 2
        assert upper - lower <= lower * width * (1 + 1e-9), (lower, upper)


MEDIANS = np.geomspace(0.006, 3.0, 60).tolist()


@pytest.mark.parametrize("metric", TOLD_APART, ids=lambda metric: metric.name)
@pytest.mark.parametrize(("spread", "most_off"), [(0.8, 0.05), (0.6, 0.05), (0.4, 0.05), (0.2, 0.05), (0.15, 0.06), (0.1, 0.07), (0.05, 0.11)])
def test_a_quantile_of_many_chats_is_near_the_truth(metric: Metric, spread: float, most_off: float) -> None:
    """Where nearly all chats take the same time they are in one or two buckets, which then say less."""
    assert worst_error(metric, spread, MEDIANS, most_seconds=5) <= most_off


@pytest.mark.parametrize("metric", OF_TOKENS, ids=lambda metric: metric.name)
@pytest.mark.parametrize(("spread", "most_off"), [(0.1, 0.035), (0.07, 0.05), (0.05, 0.06)])
def test_tokens_may_come_evenly(metric: Metric, spread: float, most_off: float) -> None:
    assert worst_error(metric, spread, MEDIANS, most_seconds=0.1) <= most_off


def worst_error(metric: Metric, spread: float, medians: Sequence[float], most_seconds: float) -> float:
    """Of p50, p95 and p99 of 10,000 chats, by which share of the truth; of those that are not longer."""
    found = []
    for median_seconds in medians:
        values = lognormal(median_seconds, spread)
        for quantile in (0.5, 0.95, 0.99):
            truth = float(np.quantile(values, quantile))
            if truth <= most_seconds:
                found.append(abs(histogram_quantile(quantile, metric.bounds, values) / truth - 1))
    assert len(found) > len(medians)
    return max(found)


def test_engines_that_differ_by_a_fifth_are_told_apart() -> None:
    fast, slow = (histogram_quantile(0.5, own.TTFT.bounds, lognormal(median_seconds, 0.2)) for median_seconds in (0.0335, 0.0417))
    assert slow / fast == pytest.approx(0.0417 / 0.0335, rel=0.05)


def lognormal(median_seconds: float, spread: float) -> NDArray[np.float64]:
    return median_seconds * np.exp(np.random.default_rng(7).normal(0, spread, 10_000))


def histogram_quantile(quantile: float, bounds: Sequence[float], values: NDArray[np.float64]) -> float:
    """As PromQL has it: linear between the bounds of the bucket in which the quantile falls."""
    counts = np.searchsorted(np.sort(values), bounds, side="right")
    rank = quantile * len(values)
    index = int(np.searchsorted(counts, rank))
    lower, below = (bounds[index - 1], counts[index - 1]) if index else (0.0, 0)
    return float(lower + (bounds[index] - lower) * (rank - below) / (counts[index] - below))


def test_neighbours_of_what_tells_why_are_at_most_a_factor_of_two_apart() -> None:
    assert all(upper / lower <= 2 for lower, upper in pairwise(own.STALL.bounds))


@pytest.mark.parametrize(
    ("metric", "stood"),
    [
        (own.TTFT, (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 30, 60)),
        (own.TPOT, (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 5)),
        (own.E2E, (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 7.5, 10, 15, 20, 30, 60, 120, 300)),
    ],
)
def test_bounds_that_thresholds_and_queries_may_name_stay(metric: Metric, stood: tuple[float, ...]) -> None:
    assert set(stood) <= set(metric.bounds)

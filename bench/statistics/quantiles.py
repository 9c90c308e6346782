"""Quantiles: estimates, intervals that need no shape of the distribution, and how many chats they need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc
from scipy.stats import binom

from bench.statistics.samples import Floats, TooFewError

_REACH = 6.0
"""Order statistics further from the quantile than so many standard deviations have no weight that a float could show."""
_FAILED_WEIGHT = 0.01
"""Failed chats of less weight than this in an estimate are left out of it; with more, the estimate is infinite."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the interval around it, in the value's own unit. `inf` is "worse than all": among failed chats."""

    value: float
    low: float
    high: float
    confidence: float


def named(quantile: float) -> str:
    """The quantile as people write it: p50, p99.9."""
    return f"p{quantile * 100:.6g}"


def chats_needed(quantile: float, confidence: float = 0.95) -> int:
    """How many values an interval for this quantile needs: 72 for p95, 368 for p99, 3,688 for p99.9 at 95 %.

    Fewer, and all of them may lie on one side of the quantile with more than half of the probability of error.
    """
    tail = (1 - confidence) / 2
    return math.ceil(math.log(tail) / math.log(max(quantile, 1 - quantile)))


def refuse_fewer(count: float, quantile: float, confidence: float = 0.95) -> None:
    """Raises `TooFewError` where the quantile needs more chats than there are."""
    needed = chats_needed(quantile, confidence)
    if count < needed:
        raise TooFewError(f"{named(quantile)} needs {needed:,} chats; there are {int(count):,}")


def quantile_interval(values: Floats, quantile: float, confidence: float = 0.95) -> Interval:
    """The quantile of independent values and its interval by order statistics, within the run that gave them.

    The interval holds the true quantile at least as often as `confidence` says, whatever the distribution: its ends are
    the order statistics whose ranks a binomial count passes with at most half of the error each (Conover, Practical
    Nonparametric Statistics, 3.2). It says how well this run knows its quantile, not how far the next run will be.
    Failed chats as `inf` are the worst. Raises `TooFewError` where the sample is too small.
    """
    refuse_fewer(len(values), quantile, confidence)
    ordered = np.sort(values)
    low, high = ranks(len(values), quantile, confidence)
    return Interval(plain_quantile(ordered, quantile), float(ordered[low]), float(ordered[high]), confidence)


def ranks(count: int, quantile: float, confidence: float) -> tuple[int, int]:
    """The ranks, from 0, of the order statistics that are the ends of the interval."""
    tail = (1 - confidence) / 2
    below = int(binom.ppf(tail, count, quantile))
    low = below - 1 if binom.cdf(below, count, quantile) > tail else below
    high = int(binom.ppf(1 - tail, count, quantile))
    return max(low, 0), min(high, count - 1)


def plain_quantile(ordered: Floats, quantile: float) -> float:
    """The quantile of sorted values as numpy has it by default, but `inf` wherever a failed chat takes part in it."""
    place = (len(ordered) - 1) * quantile
    below, above = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)])
    share = place - math.floor(place)
    if share == 0 or below == above:
        return below
    return below + (above - below) * share


@dataclass(frozen=True, slots=True)
class Smoothed:
    """A quantile of the whole sample, and by how much each value moved it.

    `influence` sums to 0; its sum over some of the values, divided by their number in all, is what these added to the
    error of `value`.
    """

    value: float
    influence: Floats


def smoothed_quantile(values: Floats, quantile: float, effective: float | None = None) -> Smoothed:
    """The estimate of Harrell and Davis (Biometrika 69, 1982): a mean of order statistics near the quantile.

    It varies less than a single order statistic, and it has an influence function, so that its error can be seen part by
    part of the run. `effective` is how many independent values the sample is worth, where that is not their number.
    The value is `inf` where failed chats have more than one hundredth of the weight.
    """
    count = len(values)
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first, weights, density = _weights(count, quantile, count if effective is None else round(effective))
    last = first + len(weights)
    window = ordered[first:last]
    finite = np.isfinite(window)
    if not finite.all():
        failed = float(weights[~finite].sum())
        if failed > _FAILED_WEIGHT:
            return Smoothed(math.inf, np.zeros(count))
        window = np.where(finite, window, window[finite][-1])
    steps = density * np.diff(window)
    # Value i lies at or below the step from rank j to j + 1 exactly where i <= j: it moved the estimate down by that step.
    above = np.concatenate([np.cumsum(steps[::-1])[::-1], [0.0]])
    shares = np.arange(first + 1, last) / count
    influence = np.full(count, float((shares * steps).sum()))
    influence[:first] -= above[0]
    influence[first:last] -= above
    unsorted = np.empty(count)
    unsorted[order] = influence
    return Smoothed(float(weights @ window), unsorted)


@lru_cache(maxsize=256)
def _weights(count: int, quantile: float, effective: int) -> tuple[int, Floats, NDArray[np.float64]]:
    """The first rank (from 0) that has weight, the weights from there on, and the density after each of these ranks."""
    alpha, beta = (effective + 1) * quantile, (effective + 1) * (1 - quantile)
    deviation = math.sqrt(quantile * (1 - quantile) / (effective + 2))
    first = max(0, math.floor(count * (quantile - _REACH * deviation)) - 2)
    last = min(count, math.ceil(count * (quantile + _REACH * deviation)) + 2)
    edges = np.arange(first, last + 1) / count
    cumulated = betainc(alpha, beta, edges)
    weights = np.diff(cumulated)
    weights /= weights.sum()
    middles = np.clip(edges[1:-1], 1e-12, 1 - 1e-12)
    # The density of the beta distribution at each edge between ranks, by the difference over half a rank on either side.
    half = 0.5 / count
    density = (betainc(alpha, beta, np.minimum(middles + half, 1.0)) - betainc(alpha, beta, np.maximum(middles - half, 0.0))) * count
    return first, weights, density

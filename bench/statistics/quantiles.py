"""Quantiles: estimates, intervals that need no shape of the distribution, and how many chats they need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrik, betainc  # scipy.stats, which has them too, takes most of a second to load

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


def quantile_name(quantile: float) -> str:
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
        raise TooFewError(f"{quantile_name(quantile)} needs {needed:,} chats; there are {int(count):,}")


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
    below = _passed(tail, count, quantile)
    low = below - 1 if bdtr(below, count, quantile) > tail else below
    high = _passed(1 - tail, count, quantile)
    return max(low, 0), min(high, count - 1)


def _passed(share: float, count: int, quantile: float) -> int:
    """The smallest number that a binomial count passes no more often than `1 - share`."""
    found: int = math.ceil(bdtrik(share, count, quantile))
    return found - 1 if found > 0 and bdtr(found - 1, count, quantile) >= share else found


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
    """A quantile of the whole sample, and by how much each value moved it, in the order of the values.

    `influence` sums to 0; its sum over some of the values, divided by their number in all, is what these added to the
    error of `value`.
    """

    value: float
    influence: Floats


def smoothed_quantile(ordered: Floats, quantile: float, worth: int) -> Smoothed:
    """The estimate of Harrell and Davis (Biometrika 69, 1982): a mean of the sorted values near the quantile.

    It varies less than a single order statistic, and it has an influence function, so that its error can be seen part by
    part of the run. `worth` is how many independent values the sample is worth: their number, or less.
    The value is `inf` where failed chats have more than one hundredth of the weight.
    """
    count = len(ordered)
    first, weights = _weights(count, quantile, worth)
    window = ordered[first : first + len(weights)]
    finite = np.isfinite(window)
    if not finite.all():
        if float(weights[~finite].sum()) > _FAILED_WEIGHT:
            return Smoothed(math.inf, np.zeros(count))
        window = np.where(finite, window, window[finite][-1])
    # A value at rank i is below the quantile as far as the weights up to there have not been reached.
    below = np.zeros(count)
    below[:first] = 1.0
    below[first : first + len(weights)] = 1.0 - np.cumsum(weights) + weights / 2
    return Smoothed(float(weights @ window), (below.mean() - below) * _sparsity(ordered, quantile, worth))


def without_each(ordered: Floats, groups: NDArray[np.int64], quantile: float, worth: int) -> Floats:
    """The same estimate of the values without the first of the groups 0, 1, …; then without the second; and so on."""
    found = []
    for left_out in range(int(groups.max()) + 1):
        staying = ordered[groups != left_out]
        first, weights = _weights(len(staying), quantile, max(worth * len(staying) // len(ordered), 1))
        window = staying[first : first + len(weights)]
        finite = len(window) if math.isfinite(window[-1]) else int(np.isfinite(window).sum())
        found.append(float(weights[:finite] @ window[:finite] / weights[:finite].sum()) if finite else math.inf)
    return np.array(found)


def _sparsity(ordered: Floats, quantile: float, worth: int) -> float:
    """How much the quantile grows for a growth of its share: one over the density there.

    A mean of the gaps between order statistics in twice the reach of the estimate, since one over few gaps is mostly
    noise. Gaps grow towards the ends of a distribution, about as one over the share on either side; each is brought to
    what it would be at the quantile.
    """
    count = len(ordered)
    first, weights = _weights(count, quantile, max(worth // 4, 1))
    last = min(first + len(weights), int(np.isfinite(ordered).sum()))
    gaps = np.diff(ordered[first:last])
    shares = np.arange(first + 1, last) / count
    near = (weights[: len(gaps)] + weights[1 : len(gaps) + 1]) / 2
    return float((gaps * near * shares * (1 - shares)).sum() / near.sum()) * count / (quantile * (1 - quantile))


@lru_cache(maxsize=256)
def _weights(count: int, quantile: float, worth: int) -> tuple[int, Floats]:
    """The first rank (from 0) that has weight, and the weights from there on."""
    alpha, beta = (worth + 1) * quantile, (worth + 1) * (1 - quantile)
    deviation = math.sqrt(quantile * (1 - quantile) / (worth + 2))
    first = max(0, math.floor(count * (quantile - _REACH * deviation)) - 2)
    last = min(count, math.ceil(count * (quantile + _REACH * deviation)) + 2)
    weights = np.diff(betainc(alpha, beta, np.arange(first, last + 1) / count))
    return first, weights / weights.sum()

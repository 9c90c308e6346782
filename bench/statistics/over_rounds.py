"""What one engine's numbers are known to over rounds: how far another run of as many rounds would be off.

An interval within the run (`quantile_interval`, `share_interval`) takes chats for independent, and says how well this
run knows what it saw. Rounds that differ, and chats that depend on each other, make another run differ by more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.statistics.estimates import Estimate, share_estimate
from bench.statistics.quantiles import Interval
from bench.statistics.samples import Round
from bench.statistics.spread import spread_of


def interval_over_rounds(estimate: Estimate, confidence: float = 0.95) -> Interval:
    """The number and its interval over rounds, in the unit that people read. Of one round it is that of its parts."""
    half = spread_of(estimate.errors, 1 - confidence, estimate.least_variance).half_width(1 - confidence)
    low, high = estimate.value - half, estimate.value + half
    if estimate.scale == "ratio":
        return Interval(estimate.shown, math.exp(low), math.exp(high) if high < 700 else math.inf, confidence)
    return Interval(estimate.value, low, high, confidence)


def share_over_rounds(rounds: Sequence[Round], confidence: float = 0.95) -> Interval:
    """A share of attempts (values of 1 and 0) and its interval over rounds. Raises `TooFewError` where a round has none."""
    found = interval_over_rounds(share_estimate(rounds), confidence)
    return Interval(found.value, max(found.low, 0.0), min(found.high, 1.0), confidence)


def known_to(estimate: Estimate, confidence: float = 0.95) -> float:
    """To what share of itself a number is known so far, over rounds: 0.03 is ±3 %. Of a share, it is in its own unit."""
    half = spread_of(estimate.errors, 1 - confidence, estimate.least_variance).half_width(1 - confidence)
    if estimate.scale == "difference":
        return half
    return math.expm1(half) if half < 700 else math.inf

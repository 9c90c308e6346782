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

_FAR_END = 0.6
"""By so much less often does the end on the far side err, of a quantile at the very end of its tail: p99 in 1 % of runs, not in 2.5 %."""


def interval_over_rounds(estimate: Estimate, confidence: float = 0.95) -> Interval:
    """The number and its interval over rounds, in the unit that people read. Of one round it is that of its parts."""
    below, above = _reach(estimate, confidence)
    low, high = estimate.value - below, estimate.value + above
    if estimate.scale == "ratio":
        return Interval(estimate.shown, math.exp(low), math.exp(high) if high < 700 else math.inf, confidence)
    return Interval(estimate.value, low, high, confidence)


def share_over_rounds(rounds: Sequence[Round], confidence: float = 0.95) -> Interval:
    """A share of attempts (values of 1 and 0) and its interval over rounds. Raises `TooFewError` where a round has none."""
    found = interval_over_rounds(share_estimate(rounds), confidence)
    return Interval(found.value, max(found.low, 0.0), min(found.high, 1.0), confidence)


def known_to(estimate: Estimate, confidence: float = 0.95) -> float:
    """To what share of itself a number is known so far, over rounds: 0.03 is ±3 %. Of a share, it is in its own unit."""
    reach = max(_reach(estimate, confidence))
    if estimate.scale == "difference":
        return reach
    return math.expm1(reach) if reach < 700 else math.inf


def _reach(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """How far the interval reaches below and above the number, on the scale of the estimate.

    A run without one of the rare bad rounds shows a p99 that is too low, and rounds that are too much alike: both are
    wrong together. So the end on the far side of a tail is held to err less often.
    """
    spread, error = spread_of(estimate.errors, estimate.least_variance), 1 - confidence
    near, far = spread.half_width(error), spread.half_width(error * (1 - _FAR_END * abs(estimate.tail)))
    return (near, far) if estimate.tail > 0 else (far, near)

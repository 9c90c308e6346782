"""What one engine's numbers are known to over rounds: how far another run of as many rounds would be off, if it drifts as this one did.

An interval within the run (`quantile_interval`, `share_interval`) takes chats for independent, and says how well this
run knows what it saw. Rounds that differ, and chats that depend on each other, make another run differ by more. A drift
that other runs do not have moves them by what no run knows of itself (`drift` tells that there is one).
"""

from __future__ import annotations

import math

from bench.statistics.estimates import Estimate
from bench.statistics.quantiles import Interval
from bench.statistics.shares import wilson
from bench.statistics.spread import spread_of

_FAR_END = 0.4
"""By so much less often does the end on the far side err, of a quantile at the very end of its tail: above p99 in 39 % fewer runs."""


def interval_over_rounds(estimate: Estimate, confidence: float = 0.95) -> Interval:
    """The number and its interval over rounds, in the unit that people read. Of one round it is that of its parts."""
    low, high = _ends(estimate, confidence)
    if estimate.scale == "ratio":
        return Interval(estimate.shown, math.exp(low), math.exp(high) if high < 700 else math.inf, confidence)
    return Interval(estimate.value, low, high, confidence)


def known_to(estimate: Estimate, confidence: float = 0.95) -> float:
    """To what share of itself a number is known so far, over rounds: 0.03 is ±3 %. Of a share, it is in its own unit."""
    low, high = _ends(estimate, confidence)
    reach = max(estimate.value - low, high - estimate.value)
    if estimate.scale == "difference":
        return reach
    return math.expm1(reach) if reach < 700 else math.inf


def _ends(estimate: Estimate, confidence: float) -> tuple[float, float]:
    """The ends of the interval, on the scale of the estimate.

    A run without one of the rare bad rounds shows a p99 that is too low, and rounds that are too much alike: both are
    wrong together. So the end on the far side of a tail is held to err less often.
    """
    error = 1 - confidence
    spread = spread_of(estimate.errors, error, estimate.least_variance)
    near, far = spread.half_width(error), spread.half_width(error * (1 - _FAR_END * abs(estimate.tail)))
    if estimate.attempts:
        return _around_share(estimate, near)
    below, above = (near, far) if estimate.tail > 0 else (far, near)
    return estimate.value - below, estimate.value + above


def _around_share(estimate: Estimate, half_width: float) -> tuple[float, float]:
    """Wilson's interval for as many independent attempts as would know the share to plus and minus `half_width`.

    A run with few bad attempts shows a share that is too high, and rounds that are too much alike. So its lower
    end is further away, as surveys have it (Franco, Little, Louis and Slud, Journal of Survey Statistics and Methodology 7,
    2019).
    """
    careful = 1 / (estimate.attempts + 2)
    return wilson(estimate.value, half_width**2 / max(estimate.value * (1 - estimate.value), careful * (1 - careful)))

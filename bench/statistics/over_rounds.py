"""What one engine's numbers are known to over rounds: how far another run of as many rounds would be off, if it drifts as this one did.

An interval within the run (`quantile_interval`, `share_interval`) takes chats for independent, and says how well this
run knows what it saw. Rounds that differ, and chats that depend on each other, make another run differ by more. A drift
that other runs do not have moves them by what no run knows of itself (`drift` tells that there is one).
"""

from __future__ import annotations

import math
from dataclasses import replace

from scipy.special import ndtri, stdtrit

from bench.statistics.estimates import Estimate
from bench.statistics.quantiles import Interval
from bench.statistics.shares import wilson
from bench.statistics.spread import freedom_of, spread_of, spread_of_level

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
    if estimate.attempts:
        return _least(estimate, estimate.value, error), 1 - _least(estimate, 1 - estimate.value, error)
    spread = spread_of(estimate.errors, error)
    near, far = spread.half_width(error), spread.half_width(error * (1 - _FAR_END * abs(estimate.tail)))
    below, above = (near, far) if estimate.tail > 0 else (far, near)
    return estimate.value - below, estimate.value + above


def _least(estimate: Estimate, share: float, error: float) -> float:
    """The lower end of the interval of a share: that of the good attempts, or that of the bad ones.

    It is that of Wilson's interval, for as many independent attempts as would know the share to plus and minus t standard
    errors. A run with few bad attempts shows a share that is too high, and rounds that are too much alike. So the lower end
    of that is further away, as surveys have it (Franco, Little, Louis and Slud, Journal of Survey Statistics and
    Methodology 7, 2019).

    Two ends together are to be wrong with the probability `error`, each with half of it. But a run without any such attempt
    still holds it possible that there are some. As far as that the upper end cannot be wrong, and the lower one may be with
    all of it (Blaker, Canadian Journal of Statistics 28, 2000, shares it like that). From there to the upper end of a run
    with one such attempt, only that of runs without any can be wrong, and the lower end has what that leaves.
    """
    attempts, careful = estimate.attempts, 1 / (estimate.attempts + 2)
    variance = max(share * (1 - share), careful * (1 - careful))
    plain = replace(spread_of_level(estimate.errors), least_error=math.sqrt(estimate.least_variance))
    spread = replace(plain, degrees_of_freedom=freedom_of(plain.degrees_of_freedom, plain.standard_error**2, share))
    normal, student = float(ndtri(error / 2)) ** 2, float(stdtrit(plain.degrees_of_freedom, error / 2)) ** 2

    def end(wrong: float) -> float:
        return wilson(share, spread.half_width(2 * wrong) ** 2 / variance)[0]

    least = end(error / 2)
    independent = normal / max(plain.half_width(error) ** 2 / variance, student / attempts)
    without, with_one = wilson(0.0, normal / (attempts + 2))[1], wilson(1 / attempts, student / attempts)[1]
    for reach, upper_wrong in ((without, 0.0), (with_one, (1 - least) ** independent)):
        if least < reach:
            return min(end(error - min(upper_wrong, error / 2)), reach)
    return least

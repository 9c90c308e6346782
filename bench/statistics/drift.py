"""Whether an engine became slower or faster from round to round, and whether its rounds differ by more than noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc, stdtr, stdtrit

from bench.statistics.estimates import Estimate, Scale
from bench.statistics.spread import variance_over_rounds, variance_within


@dataclass(frozen=True, slots=True)
class Drift:
    """How a number changed over the rounds.

    `change` is from the first round to the last, along a straight line: 0.1 is 10 % more (of a share: higher by 0.1). `low`
    and `high` are its interval, judged by the noise within rounds. `uneven_p` is how probable rounds as unlike as these are
    where only that noise makes them differ.
    """

    change: float
    low: float
    high: float
    confidence: float
    p_value: float
    uneven_p: float
    scale: Scale

    @property
    def seen(self) -> bool:
        """Whether there was a drift, as sure as `confidence`."""
        return self.p_value < 1 - self.confidence

    @property
    def uneven(self) -> bool:
        """Whether the rounds differ, drifting or not, as sure as `confidence`."""
        return self.uneven_p < 1 - self.confidence


def drift(estimate: Estimate, confidence: float = 0.95) -> Drift | None:
    """The drift of one engine's number; None of one round, or where nothing is known but whole rounds.

    The slope is tested against the noise within rounds, with the degrees of freedom of that: two rounds suffice.
    """
    rounds, parts = estimate.errors.shape
    if rounds < 2 or parts < 2:
        return None
    between, within = variance_over_rounds(estimate.errors), variance_within(estimate.errors)
    freedom = rounds * (parts - 1)
    # Each round is taken for one share of all chats, so its own number is off by as many times what it added to all.
    own = estimate.errors.sum(axis=1) * rounds
    place = np.arange(rounds) - (rounds - 1) / 2
    slope = float(place @ own / (place @ place))
    error = math.sqrt(within * rounds / float(place @ place))
    change, wide = slope * (rounds - 1), error * (rounds - 1)
    if wide == 0:
        p_value = uneven_p = 1.0 if change == 0 else 0.0
    else:
        p_value = 2 * float(stdtr(freedom, -abs(change) / wide))
        uneven_p = float(fdtrc(rounds - 1, freedom, between / within))
    half = wide * float(stdtrit(freedom, 0.5 + confidence / 2))
    low, middle, high = (_shown(one, estimate.scale) for one in (change - half, change, change + half))
    return Drift(middle, low, high, confidence, p_value, uneven_p, estimate.scale)


def _shown(change: float, scale: Scale) -> float:
    return math.expm1(min(change, 700.0)) if scale == "ratio" else change

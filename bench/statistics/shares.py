"""Shares of attempts, such as goodput and success."""

from __future__ import annotations

import math

from scipy.special import ndtri

from bench.statistics.quantiles import Interval
from bench.statistics.samples import TooFewError


def share_interval(good: int, attempts: int, confidence: float = 0.95) -> Interval:
    """The share of independent attempts that were good, and Wilson's interval (JASA 22, 1927), within the run.

    Raises `TooFewError` without attempts, and `ValueError` for counts that cannot be.
    """
    if attempts == 0:
        raise TooFewError("a share needs attempts; there are none")
    if not 0 <= good <= attempts:
        raise ValueError(f"{good} of {attempts} attempts were good; from 0 to {attempts} can be")
    share = good / attempts
    z = float(ndtri(0.5 + confidence / 2))
    middle = (share + z * z / (2 * attempts)) / (1 + z * z / attempts)
    half = z / (1 + z * z / attempts) * math.sqrt(share * (1 - share) / attempts + z * z / (4 * attempts * attempts))
    return Interval(share, 0.0 if good == 0 else middle - half, 1.0 if good == attempts else middle + half, confidence)

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
    return Interval(share, *wilson(share, float(ndtri(0.5 + confidence / 2)) ** 2 / attempts), confidence)


def wilson(share: float, doubt: float) -> tuple[float, float]:
    """The shares whose squared distance from this one is at most `doubt` times their own share · (1 - share).

    Of independent attempts, `doubt` is the squared normal quantile over their number.
    """
    middle, half = share + doubt / 2, math.sqrt(doubt * share * (1 - share) + doubt**2 / 4)
    return max((middle - half) / (1 + doubt), 0.0), min((middle + half) / (1 + doubt), 1.0)

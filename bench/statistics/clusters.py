"""Quantiles of values that come in chats, such as ITL: each token is a value, but the tokens of a chat are much alike."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, stdtrit

from bench.statistics.quantiles import Interval, chats_needed, plain_quantile, quantile_name, refuse_fewer
from bench.statistics.samples import Floats, TooFewError


def clustered_interval(values: Floats, chats: NDArray[np.int64], quantile: float, confidence: float = 0.95) -> Interval:
    """The quantile over all values, and its interval by chats: within the run, for chats that are independent.

    The share of values below the quantile varies from chat to chat; that says how many independent values the sample is
    worth (Korn and Graubard, Survey Methodology 24, 1998), and the exact binomial limits for so many are read off the
    sorted values (Woodruff, JASA 47, 1952). Raises `TooFewError` where the chats, or what they are worth, are too few.
    """
    effective = enough(values, chats, quantile, confidence)
    tail = (1 - confidence) / 2
    below = effective * quantile
    low, high = betaincinv(below, effective - below + 1, tail), betaincinv(below + 1, effective - below, 1 - tail)
    ordered = np.sort(values)
    last = len(ordered) - 1
    ends = [ordered[min(max(rank, 0), last)] for rank in (math.floor(low * len(ordered)), math.ceil(high * len(ordered)) - 1)]
    return Interval(plain_quantile(ordered, quantile), float(ends[0]), float(ends[1]), confidence)


def enough(values: Floats, chats: NDArray[np.int64], quantile: float, confidence: float = 0.95) -> float:
    """How many independent values these are worth. Raises `TooFewError` where that, or the chats, are too few."""
    numbers, which = np.unique(chats, return_inverse=True)
    number = len(numbers)
    refuse_fewer(number, quantile, confidence)
    effective = _worth(values, which, quantile, confidence)
    needed = chats_needed(quantile, confidence)
    if effective < needed:
        raise TooFewError(
            f"{quantile_name(quantile)} needs {needed:,} chats; there are {number:,}, so unlike each other that they are worth {int(effective):,}"
        )
    return effective


def _worth(values: Floats, which: NDArray[np.int64], quantile: float, confidence: float) -> float:
    """At most their number. Fewer chats count for less, by the quantiles of Student's t."""
    number = int(which.max()) + 1
    at = plain_quantile(np.sort(values), quantile)
    off = np.bincount(which, weights=(values <= at) - quantile)
    variance = float((off**2).sum()) / len(values) ** 2 * number / (number - 1)
    if variance == 0:
        return float(number)
    upper = 0.5 + confidence / 2
    careful = (float(stdtrit(len(values) - 1, upper)) / float(stdtrit(number - 1, upper))) ** 2
    return min(quantile * (1 - quantile) / variance * careful, float(len(values)))

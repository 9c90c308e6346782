"""Quantiles of what was measured, for tables that people read."""

from __future__ import annotations

from collections.abc import Iterable


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest of the values that at least `share` of them do not exceed; None without values."""
    return weighted_quantile(((value, 1) for value in values), share)


def weighted_quantile(weighted: Iterable[tuple[float, int]], share: float) -> float | None:
    """The same where each value stands for a number of observations, as an ITL does for the tokens of its chunk."""
    ordered = sorted(weighted)
    wanted = share * sum(weight for _, weight in ordered)
    seen = 0
    for value, weight in ordered:
        seen += weight
        if seen >= wanted:
            return value
    return None

"""A difference between two engines in words: how large it is, or what could have been seen where none was."""

from __future__ import annotations

from bench.measures import Quality
from bench.statistics import comparison
from bench.summary.shape import Comparison
from bench.summary.words import named, percent, points

_WORTH_KNOWING = {"ratio": (0.02, 0.05, 0.1, 0.2, 0.5), "difference": (0.005, 0.01, 0.02, 0.05, 0.1)}
"""Differences that people ask for, on either scale."""
_FEW = 100
"""A run of more rounds than this is advised to nobody."""
_ABSURD = 10.0
"""A difference beyond this, 1,000 %, is none that anybody looks for."""


def said(quality: Quality, row: Comparison) -> str:
    """`TTFT p95 of tgi is 24 % longer than that of vllm (15 to 33 %)`. The comparison has a ratio."""
    more, less = ("longer", "shorter") if quality.unit == "s" else ("higher", "lower")
    name, sense = named(quality.short, row.quantile, row.slo), more if (row.ratio or 0.0) > 1 else less
    return f"{name} of {row.b} is {size(row)} {sense} than that of {row.a} ({bounds(row)})"


def size(row: Comparison) -> str:
    """How large a difference is, without its sense: `24 %` of a's, or `1.2 points` of two shares."""
    if row.difference is not None:
        return points(abs(row.difference.value))
    return percent(abs((row.ratio or 1.0) - 1))


def bounds(row: Comparison) -> str:
    """Between what its size lies, where there is a difference: `15 to 33 %`."""
    if row.difference is not None:
        least, most = sorted(abs(bound) for bound in (row.difference.low, row.difference.high))
        return f"{points(least).removesuffix(' points')} to {points(most)}"
    least, most = sorted(abs((bound or 1.0) - 1) for bound in (row.low, row.high))
    return f"{percent(least).removesuffix(' %')} to {percent(most)}"


def no_difference(found: comparison.Comparison) -> str:
    """`no difference seen; this run could have shown one of 12 %; 9 more rounds would show 5 %`."""
    show = percent if found.scale == "ratio" else points
    if found.detectable > _ABSURD:
        told = "no difference seen; this run could have shown none"
    else:
        told = f"no difference seen; this run could have shown one of {show(found.detectable)}"
    for difference in _WORTH_KNOWING[found.scale]:
        rounds = found.rounds_for(difference) if difference < found.detectable else None
        if rounds is not None and found.rounds < rounds <= max(_FEW, 2 * found.rounds):
            more = rounds - found.rounds
            return f"{told}; {more} more {'round' if more == 1 else 'rounds'} would show {show(difference)}"
    return told

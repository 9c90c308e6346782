"""A difference between two engines in words: how large it is, or what could have been seen where none was."""

from __future__ import annotations

from bench.measures import Quality
from bench.statistics.comparison import Comparison
from bench.summary.looked import Look
from bench.summary.words import percent, points, quantile_name

_WORTH_KNOWING = {"ratio": (0.02, 0.05, 0.1, 0.2, 0.5), "difference": (0.005, 0.01, 0.02, 0.05, 0.1)}
"""Differences that people ask for, on either scale."""
_FEW = 100
"""A run of more rounds than this is advised to nobody."""


def said(quality: Quality, look: Look, found: Comparison) -> str:
    """`TTFT p95 of tgi is 24 % longer than that of vllm (15 to 33 %)`."""
    name = " ".join(filter(None, (_short(quality), quantile_name(look.quantile), f"({look.slo})" if look.slo else "")))
    more, less = ("longer", "shorter") if quality.unit == "s" else ("higher", "lower")
    null = 1.0 if found.scale == "ratio" else 0.0
    size = _size(abs(found.effect - null), found)
    least, most = (_size(bound, found) for bound in sorted(abs(bound - null) for bound in (found.low, found.high)))
    bounds = f"{least.rpartition(' ')[0]} to {most}"
    return f"{name} of {found.b} is {size} {more if found.effect > null else less} than that of {found.a} ({bounds})"


def no_difference(found: Comparison) -> str:
    """`no difference seen; this run could have shown one of 12 %; 9 more rounds would show 5 %`."""
    told = f"no difference seen; this run could have shown one of {_size(found.detectable, found)}"
    for difference in _WORTH_KNOWING[found.scale]:
        rounds = found.rounds_for(difference) if difference < found.detectable else None
        if rounds is not None and found.rounds < rounds <= max(_FEW, 2 * found.rounds):
            more = rounds - found.rounds
            return f"{told}; {more} more {'round' if more == 1 else 'rounds'} would show {_size(difference, found)}"
    return told


def _short(quality: Quality) -> str:
    return quality.name.upper() if quality.name in ("ttft", "tpot", "itl", "e2e") else quality.title


def _size(amount: float, found: Comparison) -> str:
    return percent(amount) if found.scale == "ratio" else points(amount)

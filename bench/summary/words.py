"""Numbers as people read them, wherever the results of a run are told."""

from __future__ import annotations

from math import isinf

from bench.measures import Unit
from bench.statistics.quantiles import quantile_name
from probes.wording import duration, figures

__all__ = [
    "duration",
    "exact_milliseconds",
    "exact_percent",
    "exact_points",
    "figures",
    "named",
    "percent",
    "points",
    "quantity",
    "rough_duration",
    "span",
]
"""Durations and figures are told as elsewhere in chatprobe."""


def percent(share: float) -> str:
    """0.034: `3.4 %`. Two figures, and none behind the point from 10 % on."""
    figures = share * 100
    return f"{figures:.0f} %" if abs(figures) >= 9.95 else f"{figures:.2g} %"


def exact_percent(share: float) -> str:
    """A share that somebody chose, as it was chosen, 0.999: `99.9 %`."""
    return f"{share * 100:.6g} %"


def exact_points(difference: float) -> str:
    """A difference of two shares that somebody chose, 0.005: `0.5 points`."""
    return _counted_points(f"{difference * 100:.6g}")


def span(low: float, high: float) -> str:
    """`61 to 76 %`, or the one figure that both are."""
    left, right = f"{low * 100:.0f}", f"{high * 100:.0f}"
    return f"{left} %" if left == right else f"{left} to {right} %"


def points(difference: float) -> str:
    """A difference of two shares, 0.012: `1.2 points`, of a hundred."""
    hundredths = difference * 100
    return _counted_points(f"{hundredths:.0f}" if abs(hundredths) >= 9.95 else f"{hundredths:.2g}")


def quantity(value: float, unit: Unit) -> str:
    """A value in its unit: seconds as milliseconds below one second. Infinity lies among the chats that failed."""
    if isinf(value):
        return "failed"
    if unit == "share":
        return f"{value * 100:.4g} %"
    if unit == "tokens/s":
        return f"{figures(value)} tokens/s"
    return duration(value)


def rough_duration(seconds: float) -> str:
    """As far as a sketch of many values knows one: `45 ms`, `4.5 ms`, `1.20 s`."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.1f} ms"


def exact_milliseconds(seconds: float) -> str:
    """A time that somebody chose, as it was chosen: `20 ms`."""
    return f"{seconds * 1000:g} ms"


def named(short: str, quantile: float | None, slo: str | None = None) -> str:
    """What is looked at: `TTFT p95`, `goodput (interactive)`."""
    return " ".join(filter(None, (short, "" if quantile is None else quantile_name(quantile), f"({slo})" if slo else "")))


def _counted_points(told: str) -> str:
    return f"{told} point" if told == "1" else f"{told} points"

"""Numbers as people read them."""

from __future__ import annotations

from math import isinf

from bench.measures import Unit
from bench.statistics.quantiles import quantile_name


def percent(share: float) -> str:
    """0.034: `3.4 %`. Two figures, and none behind the point from 10 % on."""
    figures = share * 100
    return f"{figures:.0f} %" if abs(figures) >= 9.95 else f"{figures:.2g} %"


def points(difference: float) -> str:
    """A difference of two shares, 0.012: `1.2 points`, of a hundred."""
    figures = difference * 100
    return f"{figures:.0f} points" if abs(figures) >= 9.95 else f"{figures:.2g} points"


def quantity(value: float, unit: Unit) -> str:
    """A value in its unit: seconds as milliseconds below one second. Infinity lies among the chats that failed."""
    if isinf(value):
        return "failed"
    if unit == "share":
        return f"{value * 100:.4g} %"
    if unit == "tokens/s":
        return f"{figures(value)} tokens/s"
    return f"{figures(value)} s" if value >= 0.9995 else f"{figures(value * 1000)} ms"


def figures(value: float) -> str:
    """Three of them: 0.123, 1.00, 45.6, 789, 1,234."""
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:#.3g}".removesuffix(".")


def named(short: str, quantile: float | None, slo: str | None = None) -> str:
    """What is looked at: `TTFT p95`, `goodput (interactive)`."""
    return " ".join(filter(None, (short, "" if quantile is None else quantile_name(quantile), f"({slo})" if slo else "")))

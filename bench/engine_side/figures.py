"""How figures stand in sentences."""

from __future__ import annotations


def percent(share: float) -> str:
    """`63 %`; below one, `0.4 %`."""
    return f"{share * 100:.0f} %" if share == 0 or share >= 0.01 else f"{share * 100:.1g} %"


def span(low: float, high: float) -> str:
    """`61 to 76 %`, or the one figure that both are."""
    left, right = f"{low * 100:.0f}", f"{high * 100:.0f}"
    return f"{left} %" if left == right else f"{left} to {right} %"


def time(seconds: float) -> str:
    """`1.3 s`, `520 ms`, `4.2 ms`."""
    if seconds >= 1:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"


def many(count: float, thing: str) -> str:
    """`1 chat`, `12 chats`."""
    return f"{count:g} {thing}" if count == 1 else f"{count:,.0f} {thing}s"

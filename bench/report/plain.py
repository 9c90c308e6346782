"""Numbers and names as somebody reads them who measures nothing: two figures, seconds, and which levels are told of."""

from __future__ import annotations

from collections.abc import Sequence
from math import isinf

from bench.measures import FAILURES_WORST
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from bench.summary.words import percent

LEVELS_TOLD = 3
"""Of more levels than this, the first screen has the lightest, the middle one and the heaviest."""


def told_levels(summary: Summary) -> tuple[LevelSummary, ...]:
    """Those that the first screen is about, in the run's order."""
    levels = summary.levels
    if len(levels) <= LEVELS_TOLD:
        return levels
    return levels[0], levels[len(levels) // 2], levels[-1]


def usual(target: TargetAtLevel, measure: str, quantile: float = 0.5) -> float | None:
    """The measure's quantile, where each chat that failed counts as the worst: then infinity may be it. None where it is not known."""
    spread = target.measures.get(measure + FAILURES_WORST) or target.measures.get(measure)
    known = spread.quantiles.get(quantile) if spread else None
    return known.value if known else None


def in_seconds(seconds: float) -> str:
    """`0.054 s`, `0.30 s`, `1.1 s`, `12 s`: two figures, as nobody feels a third."""
    if isinf(seconds):
        return "failed"
    if seconds >= 9.95:
        return f"{seconds:,.0f} s"
    digits = 1 if seconds >= 0.995 else 2 if seconds >= 0.0995 else 3
    return f"{seconds:.{digits}f} s"


def times(factor: float) -> str:
    """`8.1 times`, `25 times`."""
    return f"{factor:,.0f} times" if factor >= 9.95 else f"{factor:.1f} times"


def all_of(count: int) -> str:
    """`both`, `all three`, `all 7`."""
    return {2: "both", 3: "all three", 4: "all four"}.get(count, f"all {count}")


def share_of(ok: int, attempts: int) -> str:
    """`96 %`; `all` where none is missing, and never 100 % where one is."""
    if ok == attempts:
        return "all"
    share = ok / attempts
    return f"{share * 100:.1f} %" if share > 0.99 else percent(share)


def with_level(level: str) -> str:
    """How a level is told in a sentence: `with 8 users`, `at 2/s`."""
    return f"with {level}" if level.endswith(("user", "users")) else f"at {level}"


def heaviest(levels: Sequence[LevelSummary]) -> LevelSummary:
    """The last of a run: its levels are measured from light to heavy, or are of one kind."""
    return levels[-1]

"""Which engines differ, and by how much, over the rounds of a race: by the comparison of benchmark runs.

Needs numpy. A round has one answer of each engine, and so is one value: the mean of logarithms is compared, pair by
pair, all measures and engines as one family (docs/statistics.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bench.statistics.comparison import LEAST_ROUNDS, Comparison, Contrast, compare
from bench.statistics.estimates import value_estimate
from traffic.pairs import Measure
from traffic.race.score import SHOWN, Score

__all__ = ["LEAST_ROUNDS", "Difference", "differences"]


@dataclass(frozen=True, slots=True)
class Difference:
    """How an engine stands to the one with the lowest value: `times` as much, between `low` and `high` with 95 % confidence for all at once.

    `differs` is False where no difference was seen. `detectable` is the smallest one that these rounds could have shown: 0.1 is 10 % more.
    """

    measure: Measure
    best: str
    other: str
    times: float
    low: float
    high: float
    differs: bool
    rounds: int
    detectable: float


def differences(score: Score, names: Sequence[str]) -> list[Difference]:
    """Every other engine beside the best, measure by measure. Engines that share fewer than `LEAST_ROUNDS` rounds are not compared."""
    contrasts = [contrast for measure in SHOWN for a, b in combinations(names, 2) if (contrast := _contrast(score, measure, a, b)) is not None]
    found = compare(contrasts, paired=True)
    return [difference for measure in SHOWN for difference in _beside_best(measure, [one for one in found if one.measure == measure], names)]


def _contrast(score: Score, measure: Measure, a: str, b: str) -> Contrast | None:
    values = score.paired(measure, a, b)
    if len(values) < LEAST_ROUNDS or any(min(both) <= 0 for both in values):
        return None
    of_a, of_b = (value_estimate(np.array(side)) for side in zip(*values, strict=True))
    return Contrast(measure, None, a, b, of_a, of_b)


def _beside_best(measure: Measure, found: Sequence[Comparison], names: Sequence[str]) -> Iterator[Difference]:
    best = max(names, key=lambda name: sum(_is_lower(one, name) for one in found), default=None)
    for one in found:
        if best == one.a:
            yield Difference(measure, best, one.b, one.effect, one.low, one.high, one.differs, one.rounds, one.detectable)
        elif best == one.b:
            yield Difference(measure, best, one.a, 1 / one.effect, 1 / one.high, 1 / one.low, one.differs, one.rounds, one.detectable)


def _is_lower(one: Comparison, name: str) -> bool:
    """Whether this engine has the lower value of the two."""
    return (one.a == name and one.effect >= 1) or (one.b == name and one.effect < 1)

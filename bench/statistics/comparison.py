"""Two engines compared, measure by measure: by how much they differ, how sure that is, and what could have been seen."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.statistics.estimates import Estimate, Scale
from bench.statistics.family import Family, family_of
from bench.statistics.power import detectable, rounds_needed
from bench.statistics.samples import PARTS, Floats, TooFewError
from bench.statistics.spread import Spread, spread_of_difference

LEAST_ROUNDS = 3
"""Two rounds cannot tell a difference between engines from one between rounds."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """What is asked: a measure of two engines, with the estimate of each. `quantile` is None where it has none."""

    measure: str
    quantile: float | None
    a: str
    b: str
    of_a: Estimate
    of_b: Estimate

    def __post_init__(self) -> None:
        if self.of_a.scale != self.of_b.scale:
            raise ValueError(f"{self.measure}: one engine has a {self.of_a.scale}, the other a {self.of_b.scale}; both need the same scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known of a contrast.

    `effect` is b over a, or b minus a where `scale` is `difference`, and so are the limits. `low` and `high` hold the
    truth for all comparisons of the family at once with the probability `confidence`; `low_alone` and `high_alone` for
    this one. `p_value` is that of this one alone, `p_corrected` that of the whole family: how probable it is that any of
    its comparisons shows as much where nothing differs.
    """

    measure: str
    quantile: float | None
    a: str
    b: str
    scale: Scale
    effect: float
    low: float
    high: float
    low_alone: float
    high_alone: float
    confidence: float
    p_value: float
    p_corrected: float
    differs: bool
    """Whether `low` to `high` excludes "no difference"."""
    degrees_of_freedom: float
    rounds: int
    detectable: float
    """The smallest difference that this run could have shown in four of five cases, all comparisons corrected for: 0.1
    is b being 10 % more than a, or a share higher by 0.1."""
    spread: Spread
    error_each: float

    def rounds_for(self, difference: float) -> int | None:
        """How many rounds in all would show a difference of that size (0.05: 5 %) in four of five cases; None: over 1,000."""
        return rounds_needed(self.spread, self.error_each, self.rounds, _inside(difference, self.scale))


def compare(contrasts: Sequence[Contrast], *, paired: bool, confidence: float = 0.95) -> list[Comparison]:
    """All contrasts of a run, as one family. `paired` says that all engines had the same rounds at the same times.

    Raises `TooFewError` where an engine has fewer than `LEAST_ROUNDS` rounds, and `ValueError` where the rounds of
    paired engines do not match.
    """
    for one in contrasts:
        _refuse_unfit(one, paired)
    if not contrasts:
        return []
    error = 1 - confidence
    family = family_of(_directions(contrasts, paired))
    each = family.error_each(error)
    return [_compared(one, paired, error, each, family) for one in contrasts]


def _refuse_unfit(one: Contrast, paired: bool) -> None:
    for engine, estimate in ((one.a, one.of_a), (one.b, one.of_b)):
        if estimate.rounds < LEAST_ROUNDS:
            raise TooFewError(f"a comparison needs {LEAST_ROUNDS} rounds; {engine} has {estimate.rounds}")
    if paired and one.of_a.errors.shape != one.of_b.errors.shape:
        raise ValueError(f"{one.measure}: paired engines have the same rounds; {one.a} and {one.b} have not")


def _compared(one: Contrast, paired: bool, error: float, each: float, family: Family) -> Comparison:
    distance = one.of_b.value - one.of_a.value
    least, rare = one.of_a.least_variance + one.of_b.least_variance, (one.of_a.rare, one.of_b.rare)

    def spread_for(wrong: float) -> Spread:
        return spread_of_difference(one.of_a.errors, one.of_b.errors, paired=paired, error=wrong, least_variance=least, rare=rare)

    alone, corrected = spread_for(error), spread_for(each)
    half_alone = alone.half_width(error)
    # What is asked among others is never better known than what is asked alone.
    half = max(corrected.half_width(each), half_alone)
    scale = one.of_a.scale
    shown = _shown(scale)
    return Comparison(
        measure=one.measure,
        quantile=one.quantile,
        a=one.a,
        b=one.b,
        scale=scale,
        effect=shown(distance),
        low=shown(distance - half),
        high=shown(distance + half),
        low_alone=shown(distance - half_alone),
        high_alone=shown(distance + half_alone),
        confidence=1 - error,
        p_value=alone.p_value(distance),
        p_corrected=max(alone.p_value(distance), family.corrected(corrected.p_value(distance))),
        differs=abs(distance) > half,
        degrees_of_freedom=corrected.degrees_of_freedom,
        rounds=min(one.of_a.rounds, one.of_b.rounds),
        detectable=shown(detectable(corrected, each)) - (1.0 if scale == "ratio" else 0.0),
        spread=corrected,
        error_each=each,
    )


def _shown(scale: Scale) -> Callable[[float], float]:
    return _ratio if scale == "ratio" else float


def _ratio(logarithm: float) -> float:
    return math.exp(logarithm) if logarithm < 700 else math.inf


def _inside(difference: float, scale: Scale) -> float:
    return math.log1p(difference) if scale == "ratio" else difference


def _directions(contrasts: Sequence[Contrast], paired: bool) -> Floats:
    """The errors of each contrast, part by part, in one row; those of engines that are not paired stand in columns apart."""
    if paired:
        rows = [_in_parts(one.of_b.errors) - _in_parts(one.of_a.errors) for one in contrasts]
        return _padded(rows)
    engines = sorted({engine for one in contrasts for engine in (one.a, one.b)})
    width = max(_in_parts(estimate.errors).size for one in contrasts for estimate in (one.of_a, one.of_b))
    rows = []
    for one in contrasts:
        row = np.zeros((len(engines), width))
        for engine, estimate, sign in ((one.a, one.of_a, -1.0), (one.b, one.of_b, 1.0)):
            errors = _in_parts(estimate.errors)
            row[engines.index(engine), : errors.size] = sign * errors
        rows.append(row.ravel())
    return _padded(rows)


def _padded(rows: Sequence[Floats]) -> Floats:
    width = max(row.size for row in rows)
    return np.array([row if row.size == width else np.pad(row, (0, width - row.size)) for row in rows])


def _in_parts(errors: Floats) -> Floats:
    """The errors in one row, with as many columns a round whether or not the parts of a round are known."""
    return (errors if errors.shape[1] == PARTS else np.repeat(errors / PARTS, PARTS, axis=1)).ravel()

"""How far an estimate may be off: what varies within rounds, what varies between them, and which of the two counts.

Whether the rounds of an engine differ by more than their own noise cannot be known from three of them. So it is asked,
and where the rounds show the least sign of it, only the differences between rounds count. `docs/statistics.md` has how
often that is right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from scipy.stats import f, t

from bench.statistics.samples import Floats


class Basis(StrEnum):
    """By what the error of a number is judged."""

    PARTS = "parts"
    """By all parts of all rounds: the rounds differ by no more than the noise within them would have them differ."""
    ROUNDS = "rounds"
    """By the differences between rounds alone."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard error with its degrees of freedom. `stretch` is by how much less than 1 - confidence its interval may err."""

    standard_error: float
    degrees_of_freedom: float
    basis: Basis
    caution: float = 1.0

    def half_width(self, error: float) -> float:
        """Half the width of an interval that is wrong with the probability `error`."""
        return self.standard_error * float(t.ppf(1 - error * self.caution / 2, self.degrees_of_freedom))

    def p_value(self, distance: float) -> float:
        """How probable an estimate that far off, or farther, is."""
        if self.standard_error == 0:
            return 1.0 if distance == 0 else 0.0
        return min(1.0, 2 * float(t.sf(abs(distance) / self.standard_error, self.degrees_of_freedom)) / self.caution)


@dataclass(frozen=True, slots=True)
class Strata:
    """Two estimates of the variance of one number: by the differences between rounds, and by those within them."""

    between: float
    between_freedom: float
    within: float
    within_freedom: float

    def differ(self, level: float) -> bool:
        """Whether the rounds differ by more than the noise within them, at this level: 0.4 is soon, 0.05 is late."""
        if self.within_freedom == 0 or self.within == 0:
            return self.within_freedom == 0 or self.between > 0
        return self.between / self.within > float(f.isf(level, self.between_freedom, self.within_freedom))

    def pooled(self, least: float) -> Spread:
        """Both together, where the rounds do not differ."""
        freedom = self.between_freedom + self.within_freedom
        variance = (self.between * self.between_freedom + self.within * self.within_freedom) / freedom
        return Spread(math.sqrt(max(variance, least)), freedom, Basis.PARTS)

    def __add__(self, other: Strata) -> Strata:
        """Those of the difference of two independent numbers (degrees of freedom: Satterthwaite, Biometrics 2, 1946)."""
        return Strata(
            self.between + other.between,
            _satterthwaite((self.between, self.between_freedom), (other.between, other.between_freedom)),
            self.within + other.within,
            _satterthwaite((self.within, self.within_freedom), (other.within, other.within_freedom)),
        )


def strata_of(errors: Floats) -> Strata:
    """The strata of an estimate by its errors, a row a round and a column a part.

    The variance of a sum of independent rounds is the sum of theirs; of parts in pairs, that of their differences. That
    leaves out what changes slowly within a round, which is a matter of rounds.
    """
    rounds, parts = errors.shape
    sums = errors.sum(axis=1)
    between = float(sums.var(ddof=1)) * rounds if rounds > 1 else 0.0
    within = float((errors - errors.mean(axis=1, keepdims=True)).__pow__(2).sum()) * parts / (parts - 1) if parts > 1 else 0.0
    return Strata(between, rounds - 1, within, rounds * (parts - 1))


def _satterthwaite(*parts: tuple[float, float]) -> float:
    whole = sum(variance for variance, _ in parts)
    if whole == 0:
        return sum(freedom for _, freedom in parts)
    below = sum(variance**2 / freedom for variance, freedom in parts if freedom)
    return whole**2 / below if below else 0.0


OWN_ROUNDS = 0.4
"""Rounds count alone where a test at this level sees an engine's rounds differ: soon, since an unseen difference between
rounds makes false winners, and a wrongly seen one only makes the interval wider (Bancroft, Annals of Mathematical
Statistics 15, 1944, on pooling after a test)."""
SHARED_ROUNDS = 0.75
"""The same for the difference of two engines, where both had the same good and bad rounds."""
_GROSS = 0.05
_CAUTION = 0.8
"""Of two intervals over rounds the narrower is taken. Each may therefore err so much less often."""


def spread_of(errors: Floats, least_variance: float = 0.0) -> Spread:
    """The spread of one engine's number over rounds: what another run of as many rounds would vary by."""
    strata = strata_of(errors)
    if strata.between_freedom == 0:
        return Spread(math.sqrt(max(strata.within, least_variance)), strata.within_freedom, Basis.PARTS)
    if not strata.differ(OWN_ROUNDS):
        return strata.pooled(least_variance)
    return Spread(math.sqrt(max(strata.between, least_variance)), strata.between_freedom, Basis.ROUNDS)


def spread_of_difference(a: Floats, b: Floats, *, paired: bool, error: float, least_variance: float = 0.0) -> Spread:
    """The spread of the difference of two engines' numbers, for an interval that is wrong with the probability `error`.

    `paired` says that both had the same rounds at the same time, so that what happened to both falls out.
    """
    apart = strata_of(a) + strata_of(b)
    if not paired:
        if not apart.differ(OWN_ROUNDS):
            return apart.pooled(least_variance)
        return Spread(math.sqrt(max(apart.between, least_variance)), apart.between_freedom, Basis.ROUNDS)
    together = strata_of(b - a)
    none_seen = not apart.differ(OWN_ROUNDS) and not together.differ(_GROSS)
    if none_seen or not together.differ(SHARED_ROUNDS):
        return together.pooled(least_variance)
    candidates = [Spread(math.sqrt(max(one.between, least_variance)), one.between_freedom, Basis.ROUNDS, _CAUTION) for one in (apart, together)]
    return min(candidates, key=lambda one: one.half_width(error))

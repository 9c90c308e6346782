"""How far an estimate may be off: what varies within rounds, what varies between them, and which of the two counts.

Whether the rounds of an engine differ by more than their own noise cannot be known from three of them. So it is asked,
and where the rounds show the least sign of it, only the differences between rounds count. `docs/statistics.md` has how
often that is right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from scipy.special import fdtrc, stdtr, stdtrit

from bench.statistics.samples import PARTS, Floats, TooFewError


class Basis(StrEnum):
    """By what the error of a number is judged."""

    PARTS = "parts"
    """By all parts of all rounds: the rounds differ by no more than the noise within them would have them differ."""
    ROUNDS = "rounds"
    """By the differences between rounds alone."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard error with its degrees of freedom. Of the error that an interval is allowed, it takes the share `caution`."""

    standard_error: float
    degrees_of_freedom: float
    basis: Basis
    caution: float = 1.0

    def half_width(self, error: float) -> float:
        """Half the width of an interval that is wrong with the probability `error`."""
        return -self.standard_error * float(stdtrit(self.degrees_of_freedom, error * self.caution / 2))

    def p_value(self, distance: float) -> float:
        """How probable an estimate that far off, or farther, is."""
        if self.standard_error == 0:
            return 1.0 if distance == 0 else 0.0
        return min(1.0, 2 * float(stdtr(self.degrees_of_freedom, -abs(distance) / self.standard_error)) / self.caution)


@dataclass(frozen=True, slots=True)
class Strata:
    """Two estimates of the variance of one number: by the differences between rounds, and by those within them.

    `squares` and `products` are sums over the deviations of parts from their round: of each with itself, and with the
    next part. They tell whether parts that follow each other are alike.
    """

    between: float
    between_freedom: float
    within: float
    within_freedom: float
    squares: float
    products: float
    pieces: int
    """How many deviations of parts are free."""

    def differ(self, level: float) -> bool:
        """Whether the rounds differ by more than the noise within them, at this level: 0.4 is soon, 0.05 is late."""
        if self.within_freedom == 0 or self.within == 0:
            return self.within_freedom == 0 or self.between > 0
        return float(fdtrc(self.between_freedom, self.within_freedom, self.between / self.within)) < level

    def pooled(self, least: float) -> Spread:
        """Both together, where the rounds do not differ."""
        freedom = self.between_freedom + self.within_freedom
        variance = (self.between * self.between_freedom + self.within * self.within_freedom) / freedom
        return Spread(math.sqrt(max(variance * self._of_neighbours(), least)), freedom, Basis.PARTS)

    def over_rounds(self, least: float) -> Spread:
        """The differences between rounds alone, where they differ."""
        return Spread(math.sqrt(max(self.between, least)), self.between_freedom, Basis.ROUNDS)

    def _of_neighbours(self) -> float:
        """By how much parts that are like their neighbours know less than they seem to: 1 where no sign of it is seen."""
        if self.squares == 0:
            return 1.0
        alike = self.products / self.squares + 1 / PARTS
        return 1 + 2 * alike if alike > 1 / math.sqrt(self.pieces) else 1.0

    def __add__(self, other: Strata) -> Strata:
        """Those of the difference of two independent numbers (degrees of freedom: Satterthwaite, Biometrics 2, 1946)."""
        known = self.within_freedom and other.within_freedom
        within_freedom = _satterthwaite((self.within, self.within_freedom), (other.within, other.within_freedom)) if known else 0.0
        return Strata(
            self.between + other.between,
            _satterthwaite((self.between, self.between_freedom), (other.between, other.between_freedom)),
            self.within + other.within,
            within_freedom,
            self.squares + other.squares,
            self.products + other.products,
            self.pieces + other.pieces,
        )


def strata_of(errors: Floats) -> Strata:
    """The strata of an estimate by its errors, a row a round and a column a part.

    The variance of a sum of independent pieces is that of the pieces times their number, by rounds and by parts alike.
    """
    rounds, parts = errors.shape
    sums = errors.sum(axis=1)
    between = float(((sums - sums.mean()) ** 2).sum()) * rounds / (rounds - 1) if rounds > 1 else 0.0
    off = errors - sums[:, None] / parts
    squares, pieces = float((off**2).sum()), rounds * (parts - 1)
    within = squares * parts / (parts - 1) if parts > 1 else 0.0
    return Strata(between, rounds - 1, within, pieces, squares, float((off[:, 1:] * off[:, :-1]).sum()), pieces)


def _satterthwaite(*parts: tuple[float, float]) -> float:
    whole = sum(variance for variance, _ in parts)
    if whole == 0:
        return sum(freedom for _, freedom in parts)
    below = sum(variance**2 / freedom for variance, freedom in parts if freedom)
    return whole**2 / below if below else 0.0


_FEWER = 0.2
"""By so much sooner do rounds count alone where one number for each round is all that the test has: of one engine, or of
the difference of two."""
_CLEAR = 0.1
"""At this level a measure's best known number shows that rounds differ, for its other numbers too."""
_GROSS = 0.05
"""At this level the test always takes rounds for different, and parts that say otherwise are not asked."""
_CAUTION = 0.8
"""Of two intervals over rounds the narrower is taken. Each may therefore err so much less often than in 5 %, and less
again where it may err less often anyway: far out, the choice weighs more."""


def _soon(rounds: int, error: float, sooner: float = 0.0) -> float:
    """The level of the test whether rounds differ: 0.5 with three rounds, and later the more rounds can show it.

    An unseen difference between rounds makes false winners; one that is wrongly seen only makes the interval wider. So
    the less often an interval may err, the sooner rounds count alone. The numbers keep the true error of intervals that
    may err in 0.5 to 5 % near that, whatever rounds share and whatever is their own: `docs/statistics.md` has a table.
    """
    alone = min(1.5 / rounds + sooner, 1.0)
    return max(1 - (1 - alone) * math.pow(error / 0.05, 0.4), _GROSS)


def spread_of(errors: Floats, error: float, least_variance: float = 0.0) -> Spread:
    """The spread of one engine's number over rounds: what another run of as many rounds would vary by.

    It is for an interval that is wrong with the probability `error`. Of one round it is that of its parts. Raises
    `TooFewError` of one round without parts.
    """
    strata = strata_of(errors)
    if strata.between_freedom + strata.within_freedom == 0:
        raise TooFewError("one round that is known only as a whole does not say how far off it is; it takes two")
    if strata.between_freedom == 0 or not strata.differ(_soon(len(errors), error, _FEWER)):
        return strata.pooled(least_variance)
    return strata.over_rounds(least_variance)


@dataclass(frozen=True, slots=True)
class Uneven:
    """Whether the rounds of two engines were clearly unlike: of each engine (`apart`), and in their difference (`together`)."""

    apart: bool = False
    together: bool = False


def uneven(a: Floats, b: Floats, *, paired: bool) -> Uneven:
    """What one number of two engines says of their rounds; the best known of a measure says it of the others too."""
    return Uneven((strata_of(a) + strata_of(b)).differ(_CLEAR), paired and strata_of(b - a).differ(_CLEAR))


def spread_of_difference(a: Floats, b: Floats, *, paired: bool, error: float, least_variance: float = 0.0, known: Uneven = Uneven()) -> Spread:
    """The spread of the difference of two engines' numbers, for an interval that is wrong with the probability `error`.

    `paired` says that both had the same rounds at the same time, so that what happened to both falls out. Where rounds
    differ for both, the parts of their difference are still asked, but sooner let go. `known` is what other numbers of
    the same measure say of the rounds.
    """
    apart, rounds = strata_of(a) + strata_of(b), min(len(a), len(b))
    differ = known.apart or apart.differ(_soon(rounds, error))
    if not paired:
        return apart.over_rounds(least_variance) if differ else apart.pooled(least_variance)
    together = strata_of(b - a)
    none_seen = not differ and not together.differ(_GROSS)
    if none_seen or not (known.together or together.differ(_soon(rounds, error, _FEWER))):
        return together.pooled(least_variance)
    caution = _CAUTION * math.pow(min(error / 0.05, 1.0), 0.25)
    over_rounds = [replace(one.over_rounds(least_variance), caution=caution) for one in (apart, together)]
    return min(over_rounds, key=lambda one: one.half_width(error))

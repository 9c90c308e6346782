"""How far an estimate may be off, by how much the rounds differ.

Nothing narrower is right whatever happens between rounds. What the chats within them tell could say that rounds differ
by no more than noise, but three rounds do not show it, and a choice that depends on what they seem to show makes false
winners. `docs/statistics.md` has how often the intervals are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bench.statistics.samples import Floats, TooFewError

_USUAL = 0.05
_TOGETHER, _APART = 0.8, 0.6
"""Of two intervals the narrower is taken. Each may therefore err so much less often: in 4 and 3 % where 5 % are allowed."""
_SHARES_TOGETHER, _SHARES_APART = 0.9, 0.7
"""The same of shares: where bad attempts are few, no interval can err as often as is allowed, and none need be so careful."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard error with its degrees of freedom. Of the error that an interval is allowed, it takes the share `caution`, and of that `far_out`,
    which is nearer to 1 the more rounds there are. `least_error` is a standard error that is known without looking at rounds, so that it has no
    degrees of freedom: nothing is held to be known better than that tells."""

    standard_error: float
    degrees_of_freedom: float
    caution: float = 1.0
    far_out: float = 1.0
    least_error: float = 0.0

    def half_width(self, error: float) -> float:
        """Half the width of an interval that is wrong with the probability `error`."""
        seen = self.standard_error * float(stdtrit(self.degrees_of_freedom, error * self.caution * self.far_out / 2))
        return -min(seen, self.least_error * float(ndtri(error / 2)))

    def p_value(self, distance: float) -> float:
        """How probable an estimate that far off, or farther, is."""
        if distance == 0:
            return 1.0
        off = -abs(distance)
        seen = float(stdtr(self.degrees_of_freedom, off / self.standard_error)) / (self.caution * self.far_out) if self.standard_error else 0.0
        least = float(ndtr(off / self.least_error)) if self.least_error else 0.0
        return min(1.0, 2 * max(seen, least))


def variance_over_rounds(errors: Floats) -> float:
    """The variance of a sum of independent errors, one for each round: that of a round's errors times their number."""
    rounds, sums = len(errors), errors.sum(axis=1)
    off = sums - sums.sum() / rounds
    return float(off @ off) * rounds / (rounds - 1)


def variance_about_a_line(errors: Floats) -> float:
    """The same of rounds that drift: by how much they are off a straight line, which takes one more degree of freedom."""
    rounds, sums = len(errors), errors.sum(axis=1)
    place = np.arange(rounds) - (rounds - 1) / 2
    off = sums - sums.mean() - place * float(place @ sums) / float(place @ place)
    return float(off @ off) * rounds / (rounds - 2)


def variance_within(errors: Floats) -> float:
    """The same by how much the parts of a round differ, which says nothing of what makes a round as a whole unlike the next."""
    parts = int(errors.shape[1])
    return float((_off(errors) ** 2).sum()) * parts / (parts - 1)


def spread_of(errors: Floats, error: float) -> Spread:
    """The spread of one engine's quantile or rate over rounds, for an interval that is wrong with the probability `error`.

    It is what another run of as many rounds would vary by (Student), also if it drifts as this one did: rounds are judged
    both by how much they differ from each other and by how much they are off a straight line, and the narrower counts. A
    line does not move their mean, so that both are right where rounds differ by chance. The more rounds, the more often
    are both wrong together, and the less often need each err. Of one round it is that of its parts. Raises `TooFewError`
    of one round without parts.
    """
    rounds, level = len(errors), spread_of_level(errors)
    if rounds < 3:
        return level
    caution = 1 - 1 / rounds
    drifting = Spread(math.sqrt(variance_about_a_line(errors)), rounds - 2, caution)
    return min(replace(level, caution=caution), drifting, key=lambda one: one.half_width(error))


def spread_of_level(errors: Floats) -> Spread:
    """The spread of one engine's number by how much its rounds differ from each other; of one round by how much its parts do.

    Raises `TooFewError` of one round without parts.
    """
    rounds, parts = errors.shape
    if rounds == 1 == parts:
        raise TooFewError("one round that is known only as a whole does not say how far off it is; it takes two")
    if rounds == 1:
        return Spread(math.sqrt(variance_within(errors) * _of_neighbours(errors)), parts - 1)
    return Spread(math.sqrt(variance_over_rounds(errors)), rounds - 1)


def freedom_of(degrees_of_freedom: float, variance: float, share: float) -> float:
    """The degrees of freedom of the variance of a share of rare attempts, which has so many of other values.

    How much rounds differ is chance the less, the fewer rare attempts there were: one makes one round differ by one,
    whichever that is. Of k independent ones the variance is known as with 1 / (1 - 1 / k) times the degrees of freedom
    (Haldane, Biometrika 29, 1937). Where they come together, they are worth fewer: the squared share over its variance.
    """
    one_over_worth = variance / share**2 if share else 0.0
    return degrees_of_freedom / (1 - one_over_worth) if one_over_worth < 1 else math.inf


def spread_of_difference(
    a: Floats, b: Floats, *, paired: bool, error: float, least_variance: float = 0.0, rare: tuple[float, float] = (math.inf, math.inf)
) -> Spread:
    """The spread of the difference of two engines' numbers, for an interval that is wrong with the probability `error`.

    `paired` says that both had the same rounds at the same time. Then the difference is judged both with what happened to
    both taken out (Student, one degree of freedom a round) and without (Welch, two), and the narrower counts. Of shares,
    `rare` is for each engine the share of those attempts, good or bad, that were fewer.
    """
    far_out = _far_out(error, min(len(a), len(b)))
    least_error = math.sqrt(least_variance)
    of_a, of_b = variance_over_rounds(a), variance_over_rounds(b)
    sides = [
        (variance, freedom_of(rounds - 1, variance, share)) for variance, rounds, share in zip((of_a, of_b), (len(a), len(b)), rare, strict=True)
    ]
    apart = Spread(math.sqrt(of_a + of_b), _welch(*sides), far_out=far_out, least_error=least_error)
    if not paired:
        return apart
    of_both = variance_over_rounds(b - a)
    together = Spread(math.sqrt(of_both), freedom_of(len(a) - 1, of_both, sum(rare)), far_out=far_out, least_error=least_error)
    cautions = (_SHARES_TOGETHER, _SHARES_APART) if math.isfinite(sum(rare)) else (_TOGETHER, _APART)
    careful = [replace(one, caution=caution) for one, caution in zip((together, apart), cautions, strict=True)]
    return min(careful, key=lambda one: one.half_width(error))


def _far_out(error: float, rounds: int) -> float:
    """By how much less often than is asked an interval is to err that may err less often than usual.

    Comparisons that are made together are wrong together less than their estimates are: each has a spread of its own,
    which may be too small by chance. With few rounds that is what makes false winners.
    """
    return math.pow(min(error / _USUAL, 1.0), 1 / rounds)


def _welch(*sides: tuple[float, float]) -> float:
    """The degrees of freedom of the sum of two variances, each of which has so many (Welch, Biometrika 34, 1947).

    Satterthwaite's formula is for known variances. With three rounds each, that makes intervals of 95 % hold in 96.5 %.
    """
    all_alike = sum(freedom for _, freedom in sides)
    below = sum(variance**2 / (freedom + 2) for variance, freedom in sides)
    return min(sum(variance for variance, _ in sides) ** 2 / below - 2, all_alike) if below else all_alike


def _off(errors: Floats) -> Floats:
    return np.asarray(errors - errors.mean(axis=1, keepdims=True))


def _of_neighbours(errors: Floats) -> float:
    """By how much parts that are like their neighbours know less than they seem to: 1 where no sign of it is seen."""
    off, (rounds, parts) = _off(errors), errors.shape
    squares = float((off**2).sum())
    if squares == 0:
        return 1.0
    alike = float((off[:, 1:] * off[:, :-1]).sum()) / squares + 1 / parts
    return 1 + 2 * alike if alike > 1 / math.sqrt(rounds * (parts - 1)) else 1.0

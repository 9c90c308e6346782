"""How far an estimate may be off, by how much the rounds differ.

Nothing narrower is right whatever happens between rounds. What the chats within them tell could say that rounds differ
by no more than noise, but three rounds do not show it, and a choice that depends on what they seem to show makes false
winners. `docs/statistics.md` has how often the intervals are right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from bench.statistics.samples import Floats, TooFewError

_USUAL = 0.05
_PAIRED, _APART = 0.8, 0.6
"""Of two intervals the narrower is taken. Each may therefore err so much less often: in 4 and 3 % where 5 % are allowed."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A standard error with its degrees of freedom. Of the error that an interval is allowed, it takes the share `caution`, and of that `far_out`,
    which is nearer to 1 the more rounds there are."""

    standard_error: float
    degrees_of_freedom: float
    caution: float = 1.0
    far_out: float = 1.0

    def half_width(self, error: float) -> float:
        """Half the width of an interval that is wrong with the probability `error`."""
        return -self.standard_error * float(stdtrit(self.degrees_of_freedom, error * self.caution * self.far_out / 2))

    def p_value(self, distance: float) -> float:
        """How probable an estimate that far off, or farther, is."""
        if self.standard_error == 0:
            return 1.0 if distance == 0 else 0.0
        return min(1.0, 2 * float(stdtr(self.degrees_of_freedom, -abs(distance) / self.standard_error)) / (self.caution * self.far_out))


def variance_over_rounds(errors: Floats) -> float:
    """The variance of a sum of independent errors, one for each round: that of a round's errors times their number."""
    rounds, sums = len(errors), errors.sum(axis=1)
    off = sums - sums.sum() / rounds
    return float(off @ off) * rounds / (rounds - 1)


def variance_within(errors: Floats) -> float:
    """The same by how much the parts of a round differ, which says nothing of what makes a round as a whole unlike the next."""
    parts = int(errors.shape[1])
    return float((_off(errors) ** 2).sum()) * parts / (parts - 1)


def spread_of(errors: Floats, least_variance: float = 0.0) -> Spread:
    """The spread of one engine's number over rounds: what another run of as many rounds would vary by (Student).

    Of one round it is that of its parts. Raises `TooFewError` of one round without parts.
    """
    rounds, parts = errors.shape
    if rounds > 1:
        return Spread(_error(variance_over_rounds(errors), least_variance), rounds - 1)
    if parts == 1:
        raise TooFewError("one round that is known only as a whole does not say how far off it is; it takes two")
    return Spread(_error(variance_within(errors) * _of_neighbours(errors), least_variance), parts - 1)


def spread_of_difference(a: Floats, b: Floats, *, paired: bool, error: float, least_variance: float = 0.0) -> Spread:
    """The spread of the difference of two engines' numbers, for an interval that is wrong with the probability `error`.

    `paired` says that both had the same rounds at the same time. Then the difference is judged both with what happened to
    both taken out (Student, one degree of freedom a round) and without (Welch, two), and the narrower counts.
    """
    far_out = _far_out(error, min(len(a), len(b)))
    of_a, of_b = variance_over_rounds(a), variance_over_rounds(b)
    apart = _error(of_a + of_b, least_variance), _welch((of_a, len(a)), (of_b, len(b)))
    if not paired:
        return Spread(*apart, far_out=far_out)
    together = _error(variance_over_rounds(b - a), least_variance), len(a) - 1
    return min(Spread(*together, _PAIRED, far_out), Spread(*apart, _APART, far_out), key=lambda one: one.half_width(error))


def _far_out(error: float, rounds: int) -> float:
    """By how much less often than is asked an interval is to err that may err less often than usual.

    Comparisons that are made together are wrong together less than their estimates are: each has a spread of its own,
    which may be too small by chance. With few rounds that is what makes false winners.
    """
    return math.pow(min(error / _USUAL, 1.0), 1 / rounds)


def _error(variance: float, least_variance: float) -> float:
    return math.sqrt(max(variance, least_variance))


def _welch(*sides: tuple[float, int]) -> float:
    """The degrees of freedom of the sum of two variances, each of so many rounds (Welch, Biometrika 34, 1947).

    Satterthwaite's formula is for known variances. With three rounds each, that makes intervals of 95 % hold in 96.5 %.
    """
    all_alike = sum(rounds - 1 for _, rounds in sides)
    below = sum(variance**2 / (rounds + 1) for variance, rounds in sides)
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

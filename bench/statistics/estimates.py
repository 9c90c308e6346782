"""What engines are compared by: a number over all rounds, and what each part of each round added to its error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.statistics.clusters import enough
from bench.statistics.quantiles import quantile_name, refuse_fewer, smoothed_quantile, without_each
from bench.statistics.samples import PARTS, Floats, Round, TooFewError

Scale = Literal["ratio", "difference"]
Indices = NDArray[np.int64]
_SHORTEST_SECONDS = 1e-9
"""Times have logarithms only above 0. What was shorter than a clock can tell counts as this."""
_SMOOTHER = 3
"""What a round moved is told by quantiles over so many times as much of the sample as the estimate: it varies less by chance."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number of one engine over all rounds, on the scale on which engines are compared.

    `value` is a natural logarithm where `scale` is `ratio`. `errors` has a row a round and a column a part of it; their
    sum is 0, and each is what this part added to the error of `value`, as far as that can be seen. `attempts` is of how
    many attempts it is a share; 0 of what is no share. `tail` is how far a quantile lies in a tail: 0 for p50 and for what
    is no quantile, 0.9 for p95, -0.9 for p5.
    """

    value: float
    errors: Floats
    scale: Scale = "ratio"
    attempts: int = 0
    tail: float = 0.0

    @property
    def rounds(self) -> int:
        """How many rounds it is of."""
        return len(self.errors)

    @property
    def least_variance(self) -> float:
        """What the variance of a share cannot be below, though all attempts ended alike: that of one bad one among them.

        One good and one bad attempt more keep it above 0 (Agresti and Caffo, The American Statistician 54, 2000).
        """
        careful = 1 / (self.attempts + 2)
        return careful * (1 - careful) / (self.attempts + 2) if self.attempts else 0.0

    @property
    def rare(self) -> float:
        """Of a share, that of those attempts, good or bad, that were fewer; infinite of what is no share."""
        return min(self.value, 1 - self.value) if self.attempts else math.inf

    @property
    def shown(self) -> float:
        """The number as people read it: seconds, tokens a second, or a share."""
        return math.exp(self.value) if self.scale == "ratio" else self.value


def quantile_estimate(rounds: Sequence[Round], quantile: float) -> Estimate:
    """A quantile over all values of all rounds together, as a logarithm. Of several quantiles, `Pooled` sorts but once.

    Raises `TooFewError` where the chats are too few for this quantile, where a round has none, or where the quantile lies
    among failed chats, so that it is no number.
    """
    return Pooled.of(rounds).quantile(quantile)


@dataclass(frozen=True, slots=True)
class Pooled:
    """All values of all rounds, sorted, as logarithms."""

    ordered: Floats
    rounds: Indices
    """The round of each value, from 0."""
    cells: Indices
    """The part of a round of each value, counted through all rounds."""
    chats: Indices
    """The chat of each value, counted through all rounds."""
    clustered: bool
    """Whether a chat may have several values."""

    @classmethod
    def of(cls, rounds: Sequence[Round]) -> Pooled:
        """Those of these rounds. Raises `TooFewError` where there are none, or one has no chats."""
        _refuse_empty(rounds)
        values = np.log(np.maximum(np.concatenate([one.values for one in rounds]), _SHORTEST_SECONDS))
        order = np.argsort(values, kind="stable")
        which = np.repeat(np.arange(len(rounds)), [len(one.values) for one in rounds])
        cells = which * PARTS + np.concatenate([one.parts() for one in rounds])
        clustered = any(one.chats is not None for one in rounds)
        return cls(values[order], which[order], cells[order], _numbered(rounds)[order], clustered)

    def quantile(self, quantile: float) -> Estimate:
        """A quantile of them. Raises `TooFewError` as `quantile_estimate` does."""
        refuse_fewer(int(self.chats.max()) + 1, quantile)
        worth = round(enough(self.ordered, self.chats, quantile)) if self.clustered else len(self.ordered)
        found = smoothed_quantile(self.ordered, quantile, worth)
        if math.isinf(found.value):
            share = float(np.isinf(self.ordered).mean())
            raise TooFewError(f"{quantile_name(quantile)} lies among the failed chats: {share:.1%} failed; compare their success instead")
        rounds = int(self.rounds.max()) + 1
        errors = np.bincount(self.cells, weights=found.influence, minlength=rounds * PARTS).reshape(rounds, PARTS) / len(self.ordered)
        if rounds > 2:
            errors = _by_leaving_out(errors, without_each(self.ordered, self.rounds, quantile, worth // _SMOOTHER))
        return Estimate(found.value, errors, tail=2 * quantile - 1)


def share_estimate(rounds: Sequence[Round]) -> Estimate:
    """The share of attempts that were good (values of 1) among all (values of 0 and 1), compared by differences.

    Raises `TooFewError` where a round has no attempts.
    """
    _refuse_empty(rounds)
    good = np.concatenate([one.values for one in rounds])
    share = float(good.mean())
    return Estimate(share, _by_parts(rounds, good - share), "difference", len(good))


def rate_estimate(parts: Floats) -> Estimate:
    """A rate, such as tokens a second, as a logarithm of its mean over rounds (rows) and equally long parts (columns).

    There are `PARTS` columns, or one, where only whole rounds are known. Raises `TooFewError` where nothing was counted.
    """
    if parts.ndim != 2 or parts.shape[1] not in (1, PARTS):
        raise ValueError(f"a rate has a row a round, and 1 or {PARTS} columns; this has the shape {parts.shape}")
    mean = float(parts.mean()) if parts.size else 0.0
    if mean <= 0:
        raise TooFewError("a rate of 0 has no ratio to another")
    return Estimate(math.log(mean), (parts / mean - 1) / parts.size)


def _by_leaving_out(errors: Floats, without: Floats) -> Floats:
    """The errors, with what each round added to them as a whole told by leaving it out (jackknife), if that is finite.

    Influence is told by the density at the quantile, which a bad round changes: p99 may lie in that round alone.
    """
    if not np.isfinite(without).all():
        return errors
    rounds, parts = errors.shape
    whole = (without.mean() - without) * (rounds - 1) / rounds
    return np.asarray(errors + (whole - errors.sum(axis=1))[:, None] / parts)


def value_estimate(values: Floats) -> Estimate:
    """The mean of the logarithms of one value a round, where no more is known: of other tools' files, a run being a round.

    Raises `TooFewError` without values, or where one is not above 0 or not finite: it has no ratio to another.
    """
    if not len(values) or not (np.isfinite(values) & (values > 0)).all():
        raise TooFewError("a ratio needs a finite value above 0 of each round")
    logs = np.log(values)
    return Estimate(float(logs.mean()), (logs - logs.mean())[:, None] / len(logs))


def _refuse_empty(rounds: Sequence[Round]) -> None:
    if not rounds:
        raise TooFewError("there are no rounds")
    for number, one in enumerate(rounds, 1):
        if not len(one.values):
            raise TooFewError(f"round {number} has no chats")


def _numbered(rounds: Sequence[Round]) -> Indices:
    """One number for each chat of all rounds, for each of its values."""
    numbers, before = [], 0
    for one in rounds:
        own = np.arange(len(one.values)) if one.chats is None else np.unique(one.chats, return_inverse=True)[1]
        numbers.append(own + before)
        before += int(own.max()) + 1
    return np.concatenate(numbers)


def _by_parts(rounds: Sequence[Round], influence: Floats) -> Floats:
    """The sums of the influence over each part of each round, each value counting one share of all."""
    errors, begin = [], 0
    for one in rounds:
        own = influence[begin : begin + len(one.values)]
        errors.append(np.bincount(one.parts(), weights=own, minlength=PARTS))
        begin += len(one.values)
    return np.array(errors) / len(influence)

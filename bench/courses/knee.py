"""The knee of a sweep: where what an engine carries stops following what is asked of it.

Two lines in logarithms, found by least squares: carried = share × amount below the knee, and the same at every amount
above it. These are the asymptotes of every queue, open or closed (Denning and Buzen, *The Operational Analysis of
Queueing Network Models*, 1978). One point a level, so that what the lines do not fit widens the interval. The interval
holds every knee whose squares an F-test does not tell from the least ones.

Where the lines fit badly, the knee is only bracketed: between the last level that is still followed and the first that
is not. No knee is named that the sweep did not reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from bench.courses import flow
from bench.courses.varying import Varying, amount_of
from bench.level import Measured
from bench.measures import TTFT

LEVELS_AT_LEAST = 4
"""Two lines through fewer points would leave nothing to judge them by."""
FITS_WITHIN = 0.2
"""Lines from which a level lies farther than this, as a share of it, do not fit."""
FOLLOWED = 0.9
"""A level is followed that carries this share of what it would at the lowest level's ratio."""
WAIT_LEAVES = 2.0
"""The wait for first tokens has left its level where its 90th percentile is so many times that of the lowest level."""
WAIT_QUANTILE = 0.9
_WAITS_AT_LEAST = 20
_GRID = 4001


@dataclass(frozen=True, slots=True)
class Knee:
    """Amounts between which the knee lies: chats a second or users.

    `at` is the best guess of it, with an interval of this confidence from `low` to `high`; None where the lines did not
    fit: then `low` is a level that was followed, and `high` one that was not.
    """

    target: str
    low: float
    high: float
    at: float | None
    confidence: float | None
    carried_per_second: float
    """What is carried at most."""

    def words(self, varying: Varying) -> str:
        """The finding, for people."""
        unit = " users" if varying.of_users else "/s"
        low, high = f"{self.low:.3g}{unit}", f"{self.high:.3g}{unit}"
        if self.at is None:
            return f"the knee lies between {low}, which is followed, and {high}, which is not"
        return f"the knee lies at {self.at:.3g}{unit} ({low} to {high}); {self.carried_per_second:.3g} chats/s are carried at most"


@dataclass(frozen=True, slots=True)
class NoKnee:
    """Why none is named, for people."""

    target: str
    why: str


@dataclass(frozen=True, slots=True)
class Rise:
    """The wait for first tokens leaves its level between two levels that were measured."""

    target: str
    low: Fraction
    high: Fraction


def knee(measured: Sequence[Measured], target: str, varying: Varying, confidence: float = 0.95) -> Knee | NoKnee:
    """The knee of one target in a sweep. Levels without enough chats are left out."""
    points = _points(measured, target, varying)
    if len(points) < LEVELS_AT_LEAST:
        return NoKnee(target, f"{len(points)} levels have enough chats; a knee takes {LEVELS_AT_LEAST} at least")
    amounts, carried = np.array(points).T
    lines = _fit(np.log(amounts), np.log(carried), confidence)
    lowest, highest = float(amounts[0]), float(amounts[-1])
    if lines.off > FITS_WITHIN:
        return _bracketed(target, varying, amounts, carried)
    if not lines.ends:
        return _not_reached(target, varying, highest)
    if not lines.begins:
        return _begins_above(target, varying, lowest)
    return Knee(target, lines.low, lines.high, lines.at, confidence, lines.most)


def rise(measured: Sequence[Measured], target: str) -> Rise | None:
    """Where the wait for first tokens leaves its level: None if it never does, or where too few chats tell it.

    Chats that timed out without a token count with the time that they waited.
    """
    waits = [
        (amount, wait) for level in measured if (amount := amount_of(level.level, target)) is not None and (wait := _wait(level, target)) is not None
    ]
    for (low, _), (high, wait) in pairwise(waits):
        if wait > WAIT_LEAVES * waits[0][1]:
            return Rise(target, low, high)
    return None


@dataclass(frozen=True, slots=True)
class _Lines:
    at: float
    low: float
    high: float
    most: float
    off: float
    """How far the farthest point lies from the lines, as a share."""
    begins: bool
    """Whether the interval begins above the lowest point."""
    ends: bool
    """Whether it ends below the highest."""


def _fit(x: NDArray[np.float64], y: NDArray[np.float64], confidence: float) -> _Lines:
    """The lines y = a + min(x, knee). All in logarithms, x rising."""
    knees = np.linspace(x[0], x[-1], _GRID)
    below = np.minimum(x[:, None], knees)
    offsets = (y[:, None] - below).mean(axis=0)
    errors = y[:, None] - below - offsets
    squares = (errors**2).sum(axis=0)
    best = int(squares.argmin())
    free = len(x) - 2
    within = knees[squares <= squares[best] * (1 + fdtri(1, free, confidence) / free)]
    at, low, high, most = np.exp([knees[best], within[0], within[-1], knees[best] + offsets[best]]).tolist()
    off = float(np.expm1(np.abs(errors[:, best]).max()))
    return _Lines(at, low, high, most, off, begins=bool(within[0] > knees[0]), ends=bool(within[-1] < knees[-1]))


def _points(measured: Sequence[Measured], target: str, varying: Varying) -> list[tuple[float, float]]:
    """(what was asked for, chats carried a second) of each level, in rising order."""
    found = []
    for level in measured:
        amount, seen = amount_of(level.level, target), flow.of(level, target)
        if amount is not None and seen is not None:
            found.append((float(amount) if varying.of_users else seen.offered_per_second, seen.carried_per_second))
    return sorted(found)


def _bracketed(target: str, varying: Varying, amounts: NDArray[np.float64], carried: NDArray[np.float64]) -> Knee | NoKnee:
    ratio = carried[0] / amounts[0]
    followed = carried >= FOLLOWED * ratio * amounts
    if followed.all():
        return _not_reached(target, varying, float(amounts[-1]))
    first = int(followed.argmin())
    if first == 1:
        return _begins_above(target, varying, float(amounts[0]))
    return Knee(target, float(amounts[first - 1]), float(amounts[first]), None, None, float(carried.max()))


def _not_reached(target: str, varying: Varying, highest: float) -> NoKnee:
    return NoKnee(target, f"the sweep did not reach it: up to {_said(varying, highest)} what is carried follows what is asked for; sweep higher")


def _begins_above(target: str, varying: Varying, lowest: float) -> NoKnee:
    return NoKnee(target, f"the sweep begins too high: already near {_said(varying, lowest)} not all is carried; begin lower")


def _said(varying: Varying, amount: float) -> str:
    return f"{amount:.3g}{' users' if varying.of_users else '/s'}"


def _wait(measured: Measured, target: str) -> float | None:
    waits = (TTFT.of(chat) for chat in measured.chats if chat.target == target and chat.counts)
    known = [wait for wait in waits if wait is not None]
    return float(np.quantile(known, WAIT_QUANTILE)) if len(known) >= _WAITS_AT_LEAST else None

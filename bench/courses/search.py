"""A search for the highest rate, or number of users, that meets an SLO.

From the lowest amount on it doubles until one fails, and then halves the gap between the highest that passed and the
lowest that failed, until the gap is as small as was asked for. Each amount gets one round after another until a bound on
its goodput decides, or it had the most rounds. The amount that was found is measured anew in the end, and only this
counts: an amount that was chosen because it passed has had luck, more often than not. If it fails now, the search goes
on below it.

Each target has a search of its own. All that is decided follows from what has been measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from bench.courses.evidence import Evidence, Goal, evidence
from bench.courses.varying import Varying, amount_of
from bench.level import Level, Measured
from config.load import Load

Stopped = Literal["found", "too much from the start", "meets it all the way", "out of probes", "not over"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where amounts are looked for, and how closely: to this share of them, users to one at best.

    `probes` is how many levels one target has at most.
    """

    lowest: Fraction
    highest: Fraction
    resolution: Fraction
    probes: int = 20


@dataclass(frozen=True, slots=True)
class Found:
    """How far the search of one target came.

    `amount` is the highest that passed, None where none did, with what was measured of it anew, where that was done:
    `confirmed`. `next_higher` is the lowest that failed, None where none did. What is sure, by the bounds on the goodput
    at each amount: `surely_above` passes, `surely_below` fails.
    """

    target: str
    stopped: Stopped
    amount: Fraction | None
    next_higher: Fraction | None
    confirmed: Evidence | None
    surely_above: Fraction | None
    surely_below: Fraction | None
    unsteady: bool
    """An amount surely passed at first, and surely failed when it was measured anew: the target, or what else it serves,
    has changed meanwhile."""


@dataclass(frozen=True)
class Search:
    """The course that measures what each target's search asks for."""

    targets: tuple[str, ...]
    varying: Varying
    bounds: Bounds
    goal: Goal

    @property
    def heaviest(self) -> Mapping[str, Load]:
        """The most that each target may be asked for."""
        return dict.fromkeys(self.targets, self.varying.load(self.bounds.highest))

    def next(self, measured: Sequence[Measured]) -> Level | None:
        """The level after those that have been measured, as `bench.level.Course` has it. It has one round."""
        asked = {target: amount for target in self.targets if (amount := self._walk(measured, target).asks) is not None}
        if not asked:
            return None
        loads = {target: self.varying.load(amount) for target, amount in asked.items()}
        amounts = set(asked.values())
        words = f": {self.varying.words(amounts.pop())}" if len(amounts) == 1 else ""
        return Level(f"probe {len(measured) + 1}{words}", loads, rounds=1)

    def found(self, measured: Sequence[Measured], target: str) -> Found:
        """What the search has found of a target by now."""
        return self._walk(measured, target).found

    def _walk(self, measured: Sequence[Measured], target: str) -> _Walk:
        levels = [level for level in measured if amount_of(level.level, target) is not None]
        return _Walk(target, levels, self.varying, self.bounds, self.goal)


class _Walk:
    """One target's search, from its begin, through all levels that it has had so far.

    The rounds of an amount count for its verdict until there is one, and those after that for its confirmation.
    """

    def __init__(self, target: str, levels: Sequence[Measured], varying: Varying, bounds: Bounds, goal: Goal) -> None:
        self._target = target
        self._varying = varying
        self._bounds = bounds
        self._goal = goal
        self._first: dict[Fraction, list[Measured]] = {}
        self._anew: dict[Fraction, list[Measured]] = {}
        self._passes: dict[Fraction, bool] = {}
        self._fallen: set[Fraction] = set()
        for level in levels:
            self._take(level)
        self._probes_left = bounds.probes - len(levels)

    @property
    def asks(self) -> Fraction | None:
        """The amount to be measured next; None where the search is over."""
        return self._wanted if self._probes_left > 0 else None

    @property
    def found(self) -> Found:
        """As `Search.found` gives it."""
        low, high, _ = self._gap()
        sure = {amount: self._evidence([*levels, *self._anew.get(amount, ())]).sure(self._goal) for amount, levels in self._first.items()}
        above = max((amount for amount, passes in sure.items() if passes and amount not in self._fallen), default=None)
        below = min((amount for amount, passes in sure.items() if passes is False), default=None)
        confirmed = None if low is None or low not in self._anew else self._evidence(self._anew[low])
        unsteady = any(
            self._evidence(self._first[amount]).sure(self._goal) and self._evidence(self._anew[amount]).sure(self._goal) is False
            for amount in self._fallen
        )
        return Found(self._target, self._stopped, low, high, confirmed, above, below, unsteady)

    @property
    def _wanted(self) -> Fraction | None:
        low, _, amount = self._gap()
        return low if amount is None and low is not None and not self._is_confirmed(low) else amount

    @property
    def _stopped(self) -> Stopped:
        if self._wanted is not None:
            return "not over" if self._probes_left > 0 else "out of probes"
        low, high, _ = self._gap()
        if low is None:
            return "too much from the start"
        return "meets it all the way" if high is None else "found"

    def _take(self, level: Measured) -> None:
        """Learn from one level."""
        amount = amount_of(level.level, self._target)
        assert amount is not None
        if amount not in self._passes:
            self._first.setdefault(amount, []).append(level)
            passes = self._evidence(self._first[amount]).passes(self._goal)
            if passes is not None:
                self._passes[amount] = passes
            return
        self._anew.setdefault(amount, []).append(level)
        if self._evidence(self._anew[amount]).passes(self._goal) is False:
            self._passes[amount] = False
            self._fallen.add(amount)

    def _evidence(self, levels: Sequence[Measured]) -> Evidence:
        return evidence(levels, self._target, self._goal.slo)

    def _is_confirmed(self, amount: Fraction) -> bool:
        return amount in self._anew and self._evidence(self._anew[amount]).passes(self._goal) is True

    def _gap(self) -> tuple[Fraction | None, Fraction | None, Fraction | None]:
        """(the highest amount that passed, the lowest that failed, which to measure next, if any): doubling, then halving."""
        low: Fraction | None = None
        high: Fraction | None = None
        amount: Fraction | None = self._bounds.lowest
        while amount is not None and amount in self._passes:
            low, high = (amount, high) if self._passes[amount] else (low, amount)
            amount = self._between(low, high)
        return low, high, amount

    def _between(self, low: Fraction | None, high: Fraction | None) -> Fraction | None:
        """The amount to try between these two; None where they are close enough, or nothing is left to try."""
        if low is None:
            return None
        if high is None:
            return None if low >= self._bounds.highest else min(2 * low, self._bounds.highest)
        close = low * self._bounds.resolution
        if high - low <= (max(Fraction(1), close) if self._varying.of_users else close):
            return None
        middle = self._varying.between(low, high)
        return None if middle == low else middle

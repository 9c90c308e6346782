"""Capacity told in users: how many at once a target serves within an SLO.

A search over users, or a sweep of them, tells it outright: so many users who ask, read the answer, and ask again. From
rates it follows by Little's law: chats at once = chats a second × how long a chat takes (Little, *Operations Research* 9,
1961). The law holds on average over a steady state, and nowhere else. So it is applied only where what came was carried,
and where the chats that were counted under way agree with it. Chats that come by chance bunch up, which users who wait
for their answers do not: a capacity from rates is rather too low.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from bench.courses import flow
from bench.courses.evidence import Evidence, Goal, evidence
from bench.courses.search import Search
from bench.courses.varying import Varying, amount_of
from bench.level import Measured

CARRIED_AT_LEAST = 0.95
"""In a steady state all that comes is carried. This share of it must be seen to be, as a block begins and ends amid chats."""
AGREES_WITHIN = 0.1
"""How far the chats under way may be from what Little's law says of them, as a share of it."""

Way = Literal["search", "sweep", "levels", "Little's law"]


@dataclass(frozen=True, slots=True)
class Capacity:
    """So many users at once are served within the goal. `evidence` is what was measured of them.

    `too_many` is the next higher number that was measured, which was not; None where none was measured, or none can be
    told. Of a capacity by Little's law, `at_rate` is the rate that it was inferred from, and `too_fast` the next higher
    one that was measured.
    """

    target: str
    goal: Goal
    users: float
    too_many: float | None
    way: Way
    evidence: Evidence
    at_rate: Fraction | None = None
    too_fast: Fraction | None = None

    @property
    def sure(self) -> bool:
        """Whether the bound on the goodput says so, and not the share alone."""
        return self.evidence.sure(self.goal) is True

    @property
    def words(self) -> str:
        """The capacity, for people."""
        told = self.evidence.goodput
        found = f"{'' if self.at_rate is None else 'about '}{self.users:.3g} user{'' if self.users == 1 else 's'} at once within {self.goal.slo.name}"
        above = "more were not tried" if self.too_fast is None else f"{float(self.too_fast):.3g} chats/s are too much"
        above = above if self.too_many is None else f"{self.too_many:.3g} are too many"
        sure = "" if self.sure else f", which is too few to be sure of {self.goal.share}"
        inferred = "" if self.at_rate is None else f"; by Little's law from {float(self.at_rate):.3g} chats/s"
        return f"{found}; {above} ({told.good} of {told.attempts} chats were good{sure}{inferred})"


@dataclass(frozen=True, slots=True)
class NoCapacity:
    """Why none is told, for people."""

    target: str
    why: str


def of_search(search: Search, measured: Sequence[Measured], target: str) -> Capacity | NoCapacity:
    """What a search says of a target."""
    found = search.found(measured, target)
    if found.amount is None:
        return NoCapacity(target, f"already {search.varying.words(search.bounds.lowest)} is too much to have {search.goal.words}")
    if found.confirmed is None:
        return NoCapacity(target, f"the search was not over: up to {search.varying.words(found.amount)} passed, and were not measured anew")
    return _told(measured, target, search.varying, search.goal, (found.amount, found.next_higher, found.confirmed), "search")


def of_sweep(measured: Sequence[Measured], target: str, varying: Varying, goal: Goal, way: Way = "sweep") -> Capacity | NoCapacity:
    """What a sweep, or a list of levels, says of a target: its highest level that passes, where all lower ones do too."""
    levels = sorted(((amount, level) for level in measured if (amount := amount_of(level.level, target)) is not None), key=lambda each: each[0])
    passed: tuple[Fraction, Evidence] | None = None
    for amount, level in levels:
        seen = evidence([level], target, goal.slo)
        share = seen.goodput.share
        if seen.sure(goal) is False or share is None or share < goal.objective:
            break
        passed = amount, seen
    if passed is None:
        return NoCapacity(target, f"no level has {goal.words}, from the lowest on")
    higher = next((amount for amount, _ in levels if amount > passed[0]), None)
    return _told(measured, target, varying, goal, (passed[0], higher, passed[1]), way)


def _told(
    measured: Sequence[Measured], target: str, varying: Varying, goal: Goal, found: tuple[Fraction, Fraction | None, Evidence], way: Way
) -> Capacity | NoCapacity:
    amount, higher, seen = found
    if varying.of_users:
        return Capacity(target, goal, float(amount), None if higher is None else float(higher), way, seen)
    users = _at_once(measured, target, amount)
    if isinstance(users, str):
        return NoCapacity(target, f"{varying.words(amount)} has {goal.words}; in users that cannot be told: {users}")
    more = None if higher is None else _at_once(measured, target, higher)
    return Capacity(target, goal, users, None if isinstance(more, str) else more, "Little's law", seen, amount, higher)


def _at_once(measured: Sequence[Measured], target: str, amount: Fraction) -> float | str:
    """How many chats are under way at once at a rate, by Little's law; or why it does not hold there."""
    levels = [level for level in measured if amount_of(level.level, target) == amount]
    if any(flow.under_water(level, target) is not None for level in levels):
        return "chats piled up"
    seen = flow.mean([one for level in levels if (one := flow.of(level, target)) is not None])
    if seen is None:
        return "too few chats ended within a block"
    if seen.carried_per_second < CARRIED_AT_LEAST * seen.offered_per_second:
        return f"of {seen.offered_per_second:.3g} chats/s that came, {seen.carried_per_second:.3g}/s were carried, which is no steady state"
    by_law = seen.carried_per_second * seen.e2e_seconds
    if abs(seen.under_way - by_law) > AGREES_WITHIN * by_law:
        return f"{seen.under_way:.3g} chats were under way at once, and Little's law says {by_law:.3g}, so that this is no steady state"
    return by_law

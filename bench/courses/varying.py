"""What a course varies: the number of users of a closed loop, or the rate of an open one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from bench.level import Level, Measured
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage


@dataclass(frozen=True, slots=True)
class Varying:
    """Loads that differ in their amount alone, and are else like `like`: its think time and ramp-up, or its kind of arrivals.

    An amount is a number of users, or chats a second.
    """

    like: ClosedLoop | OpenLoop

    @property
    def of_users(self) -> bool:
        """Whether amounts are numbers of users."""
        return isinstance(self.like, ClosedLoop)

    def load(self, amount: Fraction) -> ClosedLoop | OpenLoop:
        """The load of this amount."""
        if isinstance(self.like, ClosedLoop):
            return replace(self.like, stages=(UserStage(int(amount)),))
        return replace(self.like, stages=(RateStage(amount),))

    def words(self, amount: Fraction) -> str:
        """The amount for people: `1 user`, `10 users`, `0.5/s`."""
        if self.of_users:
            return f"{amount} user{'' if amount == 1 else 's'}"
        return f"{float(amount):.6g}/s"

    def near(self, amount: float) -> Fraction:
        """An amount that is easily said, near this one: whole users, rates of three digits."""
        return Fraction(max(1, round(amount))) if self.of_users else Fraction(Decimal(f"{amount:.3g}"))

    def between(self, low: Fraction, high: Fraction) -> Fraction:
        """An amount about half-way, above `low` and below `high`, if there is one that is easily said; else `low`."""
        middle = Fraction((low + high) // 2) if self.of_users else self.near(float(low * high) ** 0.5)
        return middle if low < middle < high else low


def amount_of(level: Level, target: str) -> Fraction | None:
    """How much is asked of a target at a level; None where it is not measured there, or a trace is held."""
    match level.loads.get(target):
        case ClosedLoop(stages):
            return Fraction(stages[0].users)
        case OpenLoop(stages):
            return stages[0].per_second
    return None


def rounds_of(measured: Measured, target: str) -> int:
    """In how many rounds a target was measured."""
    return len({block.round for block in measured.blocks if target in block.targets})

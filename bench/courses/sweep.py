"""A sweep: the same load at amounts from low to high, as far as each target can follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from bench.courses import flow
from bench.courses.varying import Varying
from bench.level import Level, Measured

LEVELS_UNDER_WATER = 2
"""At so many levels a target is asked for more than it can do. Higher ones would tell nothing new of it."""


@dataclass(frozen=True)
class Sweep:
    """Amounts, in rising order, one level each. The course ends early where no target can follow any more."""

    targets: tuple[str, ...]
    varying: Varying
    amounts: tuple[Fraction, ...]

    def next(self, measured: Sequence[Measured]) -> Level | None:
        """The level after those that have been measured, as `bench.level.Course` has it."""
        if len(measured) == len(self.amounts):
            return None
        following = [target for target in self.targets if self.varying.of_users or self._follows(measured, target)]
        if not following:
            return None
        amount = self.amounts[len(measured)]
        load = self.varying.load(amount)
        return Level(self.varying.words(amount), dict.fromkeys(following, load))

    def _follows(self, measured: Sequence[Measured], target: str) -> bool:
        return sum(flow.under_water(level, target) is not None for level in measured) < LEVELS_UNDER_WATER


def geometric(varying: Varying, lowest: Fraction, highest: Fraction, steps: int) -> tuple[Fraction, ...]:
    """So many amounts from the lowest to the highest, each about the same factor above the one before it.

    Those between are such as are easily said. Where two would be the same, as with few users, there are fewer.
    """
    if steps == 1:
        return (lowest,)
    factor = float(highest / lowest) ** (1 / (steps - 1))
    inside = (varying.near(float(lowest) * factor**step) for step in range(1, steps - 1))
    return tuple(sorted({lowest, *(amount for amount in inside if lowest < amount < highest), highest}))

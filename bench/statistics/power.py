"""What a run could have shown, and how many rounds would show more."""

from __future__ import annotations

from scipy.special import stdtrit

from bench.statistics.spread import Spread

POWER = 0.8
"""A difference counts as one that can be shown where four runs of five show it."""
MOST_ROUNDS = 1000
"""A run of more rounds is advised to nobody."""


def detectable(spread: Spread, error: float) -> float:
    """The smallest difference, on the scale of the estimates, that a run with this spread shows with `POWER`."""
    return spread.half_width(error) + spread.standard_error * float(stdtrit(spread.degrees_of_freedom, POWER))


def rounds_needed(spread: Spread, error: float, rounds: int, difference: float) -> int | None:
    """How many rounds in all would show such a difference with `POWER`, if they went on as they were; None beyond `MOST_ROUNDS`."""
    for number in range(max(rounds, 1), MOST_ROUNDS + 1):
        if detectable(after(spread, rounds, number), error) <= difference * (1 + 1e-9):
            return number
    return None


def after(spread: Spread, rounds: int, number: int) -> Spread:
    """The spread that `number` rounds would have, if the engines went on as they were in `rounds`."""
    # Each round is one degree of freedom more, or two where engines are judged apart.
    freedom = spread.degrees_of_freedom * (number - 1) / (rounds - 1)
    return Spread(spread.standard_error / (number / rounds) ** 0.5, freedom, spread.caution, spread.far_out ** (rounds / number))

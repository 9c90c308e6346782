"""What a run could have shown, and how many rounds would show more."""

from __future__ import annotations

from dataclasses import replace

from scipy.special import stdtrit

from bench.statistics.spread import Spread

POWER = 0.8
"""A difference counts as one that can be shown where four runs of five show it."""
MOST_ROUNDS = 1000
"""A run of more rounds is advised to nobody."""


def detectable(spread: Spread, error: float) -> float:
    """The smallest difference, on the scale of the estimates, that a run with this spread shows with `POWER`."""
    # Rounds without a bad attempt are all alike; those of an engine that has some would not be.
    standard_error = max(spread.standard_error, spread.least_error)
    usual = replace(spread, standard_error=standard_error)
    return usual.half_width(error) + standard_error * float(stdtrit(spread.degrees_of_freedom, POWER))


def rounds_needed(spread: Spread, error: float, rounds: int, difference: float) -> int | None:
    """How many rounds in all would show such a difference with `POWER`, if they went on as they were; None beyond `MOST_ROUNDS`."""
    for number in range(max(rounds, 1), MOST_ROUNDS + 1):
        if detectable(after(spread, rounds, number), error) <= difference * (1 + 1e-9):
            return number
    return None


def after(spread: Spread, rounds: int, number: int) -> Spread:
    """The spread that `number` rounds would have, if the engines went on as they were in `rounds`."""
    more = number / rounds
    # Each round is one degree of freedom more, or two where engines are judged apart.
    freedom = spread.degrees_of_freedom * (number - 1) / (rounds - 1)
    # What a share is known to at best is one attempt of all.
    return Spread(spread.standard_error / more**0.5, freedom, spread.caution, spread.far_out ** (1 / more), spread.least_error / more)

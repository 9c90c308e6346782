"""How often a number lies within the bound that `--until` was given, when the run ends as soon as it seems known.

`python -m benchmarks.stopping` makes the table of `docs/progress.md`: chats with lognormal times, rounds of 60 chats, looked
at after each round from the third on, with the truth known.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from bench.statistics.estimates import quantile_estimate
from bench.statistics.over_rounds import known_to
from bench.statistics.samples import Round, TooFewError
from bench.until import CONFIDENCE, FEWEST_ROUNDS

SIGMA = 0.5
CHATS_A_ROUND = 60
MOST_ROUNDS = 80
CONFIDENCES = (0.95, CONFIDENCE)


@dataclass(frozen=True)
class Row:
    """What is asked, of which times. `between_rounds` is the standard deviation, of logarithms, by which rounds differ."""

    quantile: float
    within: float
    between_rounds: float

    @property
    def truth(self) -> float:
        """The logarithm of the quantile over all rounds that could be."""
        return float(np.hypot(SIGMA, self.between_rounds) * norm.ppf(self.quantile))


ROWS = (Row(0.5, 0.05, 0.0), Row(0.95, 0.1, 0.0), Row(0.5, 0.08, 0.05), Row(0.5, 0.08, 0.1), Row(0.95, 0.15, 0.1))


@dataclass(frozen=True)
class Ended:
    """A run that ended: whether the number was within the bound that was asked for, and within its own interval of 95 %."""

    rounds: int
    within: bool
    held: bool


def ended(row: Row, random: np.random.Generator) -> Mapping[float, Ended]:
    """How one run ended, by the confidence that was asked for."""
    found: dict[float, Ended] = {}
    rounds: list[Round] = []
    while len(rounds) < MOST_ROUNDS and len(found) < len(CONFIDENCES):
        rounds.append(_round(row, random))
        if len(rounds) < FEWEST_ROUNDS:
            continue
        try:
            estimate = quantile_estimate(rounds, row.quantile)
        except TooFewError:
            continue
        for confidence in CONFIDENCES:
            if confidence not in found and known_to(estimate, confidence) <= row.within:
                off = abs(estimate.value - row.truth)
                found[confidence] = Ended(len(rounds), off <= np.log1p(row.within), off <= np.log1p(known_to(estimate)))
    return found


def _round(row: Row, random: np.random.Generator) -> Round:
    centre = random.normal(0, row.between_rounds)
    return Round(np.exp(random.normal(centre, SIGMA, CHATS_A_ROUND)), np.arange(float(CHATS_A_ROUND)))


def held_at(row: Row, rounds: int, random: np.random.Generator) -> bool:
    """Whether the interval of 95 % holds after so many rounds, fixed beforehand."""
    estimate = quantile_estimate([_round(row, random) for _ in range(rounds)], row.quantile)
    return bool(abs(estimate.value - row.truth) <= np.log1p(known_to(estimate)))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    columns = "".join(f" Ended after, at {_percent(one)} | Within the bound | 95 % interval held |" for one in CONFIDENCES)
    print(f"| Asked | Rounds differ by |{columns} It held at as many rounds, fixed |")
    print(f"|---|---|{'---|---|---|' * len(CONFIDENCES)}---|")
    for number, row in enumerate(ROWS):
        random = np.random.default_rng([given.seed, number])
        after: defaultdict[float, list[Ended]] = defaultdict(list)
        for _ in range(given.trials):
            for confidence, one in ended(row, random).items():
                after[confidence].append(one)
        cells = (_cells(after[confidence]) for confidence in CONFIDENCES)
        usual = round(float(np.mean([run.rounds for run in after[CONFIDENCE]])))
        fixed = float(np.mean([held_at(row, usual, random) for _ in range(given.trials)]))
        asked = f"p{row.quantile * 100:g} to ±{row.within * 100:.0f} % | {row.between_rounds * 100:.0f} %"
        print(f"| {asked} | {' | '.join(cells)} | {_percent(fixed)} |", flush=True)


def _cells(runs: Sequence[Ended]) -> str:
    rounds, within, held = np.array([(run.rounds, run.within, run.held) for run in runs], dtype=float).mean(axis=0)
    return f"{rounds:.1f} rounds | {_percent(within)} | {_percent(held)}"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


if __name__ == "__main__":
    main()

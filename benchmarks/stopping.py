"""How often a number lies within the bound that `--until` was given, when the run ends as soon as it seems known.

`python -m benchmarks.stopping` makes the table of `docs/until.md`: chats with lognormal times, rounds of 60 chats, looked
at after each round from the third on, with the truth known.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Mapping
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


def ended(row: Row, random: np.random.Generator) -> Mapping[float, tuple[int, bool]]:
    """By confidence: after how many rounds one run ended, and whether the number was within the bound then."""
    found: dict[float, tuple[int, bool]] = {}
    rounds: list[Round] = []
    while len(rounds) < MOST_ROUNDS and len(found) < len(CONFIDENCES):
        centre = random.normal(0, row.between_rounds)
        rounds.append(Round(np.exp(random.normal(centre, SIGMA, CHATS_A_ROUND)), np.arange(float(CHATS_A_ROUND))))
        if len(rounds) < FEWEST_ROUNDS:
            continue
        try:
            estimate = quantile_estimate(rounds, row.quantile)
        except TooFewError:
            continue
        for confidence in CONFIDENCES:
            if confidence not in found and known_to(estimate, confidence) <= row.within:
                found[confidence] = len(rounds), abs(estimate.value - row.truth) <= np.log1p(row.within)
    return found


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| Asked | Rounds differ by | Ended after, at 95 % | Within the bound | Ended after, at 97.5 % | Within the bound |")
    print("|---|---|---|---|---|---|")
    for number, row in enumerate(ROWS):
        random = np.random.default_rng([given.seed, number])
        after: defaultdict[float, list[tuple[int, bool]]] = defaultdict(list)
        for _ in range(given.trials):
            for confidence, one in ended(row, random).items():
                after[confidence].append(one)
        cells = [
            cell
            for confidence in CONFIDENCES
            for cell in (
                f"{np.mean([rounds for rounds, _ in after[confidence]]):.1f} rounds",
                f"{np.mean([within for _, within in after[confidence]]):.1%}",
            )
        ]
        print(f"| p{row.quantile * 100:g} to ±{row.within:.0%} | {row.between_rounds:.0%} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

"""How often the statistics of benchmark runs are right, by simulation with known truth: the tables of `docs/statistics.md`.

`python -m benchmarks.calibration` prints them as Markdown. Beside our intervals stands Welch's over whole runs, as
inference-doctor 0.4.1 has it: each round is taken for a run, and its quantile for one value.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from scipy.special import stdtrit

from bench.statistics.comparison import Contrast, compare
from bench.statistics.estimates import Estimate, Pooled, quantile_estimate, rate_estimate, share_estimate
from bench.statistics.over_rounds import interval_over_rounds
from bench.statistics.samples import PARTS, Floats, Round
from bench.statistics.spread import spread_of_difference
from benchmarks.calibration_tables import Row, Worst, coverage_table, family_table, other_table, power_table, worst_table
from benchmarks.worlds import World, pareto, two_modes, waves

ROUNDS = (3, 5, 10)
DIFFERENCES = (0.05, 0.1, 0.2)
ERROR = 0.05
WORLDS = (
    World("lognormal"),
    World("heavy tail", draw=pareto),
    World("two modes", draw=two_modes),
    World("1 % failed", chats=240, failed=0.01),
    World("ITL, 12 gaps a chat", tokens=12),
    World("two runs, unpaired", paired=False),
    World("drift of 30 %, both", drift=0.3),
    World("rounds ±15 %, both alike", shared_rounds=0.15),
    World("rounds ±5 %, each its own", own_rounds=0.05),
    World("rounds ±15 %, each its own", own_rounds=0.15),
    World("rounds ±15 % alike, ±5 % own", shared_rounds=0.15, own_rounds=0.05),
    World("waves ±30 %, both alike", shared_waves=0.3),
    World("waves ±30 %, each its own", own_waves=0.3),
    World("long waves ±15 %, each its own", own_waves=0.15, length=0.3),
)


def welch(a: Floats, b: Floats, error: float) -> tuple[float, float]:
    """The logarithm of the ratio of two means, and half the width of its interval.

    It is that of inference-doctor 0.4.1 (`inference_doctor/stats.py`, `welch_log_ratio_interval`): Welch's degrees of
    freedom, and the error of a logarithm by that of the mean (delta method).
    """
    parts = np.array([one.var(ddof=1) / (len(one) * one.mean() ** 2) for one in (a, b)])
    freedom = parts.sum() ** 2 / (parts**2 / (len(a) - 1)).sum()
    return math.log(float(b.mean() / a.mean())), float(math.sqrt(parts.sum()) * -stdtrit(freedom, error / 2))


def rounds_of(logs: Floats) -> list[Round]:
    """The rounds of one engine as a run would give them."""
    since = np.arange(logs.shape[1]) / logs.shape[1]
    if logs.ndim == 2:
        return [Round(np.exp(one), since) for one in logs]
    chats, tokens = np.arange(logs.shape[1]), logs.shape[2]
    return [Round(np.exp(one).ravel(), np.repeat(since, tokens), np.repeat(chats, tokens)) for one in logs]


def quantiles_for(world: World, rounds: int) -> tuple[float, ...]:
    """Those that the sample is large enough for."""
    return (0.5, 0.9, 0.95, 0.99) if rounds * world.chats >= 368 and not world.failed and not world.tokens else (0.5, 0.9, 0.95)


def measured(world: World, rounds: int, trials: int, seed: int = 1) -> Row:
    """One row of the tables."""
    random, quantiles = np.random.default_rng(seed), quantiles_for(world, rounds)
    seen = np.array([_trial(world, random, rounds, quantiles) for _ in range(trials)])
    distance, alone, family, other, other_alone, other_corrected, low, high = np.moveaxis(seen, 2, 0)
    truth = world.truths(quantiles)

    def found(off: Floats, half: Floats) -> Floats:
        return np.array([(np.abs(off + math.log1p(one)) > half).mean(axis=0) for one in DIFFERENCES])

    return Row(
        world.name, rounds, quantiles, trials,
        held=(np.abs(distance) <= alone).mean(axis=0),
        welch_held=(np.abs(other) <= other_alone).mean(axis=0),
        own_held=((low <= truth) & (truth <= high)).mean(axis=0),
        false=float((np.abs(distance) > family).any(axis=1).mean()),
        welch_false=float((np.abs(other) > other_alone).any(axis=1).mean()),
        welch_corrected_false=float((np.abs(other) > other_corrected).any(axis=1).mean()),
        found=found(distance, alone), welch_found=found(other, other_alone),
        family_found=found(distance, family), welch_corrected_found=found(other, other_corrected),
    )  # fmt: skip


def _trial(world: World, random: np.random.Generator, rounds: int, quantiles: Sequence[float]) -> list[tuple[float, ...]]:
    """One run of two engines that are the same: for each quantile what our intervals and Welch's say of it.

    A true difference moves only the estimates' distance, so that the same runs tell how often it would have been found.
    """
    logs = world.logs(random, rounds)
    engines = [[pooled.quantile(quantile) for quantile in quantiles] for pooled in (Pooled.of(rounds_of(one)) for one in logs)]
    contrasts = [Contrast("ttft", quantile, "a", "b", *pair) for quantile, *pair in zip(quantiles, *engines, strict=True)]
    values = np.exp(np.minimum(logs, 99.0)).reshape(2, rounds, -1)
    told: list[tuple[float, ...]] = []
    for number, one in enumerate(compare(contrasts, paired=world.paired)):
        distance = math.log(one.effect)
        whole = np.quantile(values, quantiles[number], axis=2)
        other, half = welch(whole[0], whole[1], ERROR)
        corrected = welch(whole[0], whole[1], ERROR / len(quantiles))[1]
        own = interval_over_rounds(engines[0][number])
        halves = math.log(one.high_alone) - distance, math.log(one.high) - distance
        told.append((distance, *halves, other, half, corrected, math.log(own.low), math.log(own.high)))
    return told


def worst(rounds: int, error: float, trials: int) -> Worst:
    """The rule that chooses between parts and rounds, put to the test on normal values whose true error is known."""
    random = np.random.default_rng(rounds)
    shares = {}
    sizes = [(own, shared, 0.0) for own in (0.0, 0.5, 1.0, 1.5, 2.0, 3.0) for shared in (0.0, 0.7, 1.5, 4.0)]
    for own, shared, alike in [*sizes, *((0.0, 0.0, alike) for alike in (0.3, 0.5, 0.66, 0.8))]:
        held = 0
        for _ in range(trials):
            noise = waves(random, (2, rounds, PARTS), -1 / math.log(alike) / PARTS) if alike else random.standard_normal((2, rounds, PARTS))
            common = shared * random.standard_normal((1, rounds, 1))
            values = (noise + (own * random.standard_normal((2, rounds, 1)) + common) / math.sqrt(PARTS)) / (rounds * PARTS)
            a, b = values - values.mean(axis=(1, 2), keepdims=True)
            spread = spread_of_difference(a, b, paired=True, error=error)
            held += abs(float(values[1].sum() - values[0].sum())) <= spread.half_width(error)
        shares[f"own {own:g}, shared {shared:g}" if not alike else f"neighbours alike by {alike:g}"] = held / trials
    where = min(shares, key=lambda one: shares[one])
    return Worst(rounds, error, shares[where], where, max(shares.values()))


def family(measures: int, rounds: int, own: float, trials: int) -> float:
    """How often any winner is named among `measures` times four comparisons of engines that are the same.

    The four are four quantiles of one measure, which are mostly wrong together; measures have nothing in common.
    """
    random = np.random.default_rng(measures)
    false = 0
    for _ in range(trials):
        shared = 0.8 * random.standard_normal((2, measures, 1, rounds, PARTS)) + 0.6 * random.standard_normal((2, measures, 4, rounds, PARTS))
        values = shared + own / math.sqrt(PARTS) * random.standard_normal((2, measures, 1, rounds, 1))
        a, b = (list(map(_of_normal, one.reshape(-1, rounds, PARTS))) for one in values)
        told = compare([Contrast("it", None, "a", "b", *pair) for pair in zip(a, b, strict=True)], paired=True)
        false += any(one.differs for one in told)
    return false / trials


def _of_normal(values: Floats) -> Estimate:
    return Estimate(float(values.mean()), (values - values.mean()) / values.size)


def other(name: str, rounds: int, trials: int) -> float:
    """The share of intervals that held the truth, of a comparison of `OTHERS`."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(trials):
        a, b, truth = OTHERS[name](random, rounds)
        (one,) = compare([Contrast(name, None, "a", "b", a, b)], paired=True)
        held += one.low_alone <= truth <= one.high_alone
    return held / trials


def _shares(random: np.random.Generator, rounds: int, *, good: float, waves_of: float) -> tuple[Estimate, Estimate, float]:
    since = np.arange(120) / 120
    moved = waves_of * waves(random, (1, rounds, 120), 0.05)
    chance = 1 / (1 + np.exp(-(math.log(good / (1 - good)) + moved)))
    drawn = (random.random((2, rounds, 120)) < chance).astype(float)
    a, b = (share_estimate([Round(values, since) for values in engine]) for engine in drawn)
    return a, b, 0.0


def _rates(random: np.random.Generator, rounds: int) -> tuple[Estimate, Estimate, float]:
    moved = np.exp(0.05 * waves(random, (2, rounds, PARTS), 0.05) + 0.1 * random.standard_normal((1, rounds, 1)))
    counted = random.poisson(400 * moved).astype(float)
    return rate_estimate(counted[0]), rate_estimate(counted[1]), 1.0


def _unlike(random: np.random.Generator, rounds: int) -> tuple[Estimate, Estimate, float]:
    since = np.arange(240) / 240
    a = [Round(0.1 * random.lognormal(0, 0.5, 240), since) for _ in range(rounds)]
    b = [Round(pareto(random, (240,)), since) for _ in range(rounds)]
    truth = (0.5 + 0.05 ** (-1 / 1.5) - 1) / math.exp(0.5 * 1.6448536269514722)
    return quantile_estimate(a, 0.95), quantile_estimate(b, 0.95), truth


OTHERS: dict[str, Callable[[np.random.Generator, int], tuple[Estimate, Estimate, float]]] = {
    "goodput of 90 %": partial(_shares, good=0.9, waves_of=0.0),
    "goodput of 90 %, in spells that both had": partial(_shares, good=0.9, waves_of=1.0),
    "goodput of 99.5 %": partial(_shares, good=0.995, waves_of=0.0),
    "throughput, rounds ±10 % alike": _rates,
    "p95 of a lognormal engine and one with a heavy tail": _unlike,
}
"""Comparisons of other than a quantile of two engines alike: each draws both estimates, and tells the true effect."""


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000, help="runs simulated for each row (2000)")
    parser.add_argument("--processes", type=int, default=1, help="rows simulated at once (1)")
    chosen = parser.parse_args()
    with ProcessPoolExecutor(chosen.processes) as pool:
        futures = [pool.submit(measured, world, rounds, chosen.trials) for world in WORLDS for rounds in ROUNDS]
        worsts = [pool.submit(worst, rounds, error, chosen.trials) for error in (0.05, 0.01) for rounds in ROUNDS]
        families = {
            (measures, rounds, own): pool.submit(family, measures, rounds, own, chosen.trials)
            for measures in (2, 8)
            for own in (0.0, 1.0)
            for rounds in ROUNDS
        }
        rest = {(name, rounds): pool.submit(other, name, rounds, chosen.trials) for name in OTHERS for rounds in ROUNDS}
        rows = []
        for one in futures:
            rows.append(one.result())
            print(coverage_table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
        print(coverage_table(rows))
        print(power_table(rows))
        print(worst_table([one.result() for one in worsts]))
        print(family_table({place: one.result() for place, one in families.items()}))
        print(other_table({place: one.result() for place, one in rest.items()}))


if __name__ == "__main__":
    main()

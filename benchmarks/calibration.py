"""How often the statistics of benchmark runs are right, by simulation with known truth: the tables of `docs/statistics.md`.

`python -m benchmarks.calibration` prints them as Markdown. Beside our intervals stands Welch's over whole runs, as
inference-doctor 0.4.1 has it: each round is taken for a run, and its quantile for one value. A row of 2,000 runs takes about a minute, and always
comes out the same; `--keep` lets the work be done in pieces.
"""

from __future__ import annotations

import argparse
import math
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import quote

import numpy as np
from scipy.special import ndtri, stdtrit

from bench.statistics.comparison import Contrast, compare
from bench.statistics.estimates import Estimate, Pooled, quantile_estimate, rate_estimate, share_estimate
from bench.statistics.over_rounds import interval_over_rounds
from bench.statistics.quantiles import Interval
from bench.statistics.samples import PARTS, Floats, Round
from bench.statistics.shares import share_interval
from bench.statistics.spread import spread_of_difference
from benchmarks.calibration_tables import Row, ShareRow, Worst, coverage_table, family_table, other_table, power_table, share_table, worst_table
from benchmarks.worlds import Attempts, World, pareto, two_modes, waves

T = TypeVar("T")
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
SHARES = (
    Attempts("90 %", 0.9),
    Attempts("90 %, in spells that both had", 0.9, shared_spells=1.0),
    Attempts("98 %, rounds of each its own", 0.98, own_rounds=0.7),
    Attempts("99 %", 0.99),
    Attempts("99.5 %", 0.995),
    Attempts("99.5 %, in long spells of each its own", 0.995, own_spells=1.5, length=0.3),
)


def welch(a: Floats, b: Floats, error: float) -> tuple[Floats, Floats]:
    """The logarithm of the ratio of two means over the last axis, and half the width of its interval.

    It is that of inference-doctor 0.4.1 (`inference_doctor/stats.py`, `welch_log_ratio_interval`): Welch's degrees of
    freedom, and the error of a logarithm by that of the mean (delta method).
    """
    of_a, of_b = (one.var(axis=-1, ddof=1) / (one.shape[-1] * one.mean(axis=-1) ** 2) for one in (a, b))
    freedom = (of_a + of_b) ** 2 / ((of_a**2 + of_b**2) / (a.shape[-1] - 1))
    return np.log(b.mean(axis=-1) / a.mean(axis=-1)), np.sqrt(of_a + of_b) * -stdtrit(freedom, error / 2)


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
    seen, whole = zip(*(_trial(world, random, rounds, quantiles) for _ in range(trials)), strict=True)
    distance, alone, family, *own = np.moveaxis(np.array(seen), 2, 0)
    a, b = np.moveaxis(np.array(whole), 1, 0)
    (other, other_alone), (_, other_corrected) = (welch(a, b, error) for error in (ERROR, ERROR / len(quantiles)))
    truth = world.truths(quantiles)

    def found(off: Floats, half: Floats) -> Floats:
        return np.array([(np.abs(off + math.log1p(one)) > half).mean(axis=0) for one in DIFFERENCES])

    return Row(
        world.name, rounds, quantiles, trials,
        held=(np.abs(distance) <= alone).mean(axis=0),
        welch_held=(np.abs(other) <= other_alone).mean(axis=0),
        own_held=np.mean([(low <= truth) & (truth <= high) for low, high in (own[:2], own[2:])], axis=(0, 1)),
        false=float((np.abs(distance) > family).any(axis=1).mean()),
        welch_false=float((np.abs(other) > other_alone).any(axis=1).mean()),
        welch_corrected_false=float((np.abs(other) > other_corrected).any(axis=1).mean()),
        found=found(distance, alone), welch_found=found(other, other_alone),
        family_found=found(distance, family), welch_corrected_found=found(other, other_corrected),
    )  # fmt: skip


def _trial(world: World, random: np.random.Generator, rounds: int, quantiles: Sequence[float]) -> tuple[list[tuple[float, ...]], Floats]:
    """One run of two engines that are the same: what our intervals say of each quantile, and what it was `[engine, quantile, round]`.

    A true difference moves only the estimates' distance, so that the same runs tell how often it would have been found.
    """
    logs = world.logs(random, rounds)
    engines = [[pooled.quantile(quantile) for quantile in quantiles] for pooled in (Pooled.of(rounds_of(one)) for one in logs)]
    contrasts = [Contrast("ttft", quantile, "a", "b", *pair) for quantile, *pair in zip(quantiles, *engines, strict=True)]
    told: list[tuple[float, ...]] = []
    for number, one in enumerate(compare(contrasts, paired=world.paired)):
        distance = math.log(one.effect)
        own = [interval_over_rounds(engine[number]) for engine in engines]
        halves = math.log(one.high_alone) - distance, math.log(one.high) - distance
        told.append((distance, *halves, *(math.log(end) for each in own for end in (each.low, each.high))))
    values = np.exp(np.minimum(logs, 99.0)).reshape(2, rounds, -1)
    return told, np.moveaxis(np.quantile(values, quantiles, axis=2), 0, 1)


def worst(rounds: int, error: float, trials: int) -> Worst:
    """The rule that takes the narrower of two intervals, put to the test on normal values whose true error is known."""
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


def shares(world: Attempts, rounds: int, trials: int) -> ShareRow:
    """How often intervals of a share of attempts hold the truth, beside those that take attempts for independent."""
    random, truth = np.random.default_rng(3), world.truth()
    since = np.arange(world.chats) / world.chats
    seen = []
    for _ in range(trials):
        drawn = world.drawn(random, rounds)
        a, b = (share_estimate([Round(values, since) for values in engine]) for engine in drawn)
        (one,) = compare([Contrast("goodput", None, "a", "b", a, b)], paired=True)
        first, second = (share_interval(int(engine.sum()), engine.size) for engine in drawn)
        own = interval_over_rounds(a)
        held = one.low_alone <= 0 <= one.high_alone, _score_holds_none(drawn), _newcombe_holds_none(first, second)
        seen.append((*held, own.low <= truth <= own.high, first.low <= truth <= first.high))
    return ShareRow(world.name, rounds, *(float(one) for one in np.mean(seen, axis=0)))


def _score_holds_none(drawn: Floats) -> bool:
    """Whether the interval of 95 % of Miettinen and Nurminen (Statistics in Medicine 4, 1985) holds a difference of 0."""
    share, of_each = float(drawn.mean()), drawn[0].size
    variance = 2 * share * (1 - share) / of_each * drawn.size / (drawn.size - 1)
    return bool(abs(drawn[1].mean() - drawn[0].mean()) <= -ndtri(ERROR / 2) * math.sqrt(variance))


def _newcombe_holds_none(a: Interval, b: Interval) -> bool:
    """Whether Newcombe's interval does, of two of Wilson's (Statistics in Medicine 17, 1998, method 10)."""
    difference = b.value - a.value
    return difference - math.hypot(b.value - b.low, a.high - a.value) <= 0 <= difference + math.hypot(b.high - b.value, a.value - a.low)


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
    "throughput, rounds ±10 % alike": _rates,
    "p95 of a lognormal engine and one with a heavy tail": _unlike,
}
"""Comparisons of other than a quantile of two engines alike: each draws both estimates, and tells the true effect."""


def _kept(folder: Path | None, name: str, work: Callable[[], T]) -> T:
    """What was worked out, from the folder where an earlier call left it."""
    if folder is None:
        return work()
    file = folder / f"{quote(name, safe=' ,')}.pickle"
    if not file.exists():
        partly = file.with_suffix(f".{os.getpid()}")
        partly.write_bytes(pickle.dumps(work()))
        partly.rename(file)
    return cast(T, pickle.loads(file.read_bytes()))


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000, help="runs simulated for each row (2000); of shares, four times as many")
    parser.add_argument("--processes", type=int, default=1, help="rows simulated at once (1)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep each row there as soon as it is known, and go on from what is there")
    chosen = parser.parse_args()
    if chosen.keep:
        chosen.keep.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(chosen.processes) as pool:

        def soon(work: Callable[..., T], *given: object, trials: int = chosen.trials) -> Future[T]:
            name = ", ".join([work.__name__, *(one.name if isinstance(one, World | Attempts) else str(one) for one in given), str(trials)])
            return pool.submit(_kept, chosen.keep, name, partial(work, *given, trials))

        futures = [soon(measured, world, rounds) for world in WORLDS for rounds in ROUNDS]
        worsts = [soon(worst, rounds, error) for error in (0.05, 0.01) for rounds in ROUNDS]
        families = {
            (measures, rounds, own): soon(family, measures, rounds, own, trials=chosen.trials // 4)
            for measures in (2, 8)
            for own in (0.0, 1.0)
            for rounds in ROUNDS
        }
        of_shares = [soon(shares, world, rounds, trials=4 * chosen.trials) for world in SHARES for rounds in ROUNDS]
        rest = {(name, rounds): soon(other, name, rounds) for name in OTHERS for rounds in ROUNDS}
        rows = []
        for one in futures:
            rows.append(one.result())
            print(coverage_table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
        print(coverage_table(rows))
        print(power_table(rows))
        print(worst_table([one.result() for one in worsts]))
        print(family_table({place: one.result() for place, one in families.items()}))
        print(share_table([one.result() for one in of_shares]))
        print(other_table({place: one.result() for place, one in rest.items()}))


if __name__ == "__main__":
    main()

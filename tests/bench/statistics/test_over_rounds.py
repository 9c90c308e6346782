from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.estimates import Estimate, quantile_estimate, share_estimate
from bench.statistics.over_rounds import interval_over_rounds, known_to
from bench.statistics.quantiles import quantile_interval
from bench.statistics.samples import PARTS, Round
from bench.statistics.shares import share_interval


def rounds(random: np.random.Generator, levels: list[float], chats: int = 200) -> list[Round]:
    return [Round(level * random.lognormal(-2, 0.5, chats), np.linspace(0, 60, chats)) for level in levels]


def test_rounds_that_differ_make_it_wider_than_the_run_alone_knows() -> None:
    random = np.random.default_rng(1)
    even, uneven = rounds(random, [1.0] * 5), rounds(random, [0.6, 1.3, 1.0, 0.7, 1.5])
    for run, least, most in ((even, 0.6, 1.8), (uneven, 4.0, 40.0)):
        within = quantile_interval(np.concatenate([one.values for one in run]), 0.5)
        over = interval_over_rounds(quantile_estimate(run, 0.5))
        assert least < math.log(over.high / over.low) / math.log(within.high / within.low) < most


def test_known_to_is_the_half_of_it() -> None:
    found = quantile_estimate(rounds(np.random.default_rng(2), [1.0] * 4), 0.9)
    interval = interval_over_rounds(found)
    assert 1 + known_to(found) == pytest.approx(interval.high / interval.value)
    assert known_to(found, 0.8) < known_to(found)


def test_one_round_is_known_by_its_parts() -> None:
    found = known_to(quantile_estimate(rounds(np.random.default_rng(3), [1.0]), 0.5))
    assert 0.03 < found < 0.3


def test_parts_that_are_like_the_next_know_less_than_they_seem_to() -> None:
    slow, quick = np.where(np.arange(PARTS) < PARTS / 2, 0.01, -0.01), np.where(np.arange(PARTS) % 2 == 0, 0.01, -0.01)
    assert known_to(Estimate(0.0, slow[None])) > 1.5 * known_to(Estimate(0.0, quick[None]))


def test_a_quantile_in_a_tail_may_lie_further_out_than_further_in() -> None:
    from scipy import stats  # takes most of a second to load, in every process that collects tests

    run = rounds(np.random.default_rng(5), [1.0, 1.1, 0.9, 1.2, 1.0], 120)
    middle, high, low = (interval_over_rounds(quantile_estimate(run, quantile)) for quantile in (0.5, 0.95, 0.05))
    further_out = [math.log(one.high / one.value) / math.log(one.value / one.low) for one in (middle, high, low)]
    assert further_out[0] == pytest.approx(1)
    assert further_out[1] == pytest.approx(1 / further_out[2]) == pytest.approx(stats.t.ppf(1 - 0.02 * 0.64, 4) / stats.t.ppf(0.98, 4))


def test_rounds_that_drift_are_judged_by_how_far_they_are_off_a_line() -> None:
    from scipy import stats  # takes most of a second to load, in every process that collects tests

    random = np.random.default_rng(6)
    noise = 0.01 * random.standard_normal((5, 1))
    drifting, level = (known_to(Estimate(0.0, (noise + slope * np.arange(-2.0, 3.0)[:, None]) / 5)) for slope in (0.1, 0.0))
    off_a_line = float(np.polyfit(np.arange(5), noise[:, 0], 1, full=True)[1][0])
    assert math.log1p(drifting) == pytest.approx(stats.t.ppf(0.98, 3) * math.sqrt(off_a_line / 3 / 5))
    assert math.log1p(level) <= stats.t.ppf(0.98, 4) * float(noise.std(ddof=1)) / math.sqrt(5) + 1e-12


def test_intervals_of_rounds_that_differ_by_chance_or_drift_are_right_as_often_as_they_say() -> None:
    random = np.random.default_rng(7)
    for rounds_of_each in (3, 5, 10):
        for drift in (0.0, 0.5, 1.0, 3.0, 20.0):
            values = random.standard_normal((3000, rounds_of_each)) + drift * (np.arange(rounds_of_each) - (rounds_of_each - 1) / 2)
            held = [abs(one.mean()) <= math.log1p(known_to(Estimate(0.0, (one - one.mean())[:, None] / rounds_of_each))) for one in values]
            assert 0.93 < np.mean(held) < 0.975


def test_a_share_stays_between_none_and_all() -> None:
    random = np.random.default_rng(4)
    run = [Round((random.random(60) < 0.97).astype(float), np.linspace(0, 60, 60)) for _ in range(3)]
    found = interval_over_rounds(share_estimate(run))
    assert 0 < found.low < found.value < found.high < 1
    assert known_to(share_estimate(run)) == pytest.approx(found.value - found.low)


@pytest.mark.parametrize("ended", [0.0, 1.0])
def test_rounds_in_which_all_attempts_ended_alike_tell_what_as_many_independent_ones_do(ended: float) -> None:
    found = interval_over_rounds(share_estimate([Round(np.full(60, ended), np.linspace(0, 60, 60)) for _ in range(3)]))
    alone = share_interval(180 * int(ended), 180)
    assert [found.low, found.high] == pytest.approx([alone.low, alone.high], abs=3e-4)
    assert found.value == ended


def test_what_nothing_is_known_of_is_known_to_infinity() -> None:
    errors = np.zeros((2, PARTS))
    errors[0], errors[1] = 1e3, -1e3
    found = Estimate(0.0, errors)
    assert known_to(found) == math.inf
    assert interval_over_rounds(found).high == math.inf

from __future__ import annotations

import math
from itertools import combinations_with_replacement, permutations

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


def bad_in_rounds(counts: tuple[int, ...], chats: int = 120) -> list[Round]:
    return [Round((np.arange(chats) >= bad).astype(float), np.arange(float(chats))) for bad in counts]


@pytest.mark.parametrize(("share", "rounds_of_each", "most"), [(0.995, 3, 9), (0.99, 3, 12), (0.995, 5, 5), (0.005, 3, 9)])
def test_shares_near_all_or_none_hold_as_often_as_they_say_though_counts_go_in_steps(share: float, rounds_of_each: int, most: int) -> None:
    from scipy.stats import binom  # takes most of a second to load, in every process that collects tests

    chances, held = binom.pmf(np.arange(most + 1), 120, min(share, 1 - share)), 0.0
    for counts in combinations_with_replacement(range(most + 1), rounds_of_each):
        found = interval_over_rounds(share_estimate(bad_in_rounds(counts if share > 0.5 else tuple(120 - count for count in counts))))
        orders = len(set(permutations(counts)))
        held += orders * math.prod(chances[count] for count in counts) * (found.low <= share <= found.high)
    assert 0.935 < held < 0.97


def test_the_end_of_a_share_near_all_is_nearer_where_the_other_end_cannot_be_wrong() -> None:
    from scipy import stats  # takes most of a second to load, in every process that collects tests

    found = interval_over_rounds(share_estimate(bad_in_rounds((2, 1, 1))))
    # The variance over rounds of 2, 1 and 1 bad attempts is 1, and their number squared over it 16.
    doubt = stats.t.ppf(0.95, 2 / (1 - 1 / 16)) ** 2 / 360**2 / (4 / 360 * 356 / 360)
    share = 4 / 360
    end = (share + doubt / 2 - math.sqrt(doubt * share * (1 - share) + doubt**2 / 4)) / (1 + doubt)
    assert 1 - found.high == pytest.approx(end)
    none = interval_over_rounds(share_estimate(bad_in_rounds((0, 0, 0))))
    assert found.high > none.low
    assert interval_over_rounds(share_estimate(bad_in_rounds((4, 4, 4)))).high < none.low


def test_a_share_of_attempts_that_were_good_has_the_mirrored_interval_of_those_that_were_bad() -> None:
    for counts in ((0, 0, 0), (1, 0, 0), (2, 1, 1), (5, 0, 9), (60, 70, 80)):
        good = interval_over_rounds(share_estimate(bad_in_rounds(counts)))
        bad = interval_over_rounds(share_estimate(bad_in_rounds(tuple(120 - count for count in counts))))
        assert (good.low, good.high) == pytest.approx((1 - bad.high, 1 - bad.low))


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

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.statistics.estimates import Estimate, quantile_estimate, share_estimate
from bench.statistics.over_rounds import interval_over_rounds, known_to, share_over_rounds
from bench.statistics.quantiles import quantile_interval
from bench.statistics.samples import PARTS, Round


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
    run = rounds(np.random.default_rng(5), [1.0, 1.1, 0.9, 1.2, 1.0], 120)
    middle, high, low = (interval_over_rounds(quantile_estimate(run, quantile)) for quantile in (0.5, 0.95, 0.05))
    further_out = [math.log(one.high / one.value) / math.log(one.value / one.low) for one in (middle, high, low)]
    assert further_out[0] == pytest.approx(1)
    assert further_out[1] == pytest.approx(1 / further_out[2]) == pytest.approx(stats.t.ppf(1 - 0.0115, 4) / stats.t.ppf(0.975, 4))


def test_a_share_stays_between_none_and_all() -> None:
    random = np.random.default_rng(4)
    run = [Round((random.random(60) < 0.97).astype(float), np.linspace(0, 60, 60)) for _ in range(3)]
    found = share_over_rounds(run)
    assert found.low < found.value < found.high <= 1.0
    assert known_to(share_estimate(run)) >= found.value - found.low - 1e-12
    assert share_over_rounds([Round(np.ones(60), np.linspace(0, 60, 60)) for _ in range(3)]).low > 0.9


def test_what_nothing_is_known_of_is_known_to_infinity() -> None:
    errors = np.zeros((2, PARTS))
    errors[0], errors[1] = 1e3, -1e3
    found = Estimate(0.0, errors)
    assert known_to(found) == math.inf
    assert interval_over_rounds(found).high == math.inf

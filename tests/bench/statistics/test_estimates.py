from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.comparison import Contrast, compare
from bench.statistics.estimates import quantile_estimate, rate_estimate, share_estimate, value_estimate
from bench.statistics.over_rounds import known_to
from bench.statistics.samples import PARTS, Round, TooFewError, chats_of

RANDOM = np.random.default_rng(1)


def rounds(count: int, chats: int) -> list[Round]:
    return [Round(RANDOM.lognormal(-2, 0.5, chats), np.arange(float(chats))) for _ in range(count)]


def test_a_quantile_is_that_of_all_rounds_together_and_its_errors_sum_to_nothing() -> None:
    run = rounds(4, 200)
    found = quantile_estimate(run, 0.9)
    assert found.shown == pytest.approx(float(np.quantile(np.concatenate([one.values for one in run]), 0.9)), rel=0.02)
    assert found.errors.shape == (4, PARTS)
    assert found.errors.sum() == pytest.approx(0, abs=1e-9)


def test_the_round_that_was_slow_is_the_one_that_raised_the_quantile() -> None:
    run = rounds(4, 200)
    run[2] = Round(run[2].values * 1.5, run[2].since_seconds)
    assert quantile_estimate(run, 0.5).errors.sum(axis=1).argmax() == 2


def test_the_part_that_was_slow_is_the_one_that_raised_the_quantile_however_values_are_ordered() -> None:
    values, since = RANDOM.lognormal(-2, 0.2, 400), np.linspace(0, 60, 400)
    values = np.where((np.arange(400) >= 250) & (np.arange(400) < 300), 3.0, 1.0) * values
    order = RANDOM.permutation(400)
    run = [Round(values[order], since[order]), *rounds(2, 400)]
    assert quantile_estimate(run, 0.5).errors[0].argmax() == 250 * PARTS // 400


def test_parts_have_equally_many_chats_and_keep_the_values_of_a_chat_together() -> None:
    chats = np.repeat(np.arange(16), 5)
    one = Round(np.ones(80), (10.0 - chats).astype(np.float64), chats)
    parts = one.parts()
    assert np.bincount(parts).tolist() == [10] * PARTS
    assert parts[0] == PARTS - 1
    assert all(len(set(parts[chats == chat])) == 1 for chat in range(16))
    assert chats_of([one, one]) == 32


def test_too_few_chats_are_refused_by_chats_and_not_by_tokens() -> None:
    with pytest.raises(TooFewError, match="p99 needs 368 chats; there are 120"):
        quantile_estimate(rounds(1, 120), 0.99)
    tokens = [Round(RANDOM.lognormal(size=2000), np.repeat(np.arange(20.0), 100), np.repeat(np.arange(20), 100)) for _ in range(3)]
    with pytest.raises(TooFewError, match="p95 needs 72 chats; there are 60"):
        quantile_estimate(tokens, 0.95)


def test_a_quantile_among_failures_is_refused_and_says_how_many_failed() -> None:
    run = rounds(3, 100)
    for one in run:
        one.values[:10] = math.inf
    with pytest.raises(TooFewError, match=r"p95 lies among the failed chats: 10\.0% failed"):
        quantile_estimate(run, 0.95)
    assert math.isfinite(quantile_estimate(run, 0.5).value)


def test_an_empty_round_is_named() -> None:
    with pytest.raises(TooFewError, match="round 2 has no chats"):
        share_estimate([Round(np.ones(3), np.arange(3.0)), Round(np.empty(0), np.empty(0))])


def test_gaps_of_no_length_are_no_error() -> None:
    run = [Round(np.where(np.arange(100) % 2 == 0, 0.0, 0.02), np.arange(100.0)) for _ in range(3)]
    assert quantile_estimate(run, 0.9).shown == pytest.approx(0.02)


def test_values_without_a_number_and_unlike_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        Round(np.array([math.nan]), np.zeros(1))
    with pytest.raises(ValueError, match="unlike lengths"):
        Round(np.ones(2), np.zeros(1))


def test_a_rate_is_its_mean_and_nothing_has_no_rate() -> None:
    assert rate_estimate(np.array([[90.0], [110.0]])).shown == pytest.approx(100)
    with pytest.raises(TooFewError, match="no ratio"):
        rate_estimate(np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"the shape \(3, 2\)"):
        rate_estimate(np.ones((3, 2)))


def test_one_value_a_round_is_compared_as_welch_and_student_would() -> None:
    from scipy import stats  # takes most of a second to load, in every process that collects tests

    a, b = np.array([1.0, 1.1, 1.2]), np.array([2.0, 2.1, 2.4])
    contrast = Contrast("ttft", 0.95, "a", "b", value_estimate(a), value_estimate(b))
    (unpaired,) = compare([contrast], paired=False)
    of_a, of_b = (np.log(side).var(ddof=1) / 3 for side in (a, b))
    # Welch's degrees of freedom of 1947, as Stata's `ttest, welch` has them; at most as many as there would be of equal variances.
    freedom = min((of_a + of_b) ** 2 / (of_a**2 / 4 + of_b**2 / 4) - 2, 4)
    distance, error = float(np.log(b).mean() - np.log(a).mean()), math.sqrt(of_a + of_b)
    welch = stats.t(freedom, distance, error)
    assert unpaired.p_value == pytest.approx(2 * float(welch.cdf(0)))
    assert (unpaired.low, unpaired.high) == pytest.approx(np.exp(welch.interval(0.95)))
    (paired,) = compare([contrast], paired=True)
    student = stats.ttest_rel(np.log(b), np.log(a))
    # The narrower of the two is taken, and held to err less often.
    assert paired.p_value == pytest.approx(min(float(student.pvalue) / 0.8, unpaired.p_value / 0.6))
    with pytest.raises(TooFewError, match="above 0"):
        value_estimate(np.array([1.0, 0.0]))


def test_one_whole_round_does_not_say_how_far_off_it_is() -> None:
    with pytest.raises(TooFewError, match="it takes two"):
        known_to(rate_estimate(np.array([[5.0]])))

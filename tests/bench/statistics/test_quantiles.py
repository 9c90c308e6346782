from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.quantiles import chats_needed, plain_quantile, quantile_interval, ranks, refuse_fewer, smoothed_quantile, without_each
from bench.statistics.samples import TooFewError

RANDOM = np.random.default_rng(1)


@pytest.mark.parametrize(("quantile", "needed"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368), (0.999, 3688)])
def test_a_quantile_needs_so_many_chats_that_an_end_can_be_beyond_it(quantile: float, needed: int) -> None:
    assert chats_needed(quantile) == needed
    assert quantile**needed <= 0.025 < quantile ** (needed - 1)
    refuse_fewer(needed, quantile)
    with pytest.raises(TooFewError, match=f"needs {needed:,} chats; there are {needed - 1:,}"):
        refuse_fewer(needed - 1, quantile)


@pytest.mark.parametrize(("count", "quantile"), [(6, 0.5), (72, 0.95), (100, 0.95), (368, 0.99), (1000, 0.9), (40, 0.1)])
def test_the_ranks_hold_the_quantile_as_often_as_they_say_and_one_less_would_not(count: int, quantile: float) -> None:
    from scipy.stats import binom  # takes most of a second to load, in every process that collects tests

    low, high = ranks(count, quantile, 0.95)
    # A quantile lies between ranks low and high (from 0) where low + 1 to high of the values are below it.
    assert binom.cdf(low, count, quantile) <= 0.025 < binom.cdf(low + 1, count, quantile)
    assert binom.sf(high, count, quantile) <= 0.025 < binom.sf(high - 1, count, quantile)


def test_failed_chats_are_worse_than_all() -> None:
    values = np.array([0.1] * 90 + [math.inf] * 10)
    p95 = quantile_interval(values, 0.95)
    assert p95.value == p95.high == math.inf
    p50 = quantile_interval(values, 0.5)
    assert (p50.value, p50.low, p50.high) == (0.1, 0.1, 0.1)
    assert plain_quantile(np.array([1.0, math.inf]), 0.5) == math.inf
    assert plain_quantile(np.array([1.0, 2.0, math.inf]), 0.5) == 2.0


def test_the_smoothed_quantile_is_that_of_harrell_and_davis() -> None:
    from scipy.stats.mstats import hdquantiles  # takes most of a second to load, in every process that collects tests

    values = np.sort(RANDOM.lognormal(size=200))
    for quantile in (0.5, 0.9, 0.95):
        assert smoothed_quantile(values, quantile, 200).value == pytest.approx(float(hdquantiles(values, [quantile])[0]), rel=1e-6)


def test_influence_is_what_a_value_less_would_change() -> None:
    values = np.sort(RANDOM.normal(size=300))
    found = smoothed_quantile(values, 0.9, 300)
    assert found.influence.sum() == pytest.approx(0, abs=1e-9)
    by_leaving_out = 299 * (found.value - without_each(values, np.arange(300), 0.9, 300))
    assert np.corrcoef(by_leaving_out, found.influence)[0, 1] > 0.98
    assert found.influence.std() == pytest.approx(by_leaving_out.std(), rel=0.2)


def test_a_smoothed_quantile_among_failed_chats_is_infinite_and_a_few_failures_beyond_it_do_not_matter() -> None:
    values = np.sort(RANDOM.lognormal(size=400))
    values[-4:] = math.inf
    assert math.isfinite(smoothed_quantile(values, 0.95, 400).value)
    values[-30:] = math.inf
    assert smoothed_quantile(values, 0.95, 400).value == math.inf


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
def test_influence_varies_as_theory_has_it(quantile: float) -> None:
    """A quantile of many values has the variance q (1 - q) / (n f²), f being the density there."""
    from scipy.stats import norm  # takes most of a second to load, in every process that collects tests

    random = np.random.default_rng(5)
    seen = [smoothed_quantile(np.sort(random.normal(size=5000)), quantile, 5000).influence.std() for _ in range(40)]
    assert float(np.mean(seen)) == pytest.approx(math.sqrt(quantile * (1 - quantile)) / norm.pdf(norm.ppf(quantile)), rel=0.04)

from __future__ import annotations

import numpy as np
import pytest

from bench.statistics.samples import TooFewError
from bench.statistics.shares import share_interval


@pytest.mark.parametrize(
    ("good", "attempts", "low", "high"), [(9, 10, 0.5958, 0.9821), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_a_share_has_wilsons_interval(good: int, attempts: int, low: float, high: float) -> None:
    found = share_interval(good, attempts)
    assert [found.value, found.low, found.high] == pytest.approx([good / attempts, low, high], abs=1e-4)


def test_it_holds_the_truth_about_as_often_as_it_says_over_all_shares() -> None:
    from scipy.stats import binom  # takes most of a second to load, in every process that collects tests

    counts = np.arange(101)
    ends = [(one.low, one.high) for one in (share_interval(int(good), 100) for good in counts)]
    held = [
        sum(binom.pmf(good, 100, share) for good, (low, high) in zip(counts, ends, strict=True) if low <= share <= high)
        for share in np.linspace(0.05, 0.95, 181)
    ]
    assert np.mean(held) == pytest.approx(0.95, abs=0.005)
    assert min(held) > 0.91


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(TooFewError, match="there are none"):
        share_interval(0, 0)
    with pytest.raises(ValueError, match="11 of 10 attempts were good; from 0 to 10 can be"):
        share_interval(11, 10)

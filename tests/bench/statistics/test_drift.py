from __future__ import annotations

import numpy as np
import pytest

from bench.statistics.drift import drift
from bench.statistics.estimates import quantile_estimate, rate_estimate, share_estimate
from bench.statistics.samples import Round


def rounds(random: np.random.Generator, levels: list[float], chats: int = 200) -> list[Round]:
    return [Round(level * random.lognormal(-2, 0.3, chats), np.linspace(0, 60, chats)) for level in levels]


def test_an_engine_that_slows_down_is_told_by_how_much() -> None:
    found = drift(quantile_estimate(rounds(np.random.default_rng(1), [1.0, 1.1, 1.2, 1.3, 1.4]), 0.5))
    assert found is not None
    assert found.seen
    assert found.uneven
    assert 0.2 < found.low < 0.4 < found.high < 0.7


def test_up_and_down_is_uneven_and_no_drift() -> None:
    found = drift(quantile_estimate(rounds(np.random.default_rng(2), [1.0, 1.4, 0.8, 1.4, 1.0]), 0.5))
    assert found is not None
    assert found.uneven
    assert not found.seen


def test_steady_engines_are_said_to_drift_as_seldom_as_the_confidence_says() -> None:
    random = np.random.default_rng(3)
    found = [drift(quantile_estimate(rounds(random, [1.0] * 4, 100), 0.9)) for _ in range(500)]
    assert sum(one is not None and one.seen for one in found) / 500 == pytest.approx(0.05, abs=0.025)
    assert sum(one is not None and one.uneven for one in found) / 500 == pytest.approx(0.05, abs=0.025)


def test_one_round_and_whole_rounds_tell_none_and_perfect_shares_do_not_drift() -> None:
    assert drift(quantile_estimate(rounds(np.random.default_rng(4), [1.0]), 0.5)) is None
    assert drift(rate_estimate(np.array([[1.0], [2.0]]))) is None
    found = drift(share_estimate([Round(np.ones(50), np.arange(50.0)) for _ in range(3)]))
    assert found is not None
    assert (found.change, found.seen, found.uneven) == (0.0, False, False)

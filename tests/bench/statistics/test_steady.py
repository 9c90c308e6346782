from __future__ import annotations

import math

import numpy as np
import pytest

from bench.statistics.samples import Floats
from bench.statistics.steady import steady


def block(random: np.random.Generator, factor: float, warm_up: float, chats: int = 400) -> tuple[Floats, Floats]:
    since = np.linspace(0, 100, chats)
    return random.lognormal(-2, 0.3, chats) * np.where(since < warm_up, factor, 1.0), since


@pytest.mark.parametrize("factor", [3.0, 0.3])
def test_a_warm_up_is_cut_whether_it_is_slower_or_faster(factor: float) -> None:
    found = steady([block(np.random.default_rng(1), factor, 15.0)])
    assert found.begins_seconds == pytest.approx(15.0, abs=3.0)
    assert found.cut == pytest.approx(60, abs=12)
    assert found.reached


def test_little_is_cut_where_nothing_needs_to_be() -> None:
    random = np.random.default_rng(2)
    found = [steady([block(random, 1.0, 0.0)]) for _ in range(200)]
    assert sum(one.cut > 0 for one in found) / 200 < 0.1
    assert all(one.begins_seconds == 0 for one in found if not one.cut)


def test_blocks_that_warm_up_alike_show_together_what_none_shows_alone_and_a_slow_round_is_no_warm_up() -> None:
    random = np.random.default_rng(7)
    blocks = [block(random, 1.3, 15.0, chats=80) for _ in range(12)]
    assert sum(steady([one]).cut > 0 for one in blocks) <= 6
    found = steady(blocks)
    assert 12.0 < found.begins_seconds < 45.0
    assert found.chats == 960
    even = [block(random, 1.0, 0.0, chats=80) for _ in range(12)]
    slow = [(values * level, since) for (values, since), level in zip(even, np.linspace(1, 3, 12), strict=True)]
    assert steady(slow) == steady(even)


def test_no_more_is_cut_than_may_be_and_that_is_told() -> None:
    found = steady([block(np.random.default_rng(3), 4.0, 70.0)])
    assert found.cut == pytest.approx(200, abs=5)
    assert not found.reached


def test_failures_and_one_slow_chat_are_no_warm_up() -> None:
    values, since = block(np.random.default_rng(4), 1.0, 0.0)
    values[:3] = math.inf
    values[3] *= 10
    assert steady([(values, since)]).cut == 0


def test_the_order_of_the_values_is_that_of_their_times() -> None:
    random = np.random.default_rng(5)
    values, since = block(random, 3.0, 20.0)
    order = random.permutation(len(values))
    assert steady([(values[order], since[order])]) == steady([(values, since)])
    assert steady([(values, since)]).cut > 0


def test_short_blocks_are_left_whole() -> None:
    assert steady([block(np.random.default_rng(6), 5.0, 10.0, chats=39)]).cut == 0
    assert steady([block(np.random.default_rng(6), 5.0, 10.0, chats=80)]).cut > 0
    assert steady([]).cut == 0
    assert steady([(np.full(50, math.inf), np.arange(50.0))]).cut == 0

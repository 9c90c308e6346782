from __future__ import annotations

import numpy as np
import pytest

from bench.statistics.clusters import clustered_interval, enough
from bench.statistics.quantiles import quantile_interval
from bench.statistics.samples import Floats, TooFewError

TOKENS = 40


def tokens(random: np.random.Generator, chats: int, alike: float) -> Floats:
    """The logarithms of gaps, of which chats share `alike` of the variance."""
    own = np.sqrt(alike) * random.standard_normal((chats, 1))
    return np.asarray((own + np.sqrt(1 - alike) * random.standard_normal((chats, TOKENS))).ravel())


def test_tokens_of_one_chat_that_are_alike_count_as_one_and_those_that_are_not_as_many() -> None:
    random = np.random.default_rng(1)
    chats = np.repeat(np.arange(200), TOKENS)
    assert enough(tokens(random, 200, 1.0), chats, 0.5) == pytest.approx(200, rel=0.05)
    assert enough(tokens(random, 200, 0.0), chats, 0.5) == pytest.approx(200 * TOKENS, rel=0.25)


def test_its_interval_holds_the_truth_where_one_that_counts_tokens_does_not() -> None:
    random = np.random.default_rng(2)
    chats = np.repeat(np.arange(100), TOKENS)
    held = np.zeros((2, 2))
    for _ in range(400):
        values = tokens(random, 100, 0.5)
        for column, (quantile, truth) in enumerate(((0.5, 0.0), (0.9, 1.2815515655))):
            by_chats, by_tokens = clustered_interval(values, chats, quantile), quantile_interval(values, quantile)
            held[:, column] += [by_chats.low <= truth <= by_chats.high, by_tokens.low <= truth <= by_tokens.high]
    assert (held[0] / 400).tolist() == pytest.approx([0.95, 0.95], abs=0.03)
    assert max(held[1] / 400) < 0.8


def test_too_few_chats_are_refused_however_many_tokens_they_have() -> None:
    with pytest.raises(TooFewError, match="p95 needs 72 chats; there are 50"):
        clustered_interval(tokens(np.random.default_rng(3), 50, 0.0), np.repeat(np.arange(50), TOKENS), 0.95)
    random = np.random.default_rng(4)
    lengths = np.where(np.arange(80) < 4, 2000, 10)
    talkative = np.repeat(random.standard_normal(80), lengths) + 0.1 * random.standard_normal(int(lengths.sum()))
    with pytest.raises(TooFewError, match=r"p95 needs 72 chats; there are 80, so unlike each other that they are worth \d+"):
        clustered_interval(talkative, np.repeat(np.arange(80), lengths), 0.95)
    with pytest.raises(TooFewError, match="p50 needs 6 chats; there are 1"):
        enough(np.ones(5), np.zeros(5, dtype=np.int64), 0.5)

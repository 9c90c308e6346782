from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.chat import Chat
from bench.summary.output import finished_between, tokens_between
from tests.bench.summary.chats import chat, failed

ANSWER: dict[str, Any] = {
    "until_first_token_seconds": 1.0,
    "gaps_seconds": np.array([2.0, 2.0, 2.0]),
    "gap_tokens": np.array([1.0, 2.0, 1.0]),
    "output_tokens": 5,
    "e2e_seconds": 7.5,
}
"""Begins at 10 s; tokens at 11 (1), 13 (1), 15 (2), 17 (1); over at 17.5."""


def count(chats: list[Chat], *edges: float) -> list[float]:
    return [float(each) for each in tokens_between(chats, np.array(edges))]


def test_tokens_count_when_they_came() -> None:
    assert count([chat(**ANSWER)], 10.0, 11.0, 13.0, 16.0, 20.0) == [0.0, 1.0, 3.0, 1.0]


def test_what_came_before_and_after_the_time_does_not() -> None:
    assert count([chat(**ANSWER)], 12.0, 15.0) == [1.0]


def test_cut_and_warm_up_and_failed_chats_count_with_what_came_in_the_time() -> None:
    chats = [chat(**ANSWER, outcome=outcome, warm_up=warm_up) for outcome, warm_up in (("cut", False), ("ok", True), ("failed", False))]
    assert count(chats, 12.0, 16.0) == [9.0]


def test_the_first_chunk_may_bring_several_tokens() -> None:
    assert count([chat(**{**ANSWER, "output_tokens": 8})], 10.0, 12.0, 20.0) == [4.0, 4.0]


def test_where_no_token_is_known_they_are_spread_evenly() -> None:
    unknown = chat(until_first_token_seconds=1.0, e2e_seconds=5.0, output_tokens=8, gaps_seconds=np.empty(0), gap_tokens=np.empty(0))
    assert count([unknown], 10.0, 12.0, 14.0, 20.0) == [2.0, 4.0, 2.0]


def test_none_is_lost_or_made_up() -> None:
    random = np.random.default_rng(1)
    chats = [chat(since=float(random.uniform(0, 50))) for _ in range(100)]
    assert sum(count(chats, *np.linspace(0, 60, 14))) == 100 * 100


def test_edges_may_fall_together() -> None:
    assert count([chat(**ANSWER)], 12.0, 12.0, 16.0, 16.0) == [0.0, 3.0, 0.0]


@pytest.mark.parametrize("nothing", [[], [failed()]])
def test_without_answers_there_are_none(nothing: list[Chat]) -> None:
    assert count(nothing, 0.0, 50.0, 100.0) == [0.0, 0.0]


def test_chats_are_finished_at_their_end_if_they_succeeded() -> None:
    chats = [chat(**ANSWER), failed(since=10.0), chat(**ANSWER, outcome="cut")]
    assert finished_between(chats, np.array([10.0, 17.0, 18.0])).tolist() == [0.0, 1.0]

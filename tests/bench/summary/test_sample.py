from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.chat import Chat
from bench.level import Block, Level, Measured
from bench.summary.rates import chats_a_second, tokens_a_second
from bench.summary.sample import sample
from tests.bench.summary.chats import USERS, chat, failed


def measured(chats: list[Chat], *blocks: Block) -> Measured:
    return Measured(Level("10 users", {"vllm": USERS}), blocks, chats)


def block(number: int = 1, round: int = 1, warm_up: float = 5.0, seconds: float = 25.0) -> Block:
    return Block(number, "10 users", round, ("vllm",), warm_up, seconds)


def test_the_warm_up_and_the_unsteady_part_are_left_out() -> None:
    chats = [chat(since=2.0, warm_up=True), chat(since=6.0), chat(since=9.0), chat(since=12.0)]
    found = sample("vllm", measured(chats, block()), 8.0)
    assert [each.place.since_seconds for each in found.attempts] == [9.0, 12.0]
    assert found.parts[0].unsteady == 1
    assert found.seconds == 17.0


def test_others_chats_are_others() -> None:
    assert [each.target for each in sample("vllm", measured([chat("tgi"), chat()], block())).attempts] == ["vllm"]


def test_a_block_that_was_ended_in_its_middle_was_measured_until_then() -> None:
    chats = [chat(since=6.0), chat(since=14.0, outcome="cut", e2e_seconds=1.0)]
    assert sample("vllm", measured(chats, block())).seconds == 10.0


def test_chats_that_were_cut_at_the_end_of_a_whole_block_shorten_nothing() -> None:
    chats = [chat(since=6.0), chat(since=24.0, outcome="cut", e2e_seconds=5.0)]
    assert sample("vllm", measured(chats, block())).seconds == 20.0


def test_a_block_whose_chats_all_ended_early_is_whole() -> None:
    assert sample("vllm", measured([failed(since=6.0)], block())).seconds == 20.0


def test_a_block_that_ended_in_its_warm_up_is_no_round() -> None:
    found = sample("vllm", measured([chat(since=1.0, warm_up=True, outcome="cut", e2e_seconds=1.0)], block()))
    assert found.seconds == 0.0
    assert found.rounds == {}
    assert tokens_a_second(found).shape == (0, 8)


def test_a_round_of_two_blocks_is_one_row() -> None:
    """10 tokens a second in the first block, and 20 in the second."""
    answer: dict[str, Any] = {"until_first_token_seconds": 0.0, "gaps_seconds": np.empty(0), "gap_tokens": np.empty(0), "e2e_seconds": 1.0}
    slow = [chat(since=float(since), block=1, output_tokens=10, **answer) for since in range(25)]
    fast = [chat(since=float(since), block=4, output_tokens=20, **answer) for since in range(25)]
    found = sample("vllm", measured([*slow, *fast], block(1), block(4)))
    assert tokens_a_second(found).tolist() == [pytest.approx([10.0] * 4 + [20.0] * 4)]
    assert chats_a_second(found).mean() == pytest.approx(1.0, abs=0.05)


def test_rounds_stand_in_order() -> None:
    found = sample("vllm", measured([], block(1, 1), block(2, 2), block(3, 3)))
    assert list(found.rounds) == [1, 2, 3]

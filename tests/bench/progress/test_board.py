"""What is known of a run while it goes on."""

from __future__ import annotations

import numpy as np
import pytest

from bench.events import End as RunEnd
from bench.events import RoundEnded, RunEnded, Unsent
from bench.progress import board as boards
from tests.bench.progress.played import Played
from traffic.events import SkipReason


def test_quantiles_and_counts_are_those_of_the_level_without_warm_ups() -> None:
    run = Played()
    run.level()
    block = run.begin("vllm", 1)
    run.chat(block, ttft=9.0, since=1.0)
    for ttft in (0.05, 0.05, 0.2):
        run.chat(block, ttft=ttft)
    run.chat(block, outcome="failed", ttft=None, reason="connect")
    run.chat(block, outcome="cut", ttft=None)
    standing = run.board.standings["vllm"]
    assert (standing.ok, standing.failed, standing.cut, dict(standing.reasons)) == (3, 1, 1, {"connect": 1})
    assert standing.ttft.quantile(0.95) == pytest.approx(0.2, rel=0.02)
    run.level("80 users")
    assert run.board.standings["vllm"].ok == 0


def test_tokens_a_second_are_of_the_time_in_which_the_engine_was_measured() -> None:
    run = Played()
    run.level()
    block = run.begin("vllm", 1)
    for _ in range(10):
        run.chat(block)
    run.now += 15
    standing = run.board.standings["vllm"]
    assert standing.tokens_per_second(run.board.open_seconds("vllm")) == pytest.approx(500 / 10)
    run.end(block, after=15)
    other = run.begin("tgi", 1)
    run.end(other)
    assert run.board.standings["vllm"].tokens_per_second(run.board.open_seconds("vllm")) == pytest.approx(500 / 25)


def test_the_time_left_is_of_the_run_where_its_levels_are_known() -> None:
    run = Played(levels=(("40 users", 180.0), ("80 users", 180.0)))
    assert run.board.time() is None
    level = run.level()
    run.round(level, 1, [0.05] * 3)
    run.begin("vllm", 2)
    run.now += 10
    time = run.board.time()
    assert time is not None
    assert (time.block_seconds, time.block_done_seconds, time.of_run) == (30.0, 10.0, True)
    assert time.left_seconds == pytest.approx(4 * 30 - 10 + 180)


def test_else_it_is_of_the_level_and_blocks_that_took_longer_will_go_on_so() -> None:
    run = Played()
    run.round(run.level(), 1, [0.05] * 3, after=36.0)
    time = run.board.time()
    assert time is not None
    assert not time.of_run
    assert time.left_seconds == pytest.approx(4 * 36)


def test_between_blocks_of_a_later_level_the_time_left_is_of_its_own_blocks() -> None:
    run = Played()
    run.round(run.level(rounds=1), 1, [0.05])
    run.seconds = 60.0
    run.round(run.level("80 users"), 1, [0.05], after=60.0)
    time = run.board.time()
    assert time is not None
    assert time.left_seconds == pytest.approx(4 * 60)


def test_how_well_p95_is_known_is_told_after_each_round() -> None:
    run = Played()
    level = run.level()
    random = np.random.default_rng(1)
    run.round(level, 1, list(random.lognormal(-3, 0.3, 120)))
    assert (run.board.rounds_judged, run.board.steady) == (1, {})
    for number in (2, 3):
        run.round(level, number, list(random.lognormal(-3, 0.3, 120)))
    assert run.board.rounds_judged == 3
    assert 0 < run.board.steady["vllm"] < 0.5
    run.level("80 users")
    assert run.board.steady == {}


def test_too_few_chats_are_not_known() -> None:
    run = Played()
    level = run.level()
    for number in (1, 2):
        run.round(level, number, [0.05] * 3)
    assert (run.board.steady, run.board.rounds_judged) == ({}, 2)


def test_a_level_with_very_many_chats_costs_no_more_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "CHATS_KEPT", 20)
    run = Played()
    run.round(run.level(), 1, [0.05] * 60)
    assert len(run.board._chats) == 21
    assert run.board.rounds_judged == 0


def test_chats_that_fail_in_a_row_are_said_once_and_so_is_their_end() -> None:
    run = Played()
    run.level()
    block = run.begin("tgi", 1)
    heard: list[str] = []
    run.board.heard = heard.append
    for _ in range(5):
        run.chat(block, outcome="failed", ttft=None, reason="connect")
    run.chat(block, outcome="cut", ttft=None)
    assert heard == ["3 chats in a row with tgi failed (connect)"]
    run.now += 12
    run.chat(block)
    run.chat(block)
    assert heard[1:] == ["chats with tgi succeed again, after 12 s"]
    assert [message.words for message in run.board.messages] == heard


def test_single_failures_say_nothing() -> None:
    run = Played()
    run.level()
    block = run.begin("tgi", 1)
    for _ in range(5):
        run.chat(block, outcome="failed", ttft=None, reason="connect")
        run.chat(block)
        run.board.messages.clear()
    run.chat(block, outcome="failed", ttft=None, reason="connect")
    run.chat(block)
    assert not run.board.messages


def test_chats_that_chatprobe_does_not_send_are_said_once() -> None:
    run = Played()
    run.level()
    block = run.begin("tgi", 1)
    for _ in range(3):
        run.board(Unsent("tgi", block, SkipReason.MISSED, 1, run.now))
    assert [message.words for message in run.board.messages] == ["chats with tgi are not sent: missed"]


def test_the_end_is_told() -> None:
    run = Played()
    level = run.level()
    run.board(RoundEnded(level, 1))
    run.board(RunEnded(RunEnd.ENOUGH, "ttft p95 is known to ±3 %"))
    assert run.board.ended == "the run is over: enough (ttft p95 is known to ±3 %)"

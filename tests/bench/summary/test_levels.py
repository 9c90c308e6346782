from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any

import pytest

from bench.chat import Chat
from bench.events import Unsent
from bench.level import Block, Level, Measured
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.shape import TargetAtLevel
from config.bench_slos import ChatSlo
from tests.bench.summary.chats import RATE, USERS, Engine, chat, failed, level
from traffic.events import SkipReason

BLOCK = Block(1, "10 users", 1, ("vllm",), 5.0, 65.0)
SLO = ChatSlo("mine", ttft_seconds=0.25, tpot_seconds=0.025)


def numbers(chats: list[Chat], *, rate: bool = False, unsent: tuple[Unsent, ...] = ()) -> TargetAtLevel:
    measured = Measured(Level("10 users", {"vllm": RATE if rate else USERS}), (BLOCK,), chats)
    return summarise(Given(targets=("vllm",), measured=[measured], slos=[SLO], unsent=unsent)).levels[0].targets[0]


def test_what_became_of_the_chats() -> None:
    chats = [
        chat(), chat(), failed(), failed(reason="truncated"), failed(), failed(outcome="unsent", reason="breaker"), chat(outcome="cut"),
        chat(since=1.0, warm_up=True), failed(reason="internal"), chat(loaded=True),
    ]  # fmt: skip
    found = numbers(chats, unsent=(Unsent("vllm", BLOCK, SkipReason.MISSED, 3, 0.0), Unsent("tgi", BLOCK, SkipReason.MISSED, 5, 0.0)))
    counts = found.counts
    assert (counts.attempts, counts.ok, counts.failed, counts.unsent) == (6, 2, 3, 1)
    assert (counts.cut, counts.warm_up, counts.own_fault, counts.loading) == (1, 1, 1, 1)
    assert found.failures == {"overloaded": 2, "truncated": 1}
    assert found.not_sent == {"missed": 3}
    assert found.success.value == pytest.approx(2 / 6)


def test_goodput_is_of_all_attempts_and_asks_no_tpot_of_a_chat_without_one() -> None:
    chats = [chat(), chat(ttft_seconds=0.3), chat(tpot_seconds=0.03), chat(tpot_seconds=None), failed(), failed(outcome="unsent")]
    assert numbers(chats).goodput["mine"].value == pytest.approx(2 / 6)


def test_shares_have_intervals_and_those_without_attempts_a_sentence() -> None:
    whole = numbers([chat()] * 100).success
    assert (whole.value, whole.high) == (1.0, 1.0)
    assert whole.low == pytest.approx(0.963, abs=0.001)
    assert numbers([]).success.refused == "a share needs attempts; there are none"


def test_a_quantile_of_too_few_chats_is_refused() -> None:
    ttft = numbers([chat(since=10.0 + 0.1 * number) for number in range(120)]).measures["ttft"]
    assert ttft.quantiles[0.95].value == pytest.approx(0.2)
    assert ttft.quantiles[0.99].value is None
    assert ttft.quantiles[0.99].refused == "p99 needs 368 chats; there are 120"


def test_failures_are_told_beside_the_plain_percentiles_and_not_in_them() -> None:
    found = numbers([chat(since=10.0 + 0.1 * number) if number % 10 else failed(since=10.0 + 0.1 * number) for number in range(100)])
    assert found.measures["ttft"].quantiles[0.95].value == pytest.approx(0.2)
    assert found.measures["ttft"].chats == 90
    worst = found.measures["ttft_failures_worst"]
    assert worst.quantiles[0.5].value == pytest.approx(0.2)
    assert worst.quantiles[0.95].value == inf
    assert worst.mean is None
    assert found.measures["output_rate_failures_worst"].quantiles[0.5].low is not None
    assert "itl_failures_worst" not in found.measures


def test_since_due_is_of_arrivals_only() -> None:
    chats = [chat(lag_seconds=0.1)] * 10
    assert numbers(chats, rate=True).measures["since_due"].quantiles[0.5].value == pytest.approx(0.31)
    assert "since_due" not in numbers(chats).measures


def test_throughput_and_requests_are_over_the_measured_time() -> None:
    found = numbers([chat(since=10.0 + number) for number in range(30)])
    assert found.seconds == 60.0
    assert found.throughput.value == pytest.approx(30 * 100 / 60)
    assert found.requests_per_second.value == pytest.approx(0.5)


def test_nothing_at_all_is_no_crash() -> None:
    found = numbers([])
    assert (found.counts.attempts, found.measures, found.throughput.value, found.output_tokens) == (0, {}, 0.0, None)


def test_itl_is_judged_by_chats() -> None:
    """Its interval is wider than that of as many independent values would be."""
    itl = numbers([chat(since=10.0 + number * 0.3, **rhythm(number)) for number in range(100)]).measures["itl"]
    assert (itl.chats, itl.observations) == (100, 9900)
    middle = itl.quantiles[0.5]
    assert middle.low is not None
    assert middle.high is not None
    assert middle.high - middle.low > 0.001


def rhythm(number: int) -> dict[str, Any]:
    """A chat's own rhythm: 10 to 30 ms a token, all through it."""
    tpot = 0.01 + 0.02 * (number * 37 % 100) / 100
    return {"tpot_seconds": tpot, "gaps_seconds": chat().gaps_seconds * tpot / 0.02}


def test_health_is_counted() -> None:
    found = numbers([chat(doubtful=True), chat(gathered=True), chat(clock="user"), chat(token_source="chunks"), failed(doubtful=True)])
    assert (found.doubtful, found.gathered, found.user_clock) == (1, 1, 1)
    assert found.token_sources == {"usage": 3, "chunks": 1}


def test_a_drift_between_rounds_is_told() -> None:
    def slower(one: Chat) -> Chat:
        return one if one.ttft_seconds is None else replace(one, ttft_seconds=one.ttft_seconds * (1 + 0.2 * one.place.round))

    drifting = summarise(Given(targets=("vllm",), measured=[level({"vllm": Engine()}, shape=slower)])).levels[0].targets[0].drift
    ttft, tpot = (next(trend for trend in drifting if trend.measure == name) for name in ("ttft", "tpot"))
    assert ttft.drifted
    assert ttft.words.startswith("TTFT p50 rose by ")
    assert [value is not None and 0.2 < value < 0.45 for value in ttft.per_round] == [True] * 5
    assert not tpot.drifted


def test_the_same_chats_give_the_same_summary() -> None:
    given = Given(targets=("vllm", "tgi"), measured=[level({"vllm": Engine(), "tgi": Engine()}, rounds=3)])
    assert summarise(given) == summarise(given)


def test_that_many_chats_were_cut_off_is_told() -> None:
    def ended(share: int) -> tuple[str, ...]:
        chats = [chat(since=10.0, outcome="cut", e2e_seconds=70.0) if number % share == 0 else chat() for number in range(100)]
        measured = Measured(Level("10 users", {"vllm": USERS}), (BLOCK,), chats)
        return summarise(Given(targets=("vllm",), measured=[measured])).levels[0].notes

    assert ended(10) == (
        "10 % of the chats with vllm were cut off by the ends of blocks, the longest ones first: what is left leans towards short chats",
    )
    assert ended(25) == ()


def test_an_engine_of_which_no_chat_ended_is_told() -> None:
    chats = [chat(since=10.0, outcome="cut", e2e_seconds=70.0)] * 3
    measured = Measured(Level("3 users", {"vllm": USERS}), (BLOCK,), chats)
    assert summarise(Given(targets=("vllm",), measured=[measured])).levels[0].notes == (
        "no chat with vllm both began and ended in the measured time: measure for longer, or ask for shorter answers",
    )

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traffic.schedule import FIRST_CHAT_WITHIN_NS, Due, FixedRate, SystemClock

SECOND_NS = 1_000_000_000


def test_a_hundred_thousand_chats_never_drift() -> None:
    start_ns, interval_ns = 123_456_789, 333_333_333
    arrivals = FixedRate(start_ns, 1 / 3, "vllm", "heartbeat")
    now_ns = start_ns
    instants = []
    for number in range(100_000):
        due = arrivals.next(now_ns)
        assert due.missed == 0
        instants.append(due.at_ns)
        now_ns = due.at_ns + number % 1_000_000  # always somewhat late
    grid_ns = instants[1] - interval_ns
    assert instants[1:] == [grid_ns + number * interval_ns for number in range(1, 100_000)]


@given(st.text(max_size=20), st.text(max_size=20), st.floats(1, 86_400))
def test_the_first_chat_comes_within_the_interval_and_within_five_seconds(target: str, scenario: str, interval_seconds: float) -> None:
    arrivals = FixedRate(0, interval_seconds, target, scenario)
    first, second = arrivals.next(0), arrivals.next(0)
    interval_ns = round(interval_seconds * SECOND_NS)
    assert 0 <= first.at_ns < min(interval_ns, FIRST_CHAT_WITHIN_NS)
    assert interval_ns <= second.at_ns < 2 * interval_ns
    assert second.at_ns - first.at_ns >= interval_ns


def test_phases_are_spread_over_the_interval_and_the_same_in_every_run() -> None:
    phases = []
    for number in range(1_000):
        arrivals, again = FixedRate(0, 60, f"target-{number}", "heartbeat"), FixedRate(0, 60, f"target-{number}", "heartbeat")
        arrivals.next(0), again.next(0)
        grid = arrivals.next(0)
        assert grid == again.next(0)
        phases.append(grid.at_ns - 60 * SECOND_NS)
    for sixth in range(6):
        share = sum(sixth * 10 * SECOND_NS <= phase < (sixth + 1) * 10 * SECOND_NS for phase in phases)
        assert 120 < share < 220  # 167 expected; these bounds are four standard deviations off
    assert FixedRate(0, 60, "ab", "c").next(0) != FixedRate(0, 60, "a", "bc").next(0)


@given(st.lists(st.integers(0, 50 * SECOND_NS), min_size=1, max_size=30))
def test_every_chat_is_given_out_or_counted_as_missed(holdups_ns: list[int]) -> None:
    arrivals = FixedRate(0, 10, "vllm", "heartbeat")
    grid_ns = FixedRate(0, 10, "vllm", "heartbeat")
    grid_ns.next(0)
    phase_ns = grid_ns.next(0).at_ns - 10 * SECOND_NS
    now_ns = given_out = missed = 0
    for holdup_ns in holdups_ns:
        now_ns += holdup_ns
        due = arrivals.next(now_ns)
        given_out, missed = given_out + 1, missed + due.missed
        if due.missed:
            assert now_ns - due.at_ns < 10 * SECOND_NS  # the newest
        number = given_out + missed - 1
        assert due.at_ns == phase_ns + number * 10 * SECOND_NS or number == 0
        now_ns = max(now_ns, due.at_ns)


def test_after_a_hold_up_the_newest_chat_is_late_and_those_before_it_are_missed() -> None:
    arrivals = FixedRate(0, 10, "vllm", "heartbeat")
    arrivals.next(0)
    second = arrivals.next(0)
    assert arrivals.next(second.at_ns + 35 * SECOND_NS) == Due(second.at_ns + 30 * SECOND_NS, missed=2)
    assert arrivals.next(second.at_ns + 35 * SECOND_NS) == Due(second.at_ns + 40 * SECOND_NS)


@pytest.mark.parametrize("ahead_ns", [0, 100_000, 3_000_000])
async def test_the_system_clock_never_wakes_early(ahead_ns: int) -> None:
    clock = SystemClock()
    wanted_ns = time.monotonic_ns() + ahead_ns
    await clock.sleep_until(wanted_ns)
    assert clock.monotonic_ns() >= wanted_ns
    assert abs(clock.epoch_seconds() - time.time()) < 1

from __future__ import annotations

import time

import pytest

from traffic.schedule import SHARES, SystemClock, nanoseconds, share


def test_shares_are_the_same_in_every_run() -> None:
    assert share("vllm", "heartbeat") == 0x921539905DFE5E1F
    assert share("vllm", "chat", 1) == share("vllm", "chat", "1")


def test_shares_are_spread_evenly_and_tell_apart_what_they_are_made_of() -> None:
    sixths = [share("target", number) * 6 // SHARES for number in range(6_000)]
    assert all(880 < sixths.count(sixth) < 1_120 for sixth in range(6))  # 1,000 expected; these bounds are four standard deviations off
    assert len({share("ab", "c"), share("a", "bc"), share("abc"), share("c", "ab")}) == 4


def test_seconds_become_the_nearest_whole_nanoseconds() -> None:
    assert [nanoseconds(seconds) for seconds in (0.1, 1 / 3, 86_400)] == [100_000_000, 333_333_333, 86_400_000_000_000]


@pytest.mark.parametrize("ahead_ns", [0, 100_000, 3_000_000])
async def test_the_system_clock_never_wakes_early(ahead_ns: int) -> None:
    clock = SystemClock()
    wanted_ns = time.monotonic_ns() + ahead_ns
    await clock.sleep_until(wanted_ns)
    assert clock.monotonic_ns() >= wanted_ns
    assert abs(clock.epoch_seconds() - time.time()) < 1

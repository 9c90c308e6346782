"""The held offset: it stays where it is under noise, and follows a clock that was stepped."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.clock import SO_TIMESTAMPNS, STEP_NS, HeldOffset, RunDelay, stamp_of

if TYPE_CHECKING:
    from tests.probes.wire.conftest import FakeClocks, Lines

MS = 1_000_000


def refreshed(offset: HeldOffset, times: int) -> list[bool]:
    return [offset.refresh() for _ in range(times)]


def test_the_offset_is_what_realtime_is_ahead(clocks: FakeClocks) -> None:
    assert HeldOffset(clocks.monotonic, clocks.realtime).offset_ns == clocks.ahead_ns


def test_the_offset_is_that_of_the_narrowest_reading(clocks: FakeClocks) -> None:
    """Readings between which the thread lost the processor say less, however many they are."""
    pauses = iter([5 * MS, 3 * MS, 8 * MS, 0, 9 * MS, 4 * MS, 2 * MS, 7 * MS, 6 * MS])

    def interrupted() -> int:
        found = clocks.realtime()
        clocks.now_ns += next(pauses)
        return found

    assert HeldOffset(clocks.monotonic, interrupted).offset_ns == clocks.ahead_ns


@pytest.mark.parametrize("step_ns", [3600 * 10**9, MS, -MS, -3600 * 10**9, STEP_NS + 1, -STEP_NS - 1])
def test_a_step_is_followed_once_three_looks_agree(clocks: FakeClocks, step_ns: int) -> None:
    offset = HeldOffset(clocks.monotonic, clocks.realtime)
    held = offset.offset_ns
    clocks.ahead_ns += step_ns
    assert refreshed(offset, 2) == [False, False]
    assert (offset.offset_ns, offset.suspects_step) == (held, True)
    assert offset.refresh()
    assert (offset.offset_ns, offset.steps, offset.suspects_step) == (held + step_ns, 1, False)
    assert refreshed(offset, 5) == [False] * 5


def test_two_steps_on_end_are_two(clocks: FakeClocks) -> None:
    offset = HeldOffset(clocks.monotonic, clocks.realtime)
    for step_ns in (5 * MS, -20 * MS):
        clocks.ahead_ns += step_ns
        assert refreshed(offset, 3) == [False, False, True]
    assert (offset.offset_ns, offset.steps) == (clocks.ahead_ns, 2)


def test_a_step_that_is_taken_back_before_it_is_believed_is_none(clocks: FakeClocks) -> None:
    offset = HeldOffset(clocks.monotonic, clocks.realtime)
    clocks.ahead_ns += 5 * MS
    refreshed(offset, 2)
    clocks.ahead_ns -= 5 * MS
    assert refreshed(offset, 3) == [False] * 3
    assert (offset.offset_ns, offset.steps, offset.suspects_step) == (clocks.ahead_ns, 0, False)


def test_looks_that_disagree_with_each_other_move_nothing(clocks: FakeClocks) -> None:
    offset = HeldOffset(clocks.monotonic, clocks.realtime)
    held = offset.offset_ns
    for _ in range(10):
        clocks.ahead_ns += MS
        assert not offset.refresh()
    assert offset.offset_ns == held


@given(st.lists(st.integers(-STEP_NS, STEP_NS), max_size=30))
def test_what_is_no_step_moves_nothing(shifts: list[int]) -> None:
    now, ahead = 0, 10**18

    def monotonic() -> int:
        nonlocal now
        now += 100
        return now

    offset = HeldOffset(monotonic, lambda: monotonic() + ahead)
    for shift in shifts:
        ahead = 10**18 + shift
        assert not offset.refresh()
    assert (offset.offset_ns, offset.steps) == (10**18, 0)


@pytest.mark.parametrize("wide_ns", [50_000, 10 * MS])
def test_wide_readings_say_nothing_of_a_step(clocks: FakeClocks, wide_ns: int) -> None:
    """Under contention each reading may be torn apart; none of these is believed, even when they agree."""
    offset = HeldOffset(clocks.monotonic, clocks.realtime)
    held = offset.offset_ns
    clocks.ahead_ns += 5 * MS
    clocks.tick_ns = wide_ns
    assert refreshed(offset, 10) == [False] * 10
    assert (offset.offset_ns, offset.suspects_step) == (held, False)
    clocks.tick_ns = 100
    assert refreshed(offset, 3) == [False, False, True]


def test_the_systems_own_clocks_are_not_stepped_by_looking() -> None:
    offset = HeldOffset()
    held = offset.offset_ns
    refreshed(offset, 50)
    assert abs(offset.offset_ns - held) < STEP_NS


class SteppedSystem:
    """A system whose clock was, when the offset was taken, `step_ns` behind what it shows since `step` was called; the kernel's stamps are real."""

    def __init__(self, step_ns: int) -> None:
        self._behind_ns = step_ns
        self.offset = HeldOffset(time.monotonic_ns, lambda: time.time_ns() - self._behind_ns)

    def step(self) -> None:
        self._behind_ns = 0


@pytest.mark.parametrize("step_ns", [3600 * 10**9, 50 * MS, -50 * MS, -3600 * 10**9], ids=["hour on", "50 ms on", "50 ms back", "hour back"])
def test_stamps_of_a_stepped_clock_are_refused_until_the_offset_follows(line: Lines, step_ns: int) -> None:
    system = SteppedSystem(step_ns)
    chat = line(system.offset)
    system.step()
    chat.near.begin(time.monotonic_ns())
    seen = []
    for _ in range(6):
        before, _ = chat.send(b"token")
        received = chat.receive()
        seen.append(received.kernel)
        assert before - STEP_NS <= received.stamp_ns <= time.monotonic_ns()
        if not received.kernel:
            assert not received.exact
    assert not seen[0]
    assert seen[-1]
    assert seen == sorted(seen)
    assert system.offset.steps == 1


def test_a_step_that_is_seen_between_chats_disturbs_none(line: Lines) -> None:
    system = SteppedSystem(50 * MS)
    chat = line(system.offset)
    system.step()
    refreshed(system.offset, 3)
    before, _ = chat.send(b"token")
    received = chat.receive()
    assert received.kernel
    assert before - STEP_NS <= received.stamp_ns <= time.monotonic_ns()


def test_no_stamp_is_none() -> None:
    assert stamp_of([]) == 0
    assert stamp_of([(1, SO_TIMESTAMPNS + 1, struct.pack("@qq", 5, 6)), (2, SO_TIMESTAMPNS, struct.pack("@qq", 5, 6))]) == 0
    assert stamp_of([(1, SO_TIMESTAMPNS, struct.pack("@qq", 5, 6))]) == 5_000_000_006


Schedstat = Callable[[str], str]


@pytest.fixture
def schedstat(tmp_path: Path) -> Schedstat:
    """Writes the kernel's figures: time on a processor, run delay, slices."""
    path = tmp_path / "schedstat"

    def write(text: str) -> str:
        path.write_text(text)
        return str(path)

    return write


def test_run_delay_is_what_was_added_since_the_last_look(schedstat: Schedstat) -> None:
    delay = RunDelay(schedstat("1000 5000 7\n"))
    schedstat("1200 5900 8\n")
    assert delay.since_last_ns() == 900
    assert delay.since_last_ns() == 0


@pytest.mark.parametrize("text", ["", "1000\n", "a b c\n"])
def test_run_delay_is_unknown_where_the_kernel_does_not_keep_it(schedstat: Schedstat, text: str) -> None:
    assert RunDelay(schedstat(text)).since_last_ns() is None


def test_run_delay_is_unknown_without_its_file(tmp_path: Path) -> None:
    assert RunDelay(str(tmp_path / os.devnull)).since_last_ns() is None

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import Future, ThreadPoolExecutor
from unittest.mock import create_autospec

import pytest

from probes.wire.clock import DELIVERY_NS
from probes.wire.loop import WAKE_UP_NS, Loop, pool

MORE_THAN_PYTHON_ASKS_FOR = 1100


def floor_of_a_sleep(
    monkeypatch: pytest.MonkeyPatch, *, asleep_ns: int, ran_ns: int, helper: Future[None] | None = None, stopped: bool = False
) -> tuple[int, int]:
    """(how long after the look before it, how long before its return) a poll that slept is sure that what it reports came."""
    now, ran, seen = [10**12], [10**9], list[int]()
    loop = Loop(lambda: now[0])
    if helper is not None:
        submits = create_autospec(ThreadPoolExecutor, instance=True)
        submits.submit.return_value = helper
        loop.in_thread(submits, lambda: None, lambda: None)

    class Sleepy:
        """Sees nothing at a look; sleeps, and then the processor takes its time."""

        def poll(self, timeout: float, _most: int) -> list[tuple[int, int]]:
            if timeout == 0:
                return []
            now[0] += asleep_ns + ran_ns
            ran[0] += ran_ns
            if stopped:
                loop.go_on()
            return [(fd, 1)]

    fd = os.eventfd(0)
    try:
        loop.watch(fd, lambda _, floor_ns: seen.append(floor_ns))
        monkeypatch.setattr(loop, "_epoll", Sleepy())
        monkeypatch.setattr(loop._run_delay, "since_last_ns", lambda: 0)
        monkeypatch.setattr(time, "thread_time_ns", lambda: ran[0])
        began_ns = now[0]
        loop._poll()
    finally:
        os.close(fd)
    return seen[0] - began_ns, now[0] - seen[0]


def test_what_a_poll_reports_came_after_its_wake_up_less_what_the_thread_ran_since(monkeypatch: pytest.MonkeyPatch) -> None:
    _, before_its_return = floor_of_a_sleep(monkeypatch, asleep_ns=20_000_000, ran_ns=400_000)
    assert before_its_return == 400_000 + WAKE_UP_NS


def test_what_a_poll_reports_came_no_earlier_than_a_segment_takes_before_the_look_that_did_not_see_it(monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_look, _ = floor_of_a_sleep(monkeypatch, asleep_ns=50_000, ran_ns=10_000)
    assert after_the_look == -DELIVERY_NS


def test_a_timer_that_is_further_away_than_epoll_can_wait() -> None:
    loop = Loop()
    called: list[str] = []
    loop.at(loop.now_ns() + 365 * 86_400 * 10**9, lambda: called.append("a year later"))
    loop.at(loop.now_ns() - 1, lambda: called.append("due"))
    with pool(1, "test") as helper:
        loop.in_thread(helper, lambda: None, loop.stop)
        loop.run()
    assert called == ["due"]


def test_while_a_helper_works_a_wake_up_is_not_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread may have waited for the interpreter, which neither the processor's time nor the run delay tells."""
    helper: Future[None] = Future()
    after_the_look, _ = floor_of_a_sleep(monkeypatch, asleep_ns=20_000_000, ran_ns=10_000, helper=helper)
    assert after_the_look == -DELIVERY_NS
    helper.set_result(None)
    _, before_its_return = floor_of_a_sleep(monkeypatch, asleep_ns=20_000_000, ran_ns=10_000, helper=helper)
    assert before_its_return == 10_000 + WAKE_UP_NS


def test_where_the_process_was_stopped_a_wake_up_is_not_reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    after_the_look, _ = floor_of_a_sleep(monkeypatch, asleep_ns=20_000_000, ran_ns=10_000, stopped=True)
    assert after_the_look == -DELIVERY_NS


def test_one_look_tells_all_that_is_ready_however_many_sockets_that_are() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    loop, seen = Loop(), list[int]()
    fds = [os.eventfd(1) for _ in range(MORE_THAN_PYTHON_ASKS_FOR)]
    try:
        for fd in fds:
            loop.watch(fd, lambda _mask, floor_ns: seen.append(floor_ns))
        loop._poll()
    finally:
        for fd in fds:
            os.close(fd)
    assert len(seen) == len(fds)

"""A plain epoll loop: readiness, timers, helper threads, and the poll's own instant as a floor for what it reports."""

from __future__ import annotations

import heapq
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count

from probes.wire.clock import DELIVERY_NS, Clock, RunDelay

WAKE_UP_NS = 100_000
"""How long before its wake-up, as it is reckoned, a poll may have seen its first event."""

NAP_NS = 600_000
"""Where wake-ups follow each other more closely than this, the loop sleeps it out and reads what came meanwhile in one go.

A wake-up costs more than a read, and the stamps are the kernel's, so that only the bound of a chunk that shares its read grows.
"""

LONGEST_SLEEP_SECONDS = 86_400.0
"""epoll takes no more than 24 days at once; a later timer is waited for in several sleeps."""

Handler = Callable[[int, int], None]
"""Called with (epoll events, floor): whatever made the socket ready arrived after `floor`, nanoseconds on the monotonic clock."""


class Timer:
    """A callback at an instant; `cancel` may be called at any time."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """Runs until `stop`. Not thread-safe, but for what `in_thread` does itself."""

    def __init__(self, clock: Clock = time.monotonic_ns) -> None:
        self.now_ns = clock
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = count()
        self._later: deque[Callable[[], None]] = deque()
        self._done: deque[Callable[[], None]] = deque()
        self._helpers: list[Future[None]] = []
        self._run_delay = RunDelay()
        self._polled_ns = self._woke_ns = clock()
        self._dense = self._napped = self._was_stopped = False
        self._running = False
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.watch(self._wake_fd, self._run_done)

    def watch(self, fd: int, handler: Handler, events: int = select.EPOLLIN) -> None:
        """Call `handler` when `fd` is ready for `events`; replaces what was said of `fd` before."""
        if fd in self._handlers:
            self._epoll.modify(fd, events)
        else:
            self._epoll.register(fd, events)
        self._handlers[fd] = handler

    def unwatch(self, fd: int) -> None:
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def at(self, deadline_ns: int, callback: Callable[[], None]) -> Timer:
        timer = Timer(callback)
        heapq.heappush(self._timers, (deadline_ns, next(self._order), timer))
        return timer

    def later(self, callback: Callable[[], None]) -> None:
        """Call `callback` soon, but one of these between two polls at most: reading goes first, so that a wave of chats does not hold it."""
        self._later.append(callback)

    def in_thread(self, pool: ThreadPoolExecutor, work: Callable[[], None], then: Callable[[], None]) -> Future[None]:
        """Run `work`, which keeps what it raises to itself, in a thread of `pool`, then `then` in the loop; neither if cancelled before."""

        def run() -> None:
            work()
            self._done.append(then)
            os.eventfd_write(self._wake_fd, 1)

        helper = pool.submit(run)
        self._helpers.append(helper)
        return helper

    def stop(self) -> None:
        self._running = False
        os.eventfd_write(self._wake_fd, 1)  # so that a poll which would sleep returns

    def run(self) -> None:
        self._running = True
        while self._running:
            if self._later:
                self._later.popleft()()
            if self._poll():
                self._run_due()

    def _poll(self) -> bool:
        """Look what is ready, or nap; True unless it napped, for then what waits in the sockets is not known, and no timeout may be judged.

        One look without sleeping, and only if that saw nothing, one that sleeps. Each tells all that is ready: by itself Python asks for 1,023 of it.

        So it is known which poll slept. What a sleeping poll reports arrived after the look before it, and also after its wake-up: the
        time it returned, less what the thread then waited for a processor, and less what it took of one since that look, which is mostly the
        kernel's way out of the sleep: 0.05 ms as a rule, and ten times that where caches are cold. The wake-up cannot be told where the process was
        stopped meanwhile, or while a helper thread works, since this one may have waited for the interpreter.
        """
        before = self.now_ns()
        events = self._epoll.poll(0, self._most_events())
        floor, self._polled_ns = self._polled_ns, before - DELIVERY_NS
        if self._napped:
            self._dense, self._napped = bool(events), False
        if not events and not self._later:
            if self._dense and before < self._woke_ns + NAP_NS:
                self._nap(self._woke_ns + NAP_NS - before)
                return False
            alone, ran_ns = self._is_alone(), time.thread_time_ns()
            events = self._epoll.poll(self._timeout_seconds(), self._most_events())
            after = self.now_ns()
            floor = before - DELIVERY_NS
            if after - before > WAKE_UP_NS and alone and not self._was_stopped:
                delay_ns = self._run_delay.since_last_ns()
                if delay_ns is not None:
                    ran_ns = time.thread_time_ns() - ran_ns
                    floor = max(floor, after - delay_ns - ran_ns - WAKE_UP_NS)
            self._was_stopped = False
            self._polled_ns = floor
            self._dense = after - self._woke_ns < NAP_NS
            self._woke_ns = after
        for fd, mask in events:
            handler = self._handlers.get(fd)
            if handler is not None:
                handler(mask, floor)
        return True

    def go_on(self) -> None:
        """The process was stopped (SIGSTOP), and goes on."""
        self._was_stopped = True

    def _most_events(self) -> int:
        """Those of all sockets, and of helper threads."""
        return len(self._handlers) + 1

    def _is_alone(self) -> bool:
        """Whether no helper thread has work."""
        if self._helpers:
            self._helpers = [helper for helper in self._helpers if not helper.done()]
        return not self._helpers

    def _nap(self, duration_ns: int) -> None:
        time.sleep(duration_ns / 1e9)
        self._woke_ns = self.now_ns()
        self._napped = True

    def _timeout_seconds(self) -> float:
        while self._timers and self._timers[0][2].callback is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return -1
        return min(max(0.0, (self._timers[0][0] - self.now_ns()) / 1e9), LONGEST_SLEEP_SECONDS)

    def _run_due(self) -> None:
        now = self.now_ns()
        while self._timers and self._timers[0][0] <= now:
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()

    def _run_done(self, _events: int, _floor_ns: int) -> None:
        os.eventfd_read(self._wake_fd)
        while self._done:
            self._done.popleft()()


def pool(threads: int, name: str, niceness: int = 0) -> ThreadPoolExecutor:
    """Helper threads of the worker. With a niceness they yield the processor to the loop, which must read while they compute."""

    def settle() -> None:
        if niceness:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)

    return ThreadPoolExecutor(threads, thread_name_prefix=name, initializer=settle)

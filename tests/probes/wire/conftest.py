"""Real loopback sockets with kernel stamps, and clocks that a test moves."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from probes.wire.clock import SO_TIMESTAMPNS, STAMP_SPACE, HeldOffset, keep_stamping, stamp_of
from probes.wire.connection import Connection, Received


@pytest.fixture(scope="session", autouse=True)
def stamping() -> Iterator[None]:
    """The kernel stamps packets for as long as the tests run; it begins to do so a little after it is first asked."""
    with keep_stamping(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        echo.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        echo.bind(("127.0.0.1", 0))
        given_up = time.monotonic() + 10
        stamped = 0
        while not stamped:
            assert time.monotonic() < given_up, "the kernel stamps nothing"
            before = time.time_ns()
            echo.sendto(b"x", echo.getsockname())
            stamp = stamp_of(echo.recvmsg(16, STAMP_SPACE)[1])
            # before it stamps packets, the kernel gives the time of the read, which is later than that of a stamp but looks like one
            stamped = stamp if before <= stamp else 0
        yield


@dataclass
class FakeClocks:
    """CLOCK_MONOTONIC and CLOCK_REALTIME that go on by `tick_ns` at each look; `ahead_ns` is how far the second is ahead."""

    now_ns: int = 10**12
    ahead_ns: int = 10**18
    tick_ns: int = 100

    def monotonic(self) -> int:
        self.now_ns += self.tick_ns
        return self.now_ns

    def realtime(self) -> int:
        self.now_ns += self.tick_ns
        return self.now_ns + self.ahead_ns


@pytest.fixture
def clocks() -> FakeClocks:
    return FakeClocks()


@dataclass
class Line:
    """A connection to the test itself: what `far` sends, `near` receives."""

    near: Connection
    far: socket.socket

    def send(self, data: bytes) -> tuple[int, int]:
        """The moments right before and right after the system call."""
        before = time.monotonic_ns()
        self.far.sendall(data)
        return before, time.monotonic_ns()

    def receive(self, floor_ns: int = 0) -> Received:
        """The next read, once something waits."""
        assert select.select([self.near], [], [], 10)[0], "nothing came"
        received = self.near.receive(floor_ns)
        assert received is not None
        return received


Lines = Callable[..., Line]


@pytest.fixture
def line() -> Iterator[Lines]:
    """Makes connections over loopback; `offset` stands for how far the system's clocks are apart."""
    with contextlib.ExitStack() as stack:

        def made(offset: HeldOffset | None = None) -> Line:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            near = stack.enter_context(socket.socket())
            near.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            near.connect(listener.getsockname())
            near.setblocking(False)
            far, _ = listener.accept()
            stack.enter_context(far)
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return Line(Connection(near, offset or HeldOffset(), time.monotonic_ns), far)

        yield made

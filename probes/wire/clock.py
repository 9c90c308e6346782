"""The clock of a measurement: kernel receive stamps, brought to the monotonic clock by one held offset."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Sequence

SO_TIMESTAMPNS = 35
"""Linux `SO_TIMESTAMPNS`: each `recvmsg` brings the CLOCK_REALTIME instant at which the kernel received the newest segment it hands over."""
STAMP_SPACE = socket.CMSG_SPACE(16)
STEP_NS = 100_000
"""A shift of the offset beyond this is a clock step; NTP's slewing moves both clocks alike and shifts nothing."""
DELIVERY_NS = 100_000
"""How long after it came a segment may reach its socket: it is stamped before the network stack has worked on it. So one that a look at the socket
did not see may have come this much before the look.
"""

_TIMESPEC = struct.Struct("@qq")
_NARROW_NS = 10_000
_READINGS = 9
_AGREEING = 3

Clock = Callable[[], int]
Ancillary = Sequence[tuple[int, int, bytes]]


def stamp_of(ancillary: Ancillary) -> int:
    """The kernel's receive stamp (CLOCK_REALTIME, nanoseconds) in the ancillary data of a `recvmsg`; 0, which no clock shows, where there is none."""
    for level, kind, data in ancillary:
        if kind == SO_TIMESTAMPNS and level == socket.SOL_SOCKET:
            stamp: tuple[int, int] = _TIMESPEC.unpack(data)
            return stamp[0] * 1_000_000_000 + stamp[1]
    return 0


def keep_stamping() -> socket.socket:
    """A socket to hold open for as long as stamps are wanted.

    The kernel stamps packets only while some socket asks for it, and begins to do so a little after the first one asked
    (`net_enable_timestamp` in Linux `net/core/dev.c`); without this, the first chat after a pause would have no stamps.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    holder.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return holder


class HeldOffset:
    """How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, held still.

    The offset is the narrowest of several bracketed readings (monotonic, realtime, monotonic). One taken afresh at each read would
    import the scheduler's noise into the stamps; so it is looked at from time to time and changed only when repeated narrow readings
    agree on a shift: the clock was stepped.
    """

    def __init__(self, monotonic: Clock = time.monotonic_ns, realtime: Clock = time.time_ns) -> None:
        self._monotonic = monotonic
        self._realtime = realtime
        self._agreed = 0
        self._shifted_ns = 0
        self.steps = 0
        _, self.offset_ns = min(self._reading() for _ in range(_READINGS))

    def refresh(self) -> bool:
        """Look whether the clock was stepped; True if the held offset was changed. Costs a few microseconds."""
        width_ns, offset_ns = min(self._reading() for _ in range(_READINGS))
        if width_ns > _NARROW_NS:
            return False
        if abs(offset_ns - self.offset_ns) <= STEP_NS:
            self._agreed = 0
            return False
        if self._agreed and abs(offset_ns - self._shifted_ns) <= STEP_NS:
            self._agreed += 1
        else:
            self._agreed, self._shifted_ns = 1, offset_ns
        if self._agreed < _AGREEING:
            return False
        self.offset_ns, self._agreed = offset_ns, 0
        self.steps += 1
        return True

    @property
    def suspects_step(self) -> bool:
        """A narrow reading saw a shift, and more must agree before it counts."""
        return self._agreed > 0

    def _reading(self) -> tuple[int, int]:
        """(width, offset) of one bracketed reading."""
        before = self._monotonic()
        realtime = self._realtime()
        after = self._monotonic()
        return after - before, realtime - (before + after) // 2


class RunDelay:
    """How long this thread has waited for a processor while it could have run, from `/proc/thread-self/schedstat`.

    It tells a late wake-up from a late segment. Where the kernel does not keep the figure, `since_last_ns` is None.
    """

    def __init__(self, path: str = "/proc/thread-self/schedstat") -> None:
        self._last_ns = 0
        try:
            self._fd: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = None
        self.since_last_ns()

    def since_last_ns(self) -> int | None:
        """Nanoseconds of run delay since the last call."""
        if self._fd is None:
            return None
        try:
            total_ns = int(os.pread(self._fd, 96, 0).split()[1])
        except (OSError, IndexError, ValueError):
            return None
        since_ns, self._last_ns = total_ns - self._last_ns, total_ns
        return since_ns

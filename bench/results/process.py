"""The process that writes a run: by it a killed run is told from a running one."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_STATE, _START = 0, 19
"""Places in `/proc/PID/stat` behind the name of the program (proc(5): fields 3 and 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, told from every other that had or will have its number.

    `started_ticks` is when it began, counted from the boot (proc(5), field 22 of stat).
    """

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    started_ticks: int

    @classmethod
    def this(cls) -> Process:
        """The process that asks."""
        found = _stat(os.getpid())
        assert found is not None, "/proc shows this process"
        return cls(host=socket.gethostname(), boot_id=_boot_id(), pid_namespace=_pid_namespace(), pid=os.getpid(), started_ticks=found[1])

    def lives(self) -> bool | None:
        """Whether it runs. None where that cannot be seen from here: on another machine, or in another container."""
        if self.boot_id != _boot_id():
            return False if self.host == socket.gethostname() else None  # this machine has been booted since
        if self.pid_namespace != _pid_namespace():
            return None
        found = _stat(self.pid)
        return found is not None and found[0] not in "ZXx" and found[1] == self.started_ticks


def _stat(pid: int) -> tuple[str, int] | None:
    """(state, when it began, in ticks since the boot) of a process; None where there is none."""
    try:
        behind = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return behind[_STATE].decode(), int(behind[_START])


def _boot_id() -> str:
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _pid_namespace() -> str:
    return str((PROC / "self/ns/pid").readlink())

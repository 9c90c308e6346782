"""What another process takes of the machine, by proc(5)."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float | None:
    """Processor time of all its threads so far; None where it is gone."""
    fields = _stat(pid)
    return None if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def resident_bytes(pid: int) -> int | None:
    """Memory that it has; None where it is gone."""
    fields = _stat(pid)
    return None if fields is None else int(fields[21]) * _PAGE_BYTES


def _stat(pid: int) -> list[str] | None:
    """The fields of its `stat` from the state on, which is the third by proc_pid_stat(5)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None

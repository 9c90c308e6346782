"""What the kernel dropped although it had arrived, since nobody read in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

FILE = Path("/proc/self/net/netstat")
_DROPS = ("RcvPruned", "OfoPruned", "TCPRcvQDrop", "TCPBacklogDrop", "TCPZeroWindowDrop")
"""Of Linux' `TcpExt` counters those of segments that were dropped because a connection's receive buffer or queue was full (`net/ipv4/proc.c`)."""


def receive_drops(file: Path = FILE) -> Callable[[], int] | None:
    """Gives how many segments were dropped so from now on; None where the kernel does not tell."""
    try:
        before = _dropped(file)
    except (OSError, ValueError):
        return None
    return lambda: _dropped(file) - before


def _dropped(file: Path) -> int:
    names, values = (line.split()[1:] for line in file.read_text().splitlines() if line.startswith("TcpExt:"))
    told = dict(zip(names, map(int, values), strict=True))
    return sum(told.get(name, 0) for name in _DROPS)

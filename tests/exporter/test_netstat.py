from __future__ import annotations

from pathlib import Path

from exporter.netstat import receive_drops

PAGE = """TcpExt: SyncookiesSent RcvPruned TCPRcvQDrop TCPOFOQueue TCPBacklogDrop
TcpExt: 100 {pruned} 3 100 5
IpExt: InNoRoutes RcvPruned
IpExt: 7 7
"""


def test_segments_that_were_dropped_are_counted_from_the_start(tmp_path: Path) -> None:
    file = tmp_path / "netstat"
    file.write_text(PAGE.format(pruned=2))
    dropped = receive_drops(file)
    assert dropped is not None
    assert dropped() == 0
    file.write_text(PAGE.format(pruned=9))
    assert dropped() == 7


def test_where_the_kernel_does_not_tell_nothing_is_said(tmp_path: Path) -> None:
    assert receive_drops(tmp_path / "none") is None
    file = tmp_path / "netstat"
    file.write_text("IpExt: InNoRoutes\nIpExt: 7\n")
    assert receive_drops(file) is None


def test_this_kernel_tells() -> None:
    dropped = receive_drops()
    assert dropped is not None
    assert dropped() >= 0

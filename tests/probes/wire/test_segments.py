"""What the kernel tells of segments that TCP had to mend."""

from __future__ import annotations

import contextlib
import os
import socket
import struct

import pytest

from probes.mended import Mended
from probes.wire.segments import mended_so_far
from tests.probes.wire.conftest import Lines
from tests.waiting import wait_for


def test_where_all_segments_come_in_order_there_is_nothing_to_mend(line: Lines) -> None:
    chat = line()
    for _ in range(3):
        chat.send(b"token")
        chat.receive()
    assert chat.near.newly_mended() == Mended(0, 0)


def test_a_segment_that_nobody_takes_is_sent_again() -> None:
    """A server whose queue is full drops what would open a connection."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        late: list[socket.socket] = []
        for _ in range(3):
            sock = stack.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
            late.append(sock)

        def resent() -> int:
            told = mended_so_far(late[-1])
            assert told is not None
            assert told.out_of_order == 0
            return told.resent

        wait_for(lambda: resent() > 0)


TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ = 19, 20, 21
RECEIVED, SENT = 1, 2


def sequences(sock: socket.socket) -> tuple[int, int]:
    """The next sequence numbers, (of what it sends, of what it receives)."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
    found = []
    for queue in (SENT, RECEIVED):
        sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, queue)
        found.append(sock.getsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ) % 2**32)
    sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
    return found[0], found[1]


def segment(sock: socket.socket, data: bytes, ahead: int) -> bytes:
    """A TCP segment that this end might send, but that lies so many bytes ahead of what it sends next."""
    (_, source), (_, target) = sock.getsockname(), sock.getpeername()
    sent, received = sequences(sock)
    head = struct.pack("!HHIIBBHHH", source, target, (sent + ahead) % 2**32, received, 5 << 4, 0x18, 512, 0, 0)
    pseudo = socket.inet_aton("127.0.0.1") * 2 + struct.pack("!HH", socket.IPPROTO_TCP, len(head) + len(data))
    words = sum(struct.unpack(f"!{len(pseudo + head + data) // 2}H", pseudo + head + data))
    while words >> 16:
        words = (words & 0xFFFF) + (words >> 16)
    return head[:16] + struct.pack("!H", ~words & 0xFFFF) + head[18:] + data


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may send what no program would")
def test_a_segment_that_comes_before_an_earlier_one_is_counted(line: Lines) -> None:
    chat = line()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
        raw.sendto(segment(chat.far, b"afterwards", ahead=5), ("127.0.0.1", 0))
    chat.send(b"early")
    chat.receive()
    assert chat.near.newly_mended() == Mended(1, 0)
    assert chat.near.newly_mended() == Mended(0, 0)


def test_each_chat_on_a_connection_has_its_own() -> None:
    assert Mended(5, 3).since(Mended(2, 3)) == Mended(3, 0)


def test_of_a_closed_connection_nothing_is_told(line: Lines) -> None:
    chat = line()
    chat.near.close()
    assert chat.near.newly_mended() is None

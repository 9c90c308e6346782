"""What TCP had to mend on a connection, as the kernel tells it."""

from __future__ import annotations

import socket
import struct

from probes.mended import Mended

_RESENT, _OUT_OF_ORDER = 100, 224
"""Where `tcpi_total_retrans` and, since Linux 5.4, `tcpi_rcv_ooopack` lie in `struct tcp_info` (`include/uapi/linux/tcp.h`)."""
_SIZE = _OUT_OF_ORDER + 4
_COUNT = struct.Struct("@I")


def mended_so_far(sock: socket.socket) -> Mended | None:
    """What was mended since the connection was begun; None where the kernel does not tell."""
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return None
    if len(told) < _SIZE:
        return None
    return Mended(_COUNT.unpack_from(told, _OUT_OF_ORDER)[0], _COUNT.unpack_from(told, _RESENT)[0])

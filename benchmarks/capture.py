"""A capture of the packets of one server's port on loopback, and when each byte of its connections came.

tcpdump takes it, with the kernel's own stamps in nanoseconds: those of the packets before any program has read them. Only headers are kept.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import NamedTuple

SNAP_BYTES = 128
"""Of each packet: Ethernet's header (14 bytes), IP's and TCP's, which have 60 at most."""
BUFFER_KIB = 65_536
HANDED_OVER_SECONDS = 1.5
"""The kernel hands packets over in blocks: a full one, or one that a second has passed for."""
_WITH_DATA = "(ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2)) != 0"

_MAGIC_NANOSECONDS = 0xA1B23C4D
_ETHERNET, _IPV4 = 1, 0x0800
_FILE_HEADER, _PACKET_HEADER = Struct("<IHHiIII"), Struct("<IIII")
_IP = Struct(">BxH")
_TCP = Struct(">HHI4xBB")
_SYN, _ACK = 0x02, 0x10
_SEQUENCES = 1 << 32


class CaptureError(Exception):
    """No capture can be taken, or it is none; the text says what would help."""


class Packet(NamedTuple):
    """A TCP segment as it came. `at_ns` is on CLOCK_REALTIME."""

    at_ns: int
    source: int
    target: int
    sequence: int
    opens: bool
    answers: bool
    size: int


@dataclass
class Stream:
    """The bytes of one direction of a connection, and when each came first."""

    first_sequence: int | None = None
    _ends: list[int] = field(default_factory=list)
    _instants_ns: list[int] = field(default_factory=list)
    _torn: bool = False

    def add(self, packet: Packet) -> None:
        """Take the next packet. Behind a gap, which only a capture that lost packets has, nothing is known any more."""
        if self.first_sequence is None or self._torn:
            return
        known = self._ends[-1] if self._ends else 0
        begin = (packet.sequence - self.first_sequence) % _SEQUENCES
        end = begin + packet.size
        if begin > known and begin - known < _SEQUENCES // 2:
            self._torn = True
        elif known < end < _SEQUENCES // 2 + known:
            self._ends.append(end)
            self._instants_ns.append(packet.at_ns)

    def came_ns(self, byte: int) -> int | None:
        """When the packet with this byte of the stream came, counted from 0. None if it is not in the capture."""
        place = bisect_right(self._ends, byte)
        return self._instants_ns[place] if place < len(self._ends) else None


@dataclass
class Connection:
    """What both ends sent."""

    opened_ns: int
    client: Stream
    server: Stream


class Connections:
    """Those to one server."""

    def __init__(self, packets: Iterable[Packet], server_port: int) -> None:
        self._by_port: dict[int, list[Connection]] = {}
        for packet in packets:
            from_client = packet.target == server_port
            found = self._by_port.setdefault(packet.source if from_client else packet.target, [])
            if packet.opens and from_client and not packet.answers:
                found.append(Connection(packet.at_ns, Stream(packet.sequence + 1), Stream()))
            elif found and packet.opens and packet.answers:
                found[-1].server.first_sequence = packet.sequence + 1
            elif found and packet.size:
                (found[-1].client if from_client else found[-1].server).add(packet)

    def of(self, client_port: int, at_ns: int) -> Connection | None:
        """The one that the client's port had at an instant: a port serves again once its connection is closed."""
        before = [one for one in self._by_port.get(client_port, []) if one.opened_ns <= at_ns]
        return before[-1] if before else None


@dataclass
class Capture:
    """A capture that has ended, or goes on. `lost` is how many packets the kernel could not hand over, known at its end."""

    file: Path
    port: int
    lost: int = 0

    def connections(self) -> Connections:
        """Raises `CaptureError`."""
        return Connections(read(self.file.read_bytes()), self.port)


@contextmanager
def capturing(port: int, file: Path, cpu: int | None = None) -> Iterator[Capture]:
    """Capture what goes to and from this port while the context lasts. Raises `CaptureError`."""
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        raise CaptureError("tcpdump is not installed; run tests/install-packages tcpdump")
    if os.geteuid() != 0:
        raise CaptureError("packets can be captured by root only; run it as root")
    wanted = f"tcp port {port} and (tcp[tcpflags] & tcp-syn != 0 or {_WITH_DATA})"
    options = ["-i", "lo", "-n", "-j", "host", "--time-stamp-precision=nano", "-s", str(SNAP_BYTES), "-B", str(BUFFER_KIB), "-Z", "root"]
    command = [tcpdump, *options, "-w", str(file), wanted]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=None if cpu is None else lambda: os.sched_setaffinity(0, {cpu}))
    assert process.stderr is not None
    capture = Capture(file, port)
    said = ""
    try:
        while "listening on" not in said:
            line = process.stderr.readline()
            if not line:
                raise CaptureError(f"tcpdump does not capture: {said.strip()}")
            said += line
        yield capture
        time.sleep(HANDED_OVER_SECONDS)
    finally:
        process.terminate()
        said += process.stderr.read()
        process.wait()
    dropped = re.findall(r"(\d+) packets dropped", said)
    capture.lost = sum(map(int, dropped))


def read(data: bytes) -> Iterator[Packet]:
    """The TCP segments over IPv4 in a pcap file with stamps in nanoseconds. Raises `CaptureError` for another file."""
    if len(data) < _FILE_HEADER.size or _FILE_HEADER.unpack_from(data)[0] != _MAGIC_NANOSECONDS:
        raise CaptureError("this is no pcap file with stamps in nanoseconds; take it with --time-stamp-precision=nano, on a little-endian machine")
    if _FILE_HEADER.unpack_from(data)[6] != _ETHERNET:
        raise CaptureError("these are no Ethernet frames; capture on lo alone")
    place = _FILE_HEADER.size
    while place + _PACKET_HEADER.size <= len(data):
        seconds, nanoseconds, kept, _ = _PACKET_HEADER.unpack_from(data, place)
        place += _PACKET_HEADER.size
        if place + kept > len(data):
            return  # cut short as the capture ended
        packet = _segment(data, place, seconds * 1_000_000_000 + nanoseconds)
        if packet is not None:
            yield packet
        place += kept


def _segment(data: bytes, frame: int, at_ns: int) -> Packet | None:
    if int.from_bytes(data[frame + 12 : frame + 14], "big") != _IPV4:
        return None
    ip = frame + 14
    version_and_words, total = _IP.unpack_from(data, ip)
    tcp = ip + (version_and_words & 0xF) * 4
    source, target, sequence, words, flags = _TCP.unpack_from(data, tcp)
    size = ip + total - tcp - (words >> 4) * 4
    return Packet(at_ns, source, target, sequence, bool(flags & _SYN), bool(flags & _ACK), size)

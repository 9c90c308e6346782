"""Messages between the main process and the worker: length-prefixed pickles on a socket pair. Both ends are ours."""

from __future__ import annotations

import contextlib
import copyreg
import pickle
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Self

from probes.ask import Timeouts
from probes.record import Milestones
from probes.wire.delays import Lateness
from probes.wire.order import Address, Ending, Order, Read
from probes.wire.packed import Packed

LENGTH = struct.Struct("!I")
_PIECE = 262_144


@dataclass(frozen=True, slots=True)
class Cancel:
    """End this chat now, as `cancelled`."""

    number: int


@dataclass(frozen=True, slots=True)
class Beat:
    """The worker goes on: told at its start, and once a second.

    `late_ns` is how much later than asked for its loop got round to that. Since it started it has seen the clock stepped so often, and its reads have
    been so late.
    """

    late_ns: int
    clock_steps: int
    lateness: Lateness


@dataclass(frozen=True, slots=True)
class Reads:
    """A chat's next reads, packed."""

    number: int
    bodies: bytes
    rows: bytes

    @classmethod
    def pack(cls, number: int, reads: Packed) -> Self:
        return cls(number, bytes(reads.bodies), bytes(reads.rows))

    def unpack(self) -> list[Read]:
        return Packed(self.bodies, self.rows).reads()


@dataclass(frozen=True, slots=True)
class Sent:
    """The first byte of a watched chat's request was handed to the kernel at this instant."""

    number: int
    sent_ns: int


def _pickled_by_its_fields(kind: type[object]) -> None:
    """Pickle a frozen dataclass as a call with its fields: as Python does it, it takes three times as long."""
    fields_of = attrgetter(*kind.__match_args__)  # type: ignore[attr-defined]
    copyreg.pickle(kind, lambda message: (kind, fields_of(message)))


for _kind in (Order, Address, Timeouts, Reads, Ending, Milestones):
    _pickled_by_its_fields(_kind)

ToWorker = Order | Cancel
FromWorker = Reads | Sent | Ending | Beat


def encode(message: ToWorker | FromWorker) -> bytes:
    data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    return LENGTH.pack(len(data)) + data


class Incoming:
    """Cuts what arrives into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[object]:
        buffer = self._buffer
        buffer += data
        place = 0
        try:
            while len(buffer) - place >= LENGTH.size:
                (size,) = LENGTH.unpack_from(buffer, place)
                begin = place + LENGTH.size
                if len(buffer) - begin < size:
                    break
                place = begin + size
                yield pickle.loads(memoryview(buffer)[begin:place].tobytes())
        finally:
            del buffer[:place]


class Outgoing:
    """Writes messages to a non-blocking socket; what it does not take waits here, never the loop."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._waiting = bytearray()

    @property
    def waiting(self) -> bool:
        return bool(self._waiting)

    def send(self, data: bytes) -> None:
        if not self._waiting:
            with contextlib.suppress(BlockingIOError):
                data = data[self._sock.send(data) :]
        self._waiting += data

    def flush(self) -> None:
        while self._waiting:
            try:
                sent = self._sock.send(memoryview(self._waiting)[:_PIECE].tobytes())
            except BlockingIOError:
                return
            del self._waiting[:sent]

"""Reads of one chat, packed as they travel to the main process: their bodies in one piece, and what else is known of each in a row of few bytes.

A token is not an object before it is looked at: what is held of thousands of them is written once, one behind the other.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import partial

from probes.wire.order import Read

ROW = struct.Struct("=Iqq??")
"""Of one read: how long its body is, and the other fields of `Read`."""
_read = partial(tuple.__new__, Read)
"""Makes one of its fields in half the time, which counts: there is one for each token."""


class Packed:
    """Reads in order."""

    __slots__ = ("bodies", "rows")

    def __init__(self, bodies: bytes | bytearray, rows: bytes | bytearray) -> None:
        self.bodies = bodies
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows) // ROW.size

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        return len(self.bodies) + len(self.rows)

    def reads(self) -> list[Read]:
        found: list[Read] = []
        bodies = bytes(self.bodies)
        end = 0
        for size, stamp_ns, floor_ns, kernel, exact in ROW.iter_unpack(self.rows):
            begin, end = end, end + size
            found.append(_read((bodies[begin:end], stamp_ns, floor_ns, kernel, exact)))
        return found

    def from_the_end(self) -> Iterator[tuple[int, int]]:
        """(where in the bodies it begins, when it arrived) of each read, newest first."""
        begin = len(self.bodies)
        for place in range(len(self.rows) - ROW.size, -1, -ROW.size):
            size, stamp_ns, _, _, _ = ROW.unpack_from(self.rows, place)
            begin -= size
            yield begin, stamp_ns


def joined(parts: Sequence[Packed]) -> Packed:
    """The reads of all of them, one behind the other."""
    return Packed(b"".join(part.bodies for part in parts), b"".join(part.rows for part in parts))

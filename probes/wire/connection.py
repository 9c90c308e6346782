"""An open connection, plain or TLS: sends bytes, and stamps what it receives with the kernel's receive time."""

from __future__ import annotations

import socket
import ssl
from functools import partial
from typing import NamedTuple

from probes.mended import Mended
from probes.wire.clock import DELIVERY_NS, STAMP_SPACE, Clock, HeldOffset, stamp_of
from probes.wire.delays import Delays
from probes.wire.segments import mended_so_far

READ_SIZE = 65_536
_RECORD_HEADER = 5


class Received(NamedTuple):
    """The outcome of one read of the socket; the fields are those of `order.Read`. `data` is what came out, decrypted."""

    data: bytes
    stamp_ns: int
    floor_ns: int
    kernel: bool
    exact: bool
    ended: bool


_received = partial(tuple.__new__, Received)
"""Makes one of its fields in half the time, which counts: there is one for each token."""


class TlsLayer:
    """TLS over memory: ciphertext in, plaintext out, and whether the ciphertext read so far ends with a whole record."""

    def __init__(self, context: ssl.SSLContext, server_name: str | None) -> None:
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        self.object = context.wrap_bio(self.incoming, self.outgoing, server_hostname=server_name)
        self._missing = 0
        self._header = b""

    def feed(self, data: bytes) -> bool:
        """Take ciphertext from the socket; True if it ends where a TLS record ends."""
        self.incoming.write(data)
        place = self._missing
        size = len(data)
        if not (place or self._header) and size > _RECORD_HEADER and (data[3] << 8 | data[4]) + _RECORD_HEADER == size:
            return True  # one record: the usual case
        while place < size:
            header = self._header + data[place : place + _RECORD_HEADER - len(self._header)]
            place += len(header) - len(self._header)
            if len(header) < _RECORD_HEADER:
                self._header, self._missing = header, 0
                return False
            self._header = b""
            place += int.from_bytes(header[3:5], "big")
        self._missing = place - size
        return self._missing == 0

    def decrypt(self) -> tuple[bytes, bool]:
        """(plaintext of the records that are complete, whether the peer closed). Raises `ssl.SSLError`."""
        parts: list[bytes] = []
        read, incoming = self.object.read, self.incoming
        try:
            while part := read(READ_SIZE):
                parts.append(part)
                if not (incoming.pending or self.object.pending()):
                    return b"".join(parts), False  # reading on would only raise: the usual case, and a third of its cost
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return b"".join(parts), False
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            pass
        return b"".join(parts), True


class Connection:
    """One connection on a non-blocking socket. What is sent is queued first, so that the first byte's instant can be taken around the system call."""

    __slots__ = (
        "_delays", "_drained", "_emptied_ns", "_last_ns", "_mended", "_now_ns", "_offset", "_recvmsg", "_unsent", "certificate_expiry", "sock", "tls",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, offset: HeldOffset, clock: Clock, tls: TlsLayer | None = None, delays: Delays | None = None) -> None:
        """`delays` learns how late each read is."""
        self.sock = sock
        self.tls = tls
        self._recvmsg = sock.recvmsg
        self.certificate_expiry: float | None = None
        self._offset = offset
        self._now_ns = clock
        self._unsent = b""
        self._last_ns = 0
        self._emptied_ns = 0
        self._drained = True
        self._delays = delays or Delays()
        self._mended = Mended(0, 0)

    def fileno(self) -> int:
        return self.sock.fileno()

    def close(self) -> None:
        self.sock.close()

    @property
    def last_used_ns(self) -> int:
        """When it last brought something, on the monotonic clock."""
        return self._last_ns

    def newly_mended(self) -> Mended | None:
        """What TCP had to mend since this was last asked; the first time, since the connection was begun. None where the kernel does not tell."""
        now, before = mended_so_far(self.sock), self._mended
        if now is None:
            return None
        self._mended = now
        return now.since(before)

    def queue(self, data: bytes) -> None:
        if self.tls is None:
            self._unsent += data
        else:
            self.tls.object.write(data)
            self._unsent += self.tls.outgoing.read()

    def flush(self) -> bool:
        """Hand queued bytes to the kernel; True once all are handed over. Raises `OSError`."""
        while self._unsent:
            try:
                sent = self.sock.send(self._unsent)
            except BlockingIOError:
                return False
            self._unsent = self._unsent[sent:]
        return True

    def begin(self, sent_ns: int) -> None:
        """A request's first byte went out at `sent_ns`: nothing of its answer can be older."""
        self._last_ns = max(self._last_ns, sent_ns)

    @property
    def drained(self) -> bool:
        """Whether the last read took all that waited."""
        return self._drained

    def is_idle(self) -> bool:
        """Whether it is open, and nothing waits in it."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    def receive(self, floor_ns: int) -> Received | None:
        """Read once; None if nothing waits. `floor_ns` is from the poll: what waits arrived after it. Raises `OSError`, `ssl.SSLError`."""
        before = self._now_ns()
        try:
            data, ancillary, _, _ = self._recvmsg(READ_SIZE, STAMP_SPACE)
        except BlockingIOError:
            self._emptied_ns, self._drained = before - DELIVERY_NS, True
            return None
        after = self._now_ns()
        previous_ns = self._last_ns
        if not self._drained:
            floor_ns = previous_ns
        else:
            if self._emptied_ns > floor_ns:
                floor_ns = self._emptied_ns
            if previous_ns > floor_ns:
                floor_ns = previous_ns
        stamp_ns = stamp_of(ancillary) - self._offset.offset_ns
        kernel = previous_ns <= stamp_ns <= after
        if kernel:
            self._delays.add(after - stamp_ns)
        else:
            stamp_ns = after
            self._offset.refresh()
        if floor_ns > stamp_ns:
            # it came before the poll's wake-up as reckoned: the process was held in a way that no run delay shows, and the poll knows nothing
            floor_ns = min(stamp_ns, max(previous_ns, self._emptied_ns))
        self._last_ns = stamp_ns
        self._drained = exact = len(data) < READ_SIZE
        if exact:
            self._emptied_ns = before - DELIVERY_NS
        if not data:
            return Received(b"", stamp_ns, floor_ns, True, True, True)
        if self.tls is None:
            return _received((data, stamp_ns, floor_ns, kernel, exact and kernel, False))
        whole = self.tls.feed(data)
        plain, ended = self.tls.decrypt()
        if self.tls.outgoing.pending:
            self._unsent += self.tls.outgoing.read()
            self.flush()
        return Received(plain, stamp_ns, floor_ns, kernel, exact and kernel and whole, ended)

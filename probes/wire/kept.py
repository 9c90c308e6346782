"""Kept-alive connections, waiting for their next chat."""

from __future__ import annotations

from probes.wire.connection import Connection
from probes.wire.loop import Loop
from probes.wire.order import Address

IDLE_NS = 60_000_000_000
"""How long a connection is kept without use; many middleboxes forget one after a few minutes, and vLLM closes it after 5 s itself."""


class Kept:
    """The idle connections of each address. One that becomes readable, or ends, is dropped at once: nothing is expected on it."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._idle: dict[Address, list[Connection]] = {}

    def take(self, address: Address) -> Connection | None:
        """The connection that was used last, if it is still open and silent."""
        idle = self._idle.get(address, [])
        while idle:
            connection = idle[-1]
            self._remove(address, connection)
            if connection.is_idle():
                return connection
            connection.close()
        return None

    def keep(self, address: Address, connection: Connection) -> None:
        self._idle.setdefault(address, []).append(connection)
        self._loop.watch(connection.fileno(), lambda _events, _floor: self._drop(address, connection))
        self._loop.at(self._loop.now_ns() + IDLE_NS, lambda: self._expire(address, connection, used_ns=connection.last_used_ns))

    def _expire(self, address: Address, connection: Connection, used_ns: int) -> None:
        if connection in self._idle.get(address, ()) and connection.last_used_ns == used_ns:
            self._drop(address, connection)

    def _drop(self, address: Address, connection: Connection) -> None:
        self._remove(address, connection)
        connection.close()

    def _remove(self, address: Address, connection: Connection) -> None:
        idle = self._idle[address]
        idle.remove(connection)
        if not idle:
            del self._idle[address]
        self._loop.unwatch(connection.fileno())

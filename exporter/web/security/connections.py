"""Connections to the server: so many over all and from one address, counted before TLS, and closed where they keep it waiting."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import structlog

from config.web import WebLimits
from exporter.web.security.patience import PatientProtocol
from exporter.web.security.rates import holder_of

HANDSHAKE_SECONDS = 10.0
_AFTER_TROUBLE_SECONDS = 0.5

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which connections are taken: how many, by which TLS, and with which names in a client's certificate (any, where there are none)."""

    limits: WebLimits = WebLimits()
    context: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class _Connection:
    """One that was taken. It has no protocol before TLS stands."""

    sock: socket.socket
    holder: str
    protocol: PatientProtocol | None = None


@dataclass(slots=True)
class Connections:
    """Takes connections for a server. `protocol` makes one of its protocols; `terms` are asked for with each connection, so that a reload holds."""

    protocol: Callable[[], asyncio.Protocol]
    terms: Callable[[], Terms]
    _open: set[_Connection] = field(default_factory=set)
    _by_holder: Counter[str] = field(default_factory=Counter)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def accept_from(self, listener: socket.socket) -> None:
        """Take what comes at a listening socket, until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                taken, peer = await loop.sock_accept(listener)
            except OSError as error:  # no file descriptors are left, or the client has gone already
                _log.warning("a connection could not be taken", detail=error.strerror)
                await asyncio.sleep(_AFTER_TROUBLE_SECONDS)
                continue
            self._take(taken, str(peer[0]))

    def stop(self) -> None:
        """Give up connections that do not stand yet."""
        for task in self._tasks:
            task.cancel()

    def _take(self, taken: socket.socket, address: str) -> None:
        terms, holder = self.terms(), holder_of(address)
        full = len(self._open) >= terms.limits.connections and not self._make_room()
        if full or self._by_holder[holder] >= terms.limits.connections_per_address:
            taken.close()
            return
        connection = _Connection(taken, holder)
        self._open.add(connection)
        self._by_holder[holder] += 1
        task = asyncio.create_task(self._serve(connection, terms))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _make_room(self) -> bool:
        """Close the connection on which for the longest time nothing was asked; False where all are being answered."""
        idle = [one for one in self._open if one.protocol is not None and one.protocol.idle]
        if not idle:
            return False
        longest = min(idle, key=lambda one: one.protocol.idle_since if one.protocol is not None else 0.0)
        assert longest.protocol is not None
        longest.protocol.cut()
        self._forget(longest)
        return True

    async def _serve(self, connection: _Connection, terms: Terms) -> None:
        loop = asyncio.get_running_loop()
        taken = connection.sock
        taken.setblocking(False)
        with contextlib.suppress(OSError):
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def made() -> PatientProtocol:
            connection.protocol = PatientProtocol(
                self.protocol(), loop, lambda transport: _has_a_name_of(transport, terms.allowed_sans), lambda _: self._forget(connection)
            )
            return connection.protocol

        try:
            if terms.context is None:
                await loop.connect_accepted_socket(made, taken)
            else:
                await loop.connect_accepted_socket(
                    made, taken, ssl=terms.context, ssl_handshake_timeout=HANDSHAKE_SECONDS, ssl_shutdown_timeout=HANDSHAKE_SECONDS
                )
        except (OSError, TimeoutError, asyncio.CancelledError) as error:
            # not TLS, a certificate that is not good, or no handshake within the time
            self._forget(connection)
            taken.close()
            if isinstance(error, asyncio.CancelledError):
                raise
            _log.debug("a connection did not come about", detail=type(error).__name__)

    def _forget(self, connection: _Connection) -> None:
        if connection not in self._open:
            return
        self._open.remove(connection)
        self._by_holder[connection.holder] -= 1
        if not self._by_holder[connection.holder]:
            del self._by_holder[connection.holder]


def _has_a_name_of(transport: asyncio.BaseTransport, allowed: frozenset[str]) -> bool:
    """Whether the client's certificate has one of the names, exactly; of none any is good."""
    return not allowed or not allowed.isdisjoint(names_in(transport.get_extra_info("peercert")))


def names_in(certificate: object) -> Iterable[str]:
    """The subject alternative names of a certificate as `ssl` tells it: of DNS, mail and URIs, and addresses in their shortest form."""
    found = certificate.get("subjectAltName", ()) if isinstance(certificate, dict) else ()
    for kind, name in found:
        if kind in ("DNS", "email", "URI"):
            yield name
        elif kind == "IP Address":
            with contextlib.suppress(ValueError):
                yield str(ipaddress.ip_address(name.strip()))

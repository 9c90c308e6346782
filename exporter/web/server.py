"""Listens for HTTP, for as long as a context lasts."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from aiohttp import web

from config.quantities import Address
from config.web import WebLimits
from exporter.web.security.broken import CalmProtocol
from exporter.web.security.connections import Connections, Terms
from exporter.web.security.port import PORT

SHUTDOWN_SECONDS = 5.0
"""How long requests that are being answered may take when the server closes."""
KEPT_ALIVE_SECONDS = 130.0
"""Between two requests on a connection: longer than the scrapers that ask every two minutes."""
LINGERING_SECONDS = 1.0
"""For the rest of a body that was refused: a client that still sends it would not read the answer."""
HEAD_LINE_BYTES = 8190
HEAD_FIELDS = 100
_BACKLOG = 128
_UNGUARDED = Terms(WebLimits(connections=10_000, connections_per_address=10_000))
"""Of an application that has no port: it is none that strangers reach."""


class ListenError(Exception):
    """The address cannot be listened on. The text says why."""


@asynccontextmanager
async def listening(app: web.Application, address: Address) -> AsyncIterator[Address]:
    """Serve the application while the context lasts, on the terms of its port where it has one. Raises `ListenError`.

    Gives the address where it listens, with the port that was found where 0 was asked for.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=SHUTDOWN_SECONDS,
        handler_cancellation=True,  # else a stream of events whose client has left would be held until something is written to it
    )
    await runner.setup()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        try:
            listeners = await _listeners(address)
        except OSError as error:
            raise ListenError(_why(address, error)) from error
        port = app.get(PORT)
        assert runner.server is not None
        connections = Connections(partial(_protocol, runner.server), (lambda: _UNGUARDED) if port is None else port.terms)
        stack.callback(connections.stop)
        for listener in listeners:
            stack.callback(listener.close)
            accepting = asyncio.create_task(connections.accept_from(listener))
            stack.push_async_callback(partial(_ended, accepting))
        yield Address(address.host, listeners[0].getsockname()[1])


def _protocol(server: web.Server) -> CalmProtocol:
    """What answers one connection."""
    return CalmProtocol(
        server,
        loop=asyncio.get_running_loop(),
        access_log=None,  # type: ignore[arg-type]
        keepalive_timeout=KEPT_ALIVE_SECONDS,
        max_line_size=HEAD_LINE_BYTES,
        max_field_size=HEAD_LINE_BYTES,
        max_headers=HEAD_FIELDS,
        lingering_time=LINGERING_SECONDS,
    )


async def _listeners(address: Address) -> list[socket.socket]:
    """Sockets for every address that the host has; `::` takes IPv4 too, which it would not by itself. Raises `OSError`."""
    if address.host == "::" and socket.has_dualstack_ipv6():
        return [_listener(socket.AF_INET6, ("::", address.port), dualstack=True)]
    found = await asyncio.get_running_loop().getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, place in dict.fromkeys((family, place) for family, _, _, _, place in found):
            if listeners and address.port == 0:
                place = (place[0], listeners[0].getsockname()[1], *place[2:])
            listeners.append(_listener(family, place))
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _listener(family: int, place: tuple[object, ...], *, dualstack: bool = False) -> socket.socket:
    listener = socket.create_server(place, family=family, backlog=_BACKLOG, dualstack_ipv6=dualstack)
    listener.setblocking(False)
    return listener


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


def _why(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by another program; stop it, or choose another address with --listen or web.listen"
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {address}: the name cannot be resolved; write an IP address, 0.0.0.0 for all of IPv4 or [::] for all"
    match error.errno:
        case errno.EADDRNOTAVAIL:
            why = "this machine does not have the address; choose one of its own, or 0.0.0.0 for all of IPv4, with --listen or web.listen"
        case errno.EACCES:
            why = "this user may not; choose a port above 1023 with --listen or web.listen"
        case _:
            why = f"{error.strerror or error}; choose another address with --listen or web.listen"
    return f"cannot listen on {address}: {why}"

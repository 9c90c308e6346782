"""Listens for HTTP, for as long as a context lasts."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from config.quantities import Address

SHUTDOWN_SECONDS = 5.0
"""How long requests that are being answered may take when the server closes."""


class ListenError(Exception):
    """The address cannot be listened on. The text says why."""


@asynccontextmanager
async def listening(app: web.Application, address: Address) -> AsyncIterator[Address]:
    """Serve the application while the context lasts. Raises `ListenError`.

    Gives the address where it listens, with the port that was found where 0 was asked for.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        try:
            await _site(runner, address).start()
        except OSError as error:
            raise ListenError(_why(address, error)) from error
        yield Address(address.host, runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _site(runner: web.AppRunner, address: Address) -> web.BaseSite:
    """`::` takes IPv4 too, which asyncio's own sockets would not."""
    if address.host == "::" and socket.has_dualstack_ipv6():
        return web.SockSite(runner, socket.create_server((address.host, address.port), family=socket.AF_INET6, dualstack_ipv6=True))
    return web.TCPSite(runner, address.host, address.port)


def _why(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by another program; stop it, or choose another address with --listen or web.listen"
    if isinstance(error, socket.gaierror):
        return f"cannot listen on {address}: the name cannot be resolved; write an IP address, 0.0.0.0 for all of IPv4 or [::] for all"
    return f"cannot listen on {address}: {os.strerror(error.errno) if error.errno else error}"

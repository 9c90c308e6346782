"""An HTTP transport that looks at each address, once its name is resolved, before it connects: what was checked is what is connected to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import httpcore
import httpx

from probes.guard import ForbiddenAddressError, Guard
from probes.names import addresses, resolve

_NAMES = ThreadPoolExecutor(8, thread_name_prefix="names")
"""Looks up names that others have written: their resolvers may take long, and hold up nothing but one another."""


class GuardedTransport(httpx.AsyncHTTPTransport):
    """Connects to no address that the guard objects to."""

    def __init__(self, guard: Guard, verify: ssl.SSLContext, max_keepalive_connections: int) -> None:
        super().__init__(verify=verify, trust_env=False)
        # httpx has no parameter for the network below its pool; the pool itself has
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=None,
            max_keepalive_connections=max_keepalive_connections,
            network_backend=_GuardedNetwork(guard),
        )


class _GuardedNetwork(httpcore.AsyncNetworkBackend):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await asyncio.get_running_loop().run_in_executor(_NAMES, resolve, host, port, self._guard)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {getattr(error, 'strerror', None) or error}") from error
        failure: Exception = httpcore.ConnectError(f"{host}: no address")
        for address in addresses(found):
            if objection := self._guard.objection(address):
                failure = ForbiddenAddressError(objection)
                continue
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)

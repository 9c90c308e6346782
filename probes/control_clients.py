"""The HTTP clients of control calls and scrapes: on the same ways as the chats, one for each TLS setting and proxy."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Self

import httpx

from probes.ask import Endpoint, Tls
from probes.guard import Guard
from probes.guarded_transport import GuardedTransport
from probes.request import USER_AGENT, address_of
from probes.wire.order import Proxy
from probes.wire.tls import context

KEPT_CONNECTIONS = 20
"""There is no bound on all connections: engines that hang must not hold up the others."""
MOST_CLIENTS = 100
"""Of those beyond, the idle ones are closed: names to expect in certificates come and go with the Services of a cluster, without end."""

TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For what is asked without TLS: the authorities of a system take 20 ms to read, and a command that asks one engine once is made of little more."""

_Way = tuple[Tls, Proxy | None, Guard | None, bool]
"""The last is whether TLS is spoken there."""


def in_words(error: Exception) -> str:
    """An error of a client in words. Where the system refused a connection it is the system's word, which httpx does not repeat."""
    origin: BaseException | None = error if isinstance(error, httpx.ConnectError) else None
    while origin is not None:
        if isinstance(origin, OSError) and origin.errno and not isinstance(origin, ssl.SSLError):
            return os.strerror(origin.errno) if origin.errno > 0 else origin.strerror or str(origin)  # below 0 are those of names
        origin = origin.__cause__ or origin.__context__
    return str(error) or type(error).__name__


class Clients:
    """An async context manager that closes what it opened. It keeps no cookies and sets no time limits: each call is bounded by its caller."""

    def __init__(self) -> None:
        self._clients: dict[_Way, httpx.AsyncClient] = {}
        self._contexts: dict[Tls, ssl.SSLContext] = {}
        self._in_use: Counter[_Way] = Counter()
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    @asynccontextmanager
    async def get(
        self, endpoint: Endpoint, url: str, headers: dict[str, str] | None = None, posted: bytes | None = None
    ) -> AsyncIterator[httpx.Response]:
        """The answer to a GET of `url` by the endpoint's TLS settings, with its key and headers; its body is yet to be read, a redirect not followed.

        It is a POST where a question is `posted`, which is JSON. Raises `httpx.HTTPError`, `httpx.InvalidURL`, `OSError`, `ValueError`.
        """
        address = address_of(replace(endpoint, url=url))
        way = endpoint.tls, address.proxy, endpoint.guard, address.tls is not None
        lines = [*(headers or {}).items(), *endpoint.headers.items()]
        if endpoint.api_key:
            lines.append(("Authorization", f"Bearer {endpoint.api_key}"))
        if posted is not None:
            lines.append(("Content-Type", "application/json"))
        self._in_use[way] += 1
        try:
            client = await self._client(way)
            method = "GET" if posted is None else "POST"
            async with client.stream(method, url, content=posted, headers=_latin_1(lines), extensions=_sni(endpoint)) as response:
                yield response
        finally:
            self._in_use[way] -= 1
            if not self._in_use[way]:
                del self._in_use[way]

    async def _client(self, way: _Way) -> httpx.AsyncClient:
        """The client of a way, which is the last to be closed then."""
        async with self._lock:
            if way in self._clients:
                self._clients[way] = self._clients.pop(way)
            else:
                tls, proxy, guard, secure = way
                await self._make_room(tls)
                verify = await self._context(tls) if secure else TRUSTS_NOBODY
                self._clients[way] = httpx.AsyncClient(
                    verify=verify,
                    transport=None if guard is None else GuardedTransport(guard, verify, KEPT_CONNECTIONS),
                    proxy=None if proxy is None else _proxy(proxy),
                    trust_env=False,  # httpx would also go through HTTP_PROXY and ALL_PROXY, which chats do not
                    timeout=None,
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a load balancer's would stick to one process, and go to others
                    limits=httpx.Limits(max_keepalive_connections=KEPT_CONNECTIONS),
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                )
            return self._clients[way]

    async def _make_room(self, tls: Tls) -> None:
        """Close the clients with files of before, and idle ones that are too many."""
        outdated = [way for way in self._clients if way[0].superseded_by(tls)]
        idle = [way for way in self._clients if not self._in_use[way]]
        for way in dict.fromkeys((*outdated, *idle[: max(0, len(self._clients) + 1 - MOST_CLIENTS)])):
            await self._clients.pop(way).aclose()

    async def _context(self, tls: Tls) -> ssl.SSLContext:
        """One for all names that are expected in certificates: it holds every authority, and takes about a megabyte."""
        wanted = replace(tls, server_name=None)
        if wanted not in self._contexts:
            for outdated in [known for known in self._contexts if known.superseded_by(wanted)]:
                del self._contexts[outdated]
            self._contexts[wanted] = await asyncio.to_thread(context, wanted)
        return self._contexts[wanted]


def _latin_1(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """As chats send them; httpx would take ASCII only."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _proxy(proxy: Proxy) -> httpx.Proxy:
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx.Proxy(f"http://{host}:{proxy.port}", headers=headers)


def _sni(endpoint: Endpoint) -> dict[str, str]:
    return {"sni_hostname": endpoint.tls.server_name} if endpoint.tls.server_name else {}

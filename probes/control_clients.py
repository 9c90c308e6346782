"""The HTTP clients of control calls and scrapes: on the same ways as the chats, one for each TLS setting and proxy."""

from __future__ import annotations

import asyncio
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


class Clients:
    """An async context manager that closes what it opened. It keeps no cookies and sets no time limits: each call is bounded by its caller."""

    def __init__(self) -> None:
        self._clients: dict[tuple[Tls, Proxy | None, Guard | None], httpx.AsyncClient] = {}
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    @asynccontextmanager
    async def get(self, endpoint: Endpoint, url: str, headers: dict[str, str] | None = None) -> AsyncIterator[httpx.Response]:
        """The answer to a GET of `url` by the endpoint's TLS settings, with its key and headers; its body is yet to be read, a redirect not followed.

        Raises `httpx.HTTPError`, `httpx.InvalidURL`, `OSError`, `ValueError`.
        """
        client = await self._client(endpoint.tls, address_of(replace(endpoint, url=url)).proxy, endpoint.guard)
        lines = [*(headers or {}).items(), *endpoint.headers.items()]
        if endpoint.api_key:
            lines.append(("Authorization", f"Bearer {endpoint.api_key}"))
        async with client.stream("GET", url, headers=_latin_1(lines), extensions=_sni(endpoint)) as response:
            yield response

    async def _client(self, tls: Tls, proxy: Proxy | None, guard: Guard | None) -> httpx.AsyncClient:
        async with self._lock:
            way = tls, proxy, guard
            if way not in self._clients:
                for outdated in [known for known in self._clients if known[0].superseded_by(tls)]:
                    await self._clients.pop(outdated).aclose()
                verify = await asyncio.to_thread(context, tls)
                self._clients[way] = httpx.AsyncClient(
                    verify=verify,
                    transport=None if guard is None else GuardedTransport(guard, verify, KEPT_CONNECTIONS),
                    proxy=None if proxy is None else _proxy(proxy),
                    trust_env=False,  # httpx would also go through HTTP_PROXY and ALL_PROXY, which chats do not
                    timeout=None,
                    cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # a load balancer's would stick to one process, and go to others
                    limits=httpx.Limits(
                        max_keepalive_connections=KEPT_CONNECTIONS
                    ),  # no bound on all of them: engines that hang must not hold up the others
                    headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                )
            return self._clients[way]


def _latin_1(headers: list[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """As chats send them; httpx would take ASCII only."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _proxy(proxy: Proxy) -> httpx.Proxy:
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    headers = {"Proxy-Authorization": proxy.authorization} if proxy.authorization else None
    return httpx.Proxy(f"http://{host}:{proxy.port}", headers=headers)


def _sni(endpoint: Endpoint) -> dict[str, str]:
    return {"sni_hostname": endpoint.tls.server_name} if endpoint.tls.server_name else {}

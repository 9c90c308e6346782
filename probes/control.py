"""What is asked of an engine besides chats: which models it has, which are loaded, what version it is. Never in the way of a measurement."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx
import orjson

from probes import backends
from probes.ask import Endpoint, Tls
from probes.backends.base import FrameError
from probes.backends.fields import proper_name
from probes.backends.ollama import loaded_models, with_tag
from probes.request import USER_AGENT, address_of
from probes.wire.order import Proxy
from probes.wire.tls import context

TIMEOUT_SECONDS = 5.0
"""Ollama's `/api/ps` waits for a lock that a stuck runner may hold for 10 s; a control call must not wait that long."""
BODY_LIMIT = 4 * 1024 * 1024
VERSION_PATHS = {"vllm": "/version", "tgi": "/info", "ollama": "/api/version"}


class ControlError(Exception):
    """A control call brought no usable answer; the text says why, without secrets."""


class Control:
    """Control calls over httpx, on the same ways as the chats: one client for each TLS setting and proxy."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._clients: dict[tuple[Tls, Proxy | None], httpx.AsyncClient] = {}
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The models that the engine lists, in its order. Raises `ControlError`."""
        backend = backends.get(endpoint.backend, endpoint.api)
        body = await self._get(endpoint, backend.models_path)
        try:
            return backend.models(body)
        except FrameError as error:
            raise ControlError(f"{backend.models_path}: {error}") from error

    async def loaded(self, endpoint: Endpoint, model: str) -> bool | None:
        """Whether the model is in memory (Ollama's `/api/ps`); None for engines that serve only what they have loaded. Raises `ControlError`."""
        if endpoint.backend != "ollama":
            return None
        body = await self._get(endpoint, "/api/ps")
        try:
            names = loaded_models(body)
        except FrameError as error:
            raise ControlError(f"/api/ps: {error}") from error
        return with_tag(model) in {with_tag(name) for name in names}

    async def version(self, endpoint: Endpoint) -> str | None:
        """The engine's version; None for a backend that has no place to say it. Raises `ControlError`."""
        path = VERSION_PATHS.get(endpoint.backend)
        if path is None:
            return None
        body = await self._get(endpoint, path)
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise ControlError(f"{path}: no JSON") from error
        version = answer.get("version") if isinstance(answer, dict) else None
        if not isinstance(version, str):
            raise ControlError(f"{path}: names no version")
        if not proper_name(version):
            raise ControlError(f"{path}: names a version that is too long, or not printable")
        return version

    async def _get(self, endpoint: Endpoint, path: str) -> bytes:
        headers = list(endpoint.headers.items())
        if endpoint.api_key:
            headers.append(("Authorization", f"Bearer {endpoint.api_key}"))
        try:
            async with asyncio.timeout(self._timeout_seconds):
                client = await self._client(endpoint.tls, address_of(endpoint).proxy)
                return await self._body(client, endpoint, path, headers)
        except httpx.LocalProtocolError as error:
            raise ControlError(f"{path}: cannot be sent") from error  # its text repeats the header that is wrong
        except TimeoutError as error:
            raise ControlError(f"{path}: no answer within {self._timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise ControlError(f"{path}: {str(error) or type(error).__name__}") from error

    async def _body(self, client: httpx.AsyncClient, endpoint: Endpoint, path: str, headers: list[tuple[str, str]]) -> bytes:
        url = endpoint.url.rstrip("/") + path
        async with client.stream("GET", url, headers=_latin_1(headers), extensions=_sni(endpoint)) as response:
            if response.status_code != 200:
                raise ControlError(f"{path}: status {response.status_code}")
            body = b""
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise ControlError(f"{path}: more than {BODY_LIMIT} bytes")
            return body

    async def _client(self, tls: Tls, proxy: Proxy | None) -> httpx.AsyncClient:
        async with self._lock:
            way = tls, proxy
            if way not in self._clients:
                for outdated in [known for known in self._clients if known[0].superseded_by(tls)]:
                    await self._clients.pop(outdated).aclose()
                verify = await asyncio.to_thread(context, tls)
                self._clients[way] = httpx.AsyncClient(
                    verify=verify,
                    proxy=None if proxy is None else _proxy(proxy),
                    trust_env=False,  # httpx would also go through HTTP_PROXY and ALL_PROXY, which chats do not
                    timeout=self._timeout_seconds,
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

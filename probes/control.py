"""What is asked of an engine besides chats: which models it has, which are loaded, what version it is. Never in the way of a measurement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import httpx

from probes import backends
from probes.ask import Endpoint
from probes.backends.base import FrameError
from probes.control_clients import Clients
from probes.hiding import hidden
from probes.request import with_query
from probes.wording import shortened

TIMEOUT_SECONDS = 5.0
"""Ollama's `/api/ps` waits for a lock that a stuck runner may hold for 10 s; a control call must not wait that long."""
BODY_LIMIT = 4 * 1024 * 1024

GATEWAY_STATUSES = (502, 503, 504)
"""What a router answers in place of an engine that it does not reach."""

T = TypeVar("T")


class ControlError(Exception):
    """A control call brought no usable answer; the text says why, without secrets."""


class NoAnswerError(ControlError):
    """Nobody answered: no connection, no answer in time, or a router's in place of the engine's."""


class Control:
    """Control calls over httpx. An async context manager."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._clients = Clients()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._clients.__aexit__(kind, error, trace)

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The models that the engine lists, in its order. Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        return await self._read(endpoint, backend.models_path, backend.models)

    async def loaded(self, endpoint: Endpoint, model: str) -> bool | None:
        """Whether the model is in memory; None of an engine that serves only what it has loaded. Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        if backend.on_demand is None:
            return None
        models = await self._read(endpoint, backend.on_demand.path, backend.on_demand.read)
        return backend.model_key(model) in {backend.model_key(one.name) for one in models}

    async def version(self, endpoint: Endpoint) -> str | None:
        """The engine's version; None for a backend that has no place to say it. Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        return None if backend.version_path is None else await self._read(endpoint, backend.version_path, backend.version)

    async def health(self, endpoint: Endpoint) -> None:
        """Ask the engine whether it is well: the answer may cost it a step of its work (TGI's does), so ask seldom.

        Raises `ControlError` where it is not.
        """
        await self._get(endpoint, backends.get(endpoint.backend).health_path)

    async def longest_chat(self, endpoint: Endpoint, model: str) -> int | None:
        """How many tokens a prompt and its answer may have together; None where the engine does not say. Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        if backend.longest_chat_path is None:
            return None
        body = await self._get(endpoint, backend.longest_chat_path)
        try:
            return backend.longest_chat(body, model)
        except FrameError:
            return None

    async def recognised(self, endpoint: Endpoint) -> str:
        """The backend that answers at the endpoint, whichever the endpoint names. Each place is asked once.

        Raises `ControlError`, with the last answer, where none does.
        """
        last = ControlError("no backend is known")
        for path in dict.fromkeys(backend.recognised_at for backend in backends.BACKENDS.values()):
            try:
                body = await self._get(endpoint, path)
            except ControlError as error:
                last = error
                continue
            for backend in (backend for backend in backends.BACKENDS.values() if backend.recognised_at == path):
                try:
                    backend.recognise(body)
                    return backend.name
                except FrameError as error:
                    last = ControlError(f"{path}: {error}")
        raise last

    async def _read(self, endpoint: Endpoint, path: str, read: Callable[[bytes], T]) -> T:
        body = await self._get(endpoint, path)
        try:
            return read(body)
        except FrameError as error:
            raise ControlError(f"{path}: {error}") from error

    async def _get(self, endpoint: Endpoint, path: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._clients.get(endpoint, _url(endpoint, path)) as response:
                return await _body(response, path)
        except httpx.LocalProtocolError as error:
            raise ControlError(f"{path}: cannot be sent") from error  # its text repeats the header that is wrong
        except TimeoutError as error:
            raise NoAnswerError(f"{path}: no answer within {self._timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            kind = NoAnswerError if isinstance(error, httpx.TransportError | OSError) else ControlError
            # what cannot be read is quoted there, and may be what was sent
            raise kind(f"{path}: {shortened(hidden(str(error), endpoint)) or type(error).__name__}") from None


def _url(endpoint: Endpoint, path: str) -> str:
    return with_query(endpoint.url.rstrip("/") + endpoint.adaptation.control_path(path), endpoint)


async def _body(response: httpx.Response, path: str) -> bytes:
    if response.status_code in GATEWAY_STATUSES:
        raise NoAnswerError(f"{path}: status {response.status_code}")
    if response.status_code != 200:
        raise ControlError(f"{path}: status {response.status_code}")
    body = b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > BODY_LIMIT:
            raise ControlError(f"{path}: more than {BODY_LIMIT} bytes")
    return body

"""What is asked of an engine besides chats: which models it has, which are loaded, what version it is. Never in the way of a measurement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self, TypeVar

import httpx
import orjson

from probes import backends
from probes.ask import Endpoint
from probes.backends.backend import Backend
from probes.backends.base import FrameError, WireForm
from probes.control_clients import Clients, in_words
from probes.hiding import hidden
from probes.load import LoadError, LoadFailure
from probes.numbers.loaded import Details, ListedModel, LoadedModel, ModelDetails, OnDemand
from probes.request import with_query
from probes.wire.encoding import EncodingError, Inflater
from probes.wording import shortened

TIMEOUT_SECONDS = 5.0
"""Ollama's `/api/ps` waits for a lock that a stuck runner may hold for 10 s; a control call must not wait that long."""
BODY_LIMIT = 4 * 1024 * 1024
MOST_DETAILS = 1000
"""Models whose details are kept; of more, the earliest is forgotten."""

GATEWAY_STATUSES = (502, 503, 504)
"""What a router answers in place of an engine that it does not reach."""

T = TypeVar("T")


class ControlError(Exception):
    """A control call brought no usable answer; the text says why, without secrets."""


class NoAnswerError(ControlError):
    """Nobody answered: no connection, no answer in time, or a router's in place of the engine's."""


class MissingError(ControlError):
    """The engine says that it does not have what was asked after."""


class KeyWantedError(ControlError):
    """The engine, or what stands before it, wants a key, or another one."""


class Control:
    """Control calls over httpx. An async context manager."""

    def __init__(self, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._timeout_seconds = timeout_seconds
        self._clients = Clients()
        self._details: dict[str, ModelDetails] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._clients.__aexit__(kind, error, trace)

    async def models(self, endpoint: Endpoint) -> tuple[str, ...]:
        """The models that the engine lists, in its order. Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        return await self._read(endpoint, backend.models_path, backend.models)

    async def answering(self, endpoint: Endpoint, model: str) -> str:
        """The name of the model that answers chats which ask for `model` (`Backend.answering`). Raises `ControlError`."""
        backend = backends.get(endpoint.backend)
        if not backend.ignores_names:
            return model
        return await self._read(endpoint, backend.models_path, lambda body: backend.answering(model, body))

    async def loaded_models(self, endpoint: Endpoint) -> tuple[LoadedModel, ...]:
        """The models that are in memory, of an engine that loads them on demand. Raises `ControlError`."""
        on_demand = _on_demand(endpoint)
        return await self._read(endpoint, on_demand.path, on_demand.read)

    async def listed_models(self, endpoint: Endpoint) -> tuple[ListedModel, ...]:
        """All models of an engine that loads them on demand, in memory or not, in its order. Raises `ControlError`."""
        listed = _on_demand(endpoint).listed
        if listed is None:
            return tuple(ListedModel(name) for name in await self.models(endpoint))
        return await self._read(endpoint, backends.get(endpoint.backend).models_path, listed)

    async def details(self, endpoint: Endpoint, model: str, digest: str | None = None) -> ModelDetails | None:
        """What the engine tells of one model alone, asked once for each digest; None of an engine that tells no such thing.

        Raises `MissingError` where it does not have the model, else `ControlError`.
        """
        details = _on_demand(endpoint).details
        if details is None:
            return None
        if digest is None:
            return await self._ask_details(endpoint, details, model)
        if digest not in self._details:
            told = await self._ask_details(endpoint, details, model)
            if len(self._details) >= MOST_DETAILS:
                del self._details[next(iter(self._details))]
            self._details[digest] = told
        return self._details[digest]

    def remembered(self, digest: str | None) -> ModelDetails | None:
        """The details of the model with this digest, if they were asked for once."""
        return None if digest is None else self._details.get(digest)

    async def loader_behind(self, endpoint: Endpoint) -> Backend | None:
        """The engine that loads on demand and answers at an endpoint of a generic backend; None for any other endpoint. Raises nothing.

        Chats by the generic form cannot say how the model is to be loaded.
        """
        if not backends.get(endpoint.backend).generic:
            return None
        for backend in backends.BACKENDS.values():
            if backend.on_demand is None:
                continue
            try:
                await self._read(endpoint, backend.recognised_at, backend.recognise)
                await self._read(endpoint, backend.on_demand.path, backend.on_demand.read)
            except ControlError:
                continue
            return backend
        return None

    async def _ask_details(self, endpoint: Endpoint, details: Details, model: str) -> ModelDetails:
        return await self._read(endpoint, details.path, details.read, posted=orjson.dumps(details.ask(model)))

    async def load(self, endpoint: Endpoint, model: str, timeout_seconds: float) -> None:
        """Have an engine that loads on demand load the model, as it does for the target's chats, and wait until it has.

        Raises `LoadError`.
        """
        request = _on_demand(endpoint).load
        assert request is not None
        body = orjson.dumps(endpoint.adaptation.adapted(request.ask(model)))
        url = with_query(endpoint.url.rstrip("/") + endpoint.adaptation.path(request.path), endpoint)
        try:
            async with asyncio.timeout(timeout_seconds), self._clients.get(endpoint, url, posted=body) as response:
                if response.status_code == 200:
                    await response.aread()
                    return
                words = await _words(response, backends.form(endpoint.backend, endpoint.api))
        except TimeoutError as error:
            raise LoadError(LoadFailure.TIMEOUT, f"not in memory after {timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise LoadError(LoadFailure.UNREACHABLE, shortened(hidden(in_words(error), endpoint))) from None
        raise LoadError(LoadFailure.REFUSED, shortened(hidden(words, endpoint)))

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

    async def settings(self, endpoint: Endpoint, model: str) -> Mapping[str, str]:
        """How the engine was started, as far as it tells that besides its own metrics. Raises `ControlError`."""
        told = backends.get(endpoint.backend).settings
        return {} if told.path is None else await self._read(endpoint, told.path, told.of_answer, told.posted(model))

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

    async def _read(self, endpoint: Endpoint, path: str, read: Callable[[bytes], T], posted: bytes | None = None) -> T:
        body = await self._get(endpoint, path, posted)
        try:
            return read(body)
        except FrameError as error:
            raise ControlError(f"{path}: {error}") from error

    async def _get(self, endpoint: Endpoint, path: str, posted: bytes | None = None) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._clients.get(endpoint, _url(endpoint, path), posted=posted) as response:
                return await _body(response, path)
        except httpx.LocalProtocolError as error:
            raise ControlError(f"{path}: cannot be sent") from error  # its text repeats the header that is wrong
        except TimeoutError as error:
            raise NoAnswerError(f"{path}: no answer within {self._timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            kind = NoAnswerError if isinstance(error, httpx.TransportError | OSError) else ControlError
            # what cannot be read is quoted there, and may be what was sent
            raise kind(f"{path}: {shortened(hidden(in_words(error), endpoint))}") from None


def _on_demand(endpoint: Endpoint) -> OnDemand:
    found = backends.get(endpoint.backend).on_demand
    assert found is not None
    return found


def _url(endpoint: Endpoint, path: str) -> str:
    return with_query(endpoint.url.rstrip("/") + endpoint.adaptation.control_path(path), endpoint)


async def _words(response: httpx.Response, form: WireForm) -> str:
    """What an error says, read as that of a chat."""
    body = b""
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > BODY_LIMIT:
            break
    return form.refuse(response.status_code, body).detail


async def _body(response: httpx.Response, path: str) -> bytes:
    if response.status_code in GATEWAY_STATUSES:
        raise NoAnswerError(f"{path}: status {response.status_code}")
    if response.status_code == 401:
        raise KeyWantedError(f"{path}: status 401")
    if response.status_code != 200:
        missing = response.status_code == 404 and _is_json(response)
        raise (MissingError if missing else ControlError)(f"{path}: status {response.status_code}")
    body = b""
    try:
        inflater = Inflater(response.headers.get("Content-Encoding", ""))
        async for piece in response.aiter_raw():
            body += inflater.inflate(piece, BODY_LIMIT)
            if len(body) > BODY_LIMIT:
                raise ControlError(f"{path}: more than {BODY_LIMIT} bytes")
    except EncodingError as error:
        raise ControlError(f"{path}: {error}") from error
    return body


def _is_json(response: httpx.Response) -> bool:
    """An engine says in JSON that it lacks a model; of a path that it lacks it, or a router, says so in plain text."""
    content_type: str = response.headers.get("Content-Type", "")
    return content_type.partition(";")[0].strip() == "application/json"

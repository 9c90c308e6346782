"""What is asked of an engine besides chats: which models it has, which are loaded, what version it is. Never in the way of a measurement."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import httpx
import orjson

from probes import backends
from probes.ask import Endpoint
from probes.backends.base import FrameError
from probes.backends.fields import proper_name
from probes.backends.ollama import loaded_models, with_tag
from probes.control_clients import Clients
from probes.hiding import hidden
from probes.wording import shortened

TIMEOUT_SECONDS = 5.0
"""Ollama's `/api/ps` waits for a lock that a stuck runner may hold for 10 s; a control call must not wait that long."""
BODY_LIMIT = 4 * 1024 * 1024
HEALTH_PATHS = {"vllm": "/health", "tgi": "/health", "ollama": "/api/ps", "openai": "/v1/models"}
VERSION_PATHS = {"vllm": "/version", "tgi": "/info", "ollama": "/api/version"}


class ControlError(Exception):
    """A control call brought no usable answer; the text says why, without secrets."""


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

    async def health(self, endpoint: Endpoint) -> None:
        """Ask the engine whether it is well: TGI's answer may cost it a step of its work, so ask seldom. Raises `ControlError` where it is not."""
        await self._get(endpoint, HEALTH_PATHS[endpoint.backend])

    async def longest_chat(self, endpoint: Endpoint, model: str) -> int | None:
        """How many tokens a prompt and its answer may have together: vLLM's `max_model_len`, TGI's `max_total_tokens`.

        None where the engine does not say. Raises `ControlError`.
        """
        match endpoint.backend:
            case "vllm":
                listed = _json_object(await self._get(endpoint, "/v1/models")).get("data")
                entries = [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
                found = next((entry.get("max_model_len") for entry in entries if entry.get("id") == model), None)
            case "tgi":
                found = _json_object(await self._get(endpoint, "/info")).get("max_total_tokens")
            case _:
                return None
        return found if isinstance(found, int) and not isinstance(found, bool) and 0 < found < 2**53 else None

    async def _get(self, endpoint: Endpoint, path: str) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._clients.get(endpoint, endpoint.url.rstrip("/") + path) as response:
                return await _body(response, path)
        except httpx.LocalProtocolError as error:
            raise ControlError(f"{path}: cannot be sent") from error  # its text repeats the header that is wrong
        except TimeoutError as error:
            raise ControlError(f"{path}: no answer within {self._timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # what cannot be read is quoted there, and may be what was sent
            raise ControlError(f"{path}: {shortened(hidden(str(error), endpoint)) or type(error).__name__}") from None


def _json_object(body: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    return found if isinstance(found, dict) else {}


async def _body(response: httpx.Response, path: str) -> bytes:
    if response.status_code != 200:
        raise ControlError(f"{path}: status {response.status_code}")
    body = b""
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > BODY_LIMIT:
            raise ControlError(f"{path}: more than {BODY_LIMIT} bytes")
    return body

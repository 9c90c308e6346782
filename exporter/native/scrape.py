"""Asks an engine for its own numbers: `/metrics` of vLLM and TGI, `/api/ps` of Ollama. Never in the way of a chat."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import PREFIXES, Family, parse
from exporter.native.loaded import LoadedModel, read_loaded
from probes.ask import Endpoint
from probes.control_clients import Clients
from traffic.schedule import Clock

__all__ = ["LoadedModel", "NativeReason", "ScrapeError", "Scraped", "Scraper"]

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes, as sent and as decompressed: some hundred times what one vLLM process writes."""
ACCEPT = {"Accept": "text/plain;version=0.0.4", "Connection": "close"}
"""A connection for each scrape: a kept one would stick to one of the processes behind a load balancer, and hide the others."""
_WITHOUT_STATISTICS = "vllm:tool_call_parser_"
"""What vLLM's API server counts by itself, with `--disable-log-stats` too."""
_GZIP = 31
"""zlib's window bits for gzip alone."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """What one process told at one time: between `began_ns`, when it was asked, and `ended_ns`, when its whole answer was here (monotonic)."""

    families: tuple[Family, ...]
    began_ns: int
    ended_ns: int


class Scraper:
    """Native scrapes over httpx. An async context manager."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients = Clients()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._clients.__aexit__(kind, error, trace)

    async def metrics(self, endpoint: Endpoint, url: str, *, timeout_seconds: float) -> Scraped:
        """The metric families at `url`, which gets the endpoint's key and headers: its own `/metrics`, or a URL that the configuration gives for it.

        The timeout is for the whole answer; it is parsed in a thread after that. Raises `ScrapeError`: of TGI, whose series appear with their
        first event, an answer without any is good; of others it is `empty`.
        """
        began_ns = self._clock.monotonic_ns()
        answer = await self._answer(endpoint, url, timeout_seconds)
        ended_ns = self._clock.monotonic_ns()
        families = await asyncio.to_thread(_families, answer)
        if endpoint.backend != "tgi" and not any(_tells(family) for family in families):
            raise ScrapeError(NativeReason.EMPTY, "no metrics of the engine")
        return Scraped(families, began_ns, ended_ns)

    async def loaded_models(self, endpoint: Endpoint, *, timeout_seconds: float) -> tuple[LoadedModel, ...]:
        """The models that Ollama holds in memory. It waits for a lock that a stuck runner may hold for 10 s: the timeout is for all of it.

        Raises `ScrapeError`.
        """
        answer = await self._answer(endpoint, endpoint.url.rstrip("/") + "/api/ps", timeout_seconds)
        return await asyncio.to_thread(lambda: read_loaded(answer.whole()))

    async def _answer(self, endpoint: Endpoint, url: str, timeout_seconds: float) -> _Answer:
        try:
            async with asyncio.timeout(timeout_seconds), self._clients.get(endpoint, url, ACCEPT) as response:
                if response.status_code != 200:
                    raise ScrapeError(NativeReason.STATUS, f"status {response.status_code}")
                return _Answer(await _body(response), response.headers.get("Content-Type", ""), response.headers.get("Content-Encoding", ""))
        except TimeoutError as error:
            raise ScrapeError(NativeReason.TIMEOUT, f"no whole answer within {timeout_seconds:g} s") from error
        except (httpx.ConnectError, httpx.ProxyError, OSError) as error:
            raise ScrapeError(NativeReason.UNREACHABLE, str(error) or type(error).__name__) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Their texts may hold what was to be sent, so that not even the cause is kept.
            raise ScrapeError(NativeReason.UNREACHABLE, type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class _Answer:
    """The body of a 200 as it was sent, and what its head says of it."""

    body: bytes
    content_type: str
    encoding: str

    def whole(self) -> bytes:
        """The body without its compression. Raises `ScrapeError`."""
        match self.encoding.strip().lower():
            case "" | "identity":
                return self.body
            case "gzip" | "x-gzip":
                return _decompressed(self.body)
        raise ScrapeError(NativeReason.UNREADABLE, "an encoding other than gzip")


async def _body(response: httpx.Response) -> bytes:
    length = response.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > BODY_LIMIT:
        raise _too_large()
    body = bytearray()
    try:
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > BODY_LIMIT:
                raise _too_large()
    except httpx.RemoteProtocolError as error:
        raise ScrapeError(NativeReason.UNREADABLE, "the body is cut short") from error
    return bytes(body)


def _decompressed(body: bytes) -> bytes:
    inflating = zlib.decompressobj(_GZIP)
    try:
        whole = inflating.decompress(body, BODY_LIMIT + 1)
    except zlib.error as error:
        raise ScrapeError(NativeReason.UNREADABLE, "no gzip") from error
    if len(whole) > BODY_LIMIT:
        raise _too_large()
    if not inflating.eof or inflating.unused_data:
        raise ScrapeError(NativeReason.UNREADABLE, "the gzip does not end with the body")
    return whole


def _too_large() -> ScrapeError:
    return ScrapeError(NativeReason.TOO_LARGE, f"more than {BODY_LIMIT} bytes")


def _families(answer: _Answer) -> tuple[Family, ...]:
    return parse(answer.whole(), answer.content_type)


def _tells(family: Family) -> bool:
    """Whether the engine itself tells something here, and not only the server before it."""
    return bool(family.samples) and family.name.startswith(PREFIXES) and not family.name.startswith(_WITHOUT_STATISTICS)

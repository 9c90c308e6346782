"""Asks an engine for its metrics, or for the models that it has in memory. Never in the way of a chat."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import orjson

from exporter.native.drops import LeftOut, unread
from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import Page, parse
from probes import backends
from probes.ask import Endpoint
from probes.backends.base import FrameError
from probes.control_clients import Clients, in_words
from probes.numbers.family import Family
from probes.numbers.loaded import LoadedModel, OnDemand
from probes.numbers.own_metrics import OwnMetrics
from probes.numbers.page import Numbers
from traffic.schedule import Clock

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes, as sent and as decompressed: some hundred times what one vLLM process writes."""
ACCEPT = {"Accept": "text/plain;version=0.0.4", "Connection": "close"}
"""Sent with every scrape.

Each scrape has a connection of its own: a kept one would stay at one of the processes behind a load balancer, and hide
the others.
"""
_GZIP = 31
"""zlib's window bits for gzip alone."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """What one process told at one time.

    `began_ns` is when it was asked, `ended_ns` when its whole answer was here, both on the monotonic clock. `numbers`
    are those of its families that all engines have under one name. `left_out` is what of its text is not in these.
    """

    families: tuple[Family, ...]
    numbers: Numbers
    began_ns: int
    ended_ns: int
    left_out: tuple[LeftOut, ...] = ()

    @property
    def unread(self) -> frozenset[str]:
        """The names of samples of which some could not be read."""
        return unread(self.left_out)


class Scraper:
    """Scrapes over httpx. An async context manager."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients = Clients()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._clients.__aexit__(kind, error, trace)

    async def metrics(self, endpoint: Endpoint, url: str, *, timeout_seconds: float) -> Scraped:
        """The families and numbers at `url`, which is sent the endpoint's key and headers.

        `url` is the metrics page of the endpoint itself, or one that the configuration names for it. The timeout is for
        the whole answer. Parsing comes after it, in a thread.

        Raises `ScrapeError`, and `ValueError` for an engine that has no metrics. A page without any series of the
        engine's own is `empty`, except of an engine whose series begin with their first event.
        """
        own = backends.get(endpoint.backend).metrics
        if own is None:
            raise ValueError(f"{endpoint.backend} has no metrics")
        began_ns = self._clock.monotonic_ns()
        answer = await self._answer(endpoint, url, timeout_seconds)
        ended_ns = self._clock.monotonic_ns()
        page, numbers = await asyncio.to_thread(_read, answer, own)
        return Scraped(page.families, numbers, began_ns, ended_ns, page.left_out)

    async def families(self, endpoint: Endpoint, url: str, own: OwnMetrics, *, timeout_seconds: float) -> tuple[Family, ...]:
        """The families at `url` that `own` is about: of a page that is no engine's. The timeout is for the whole answer.

        It is sent the endpoint's key and headers, so the endpoint has to be the page's own. Raises `ScrapeError`.
        """
        answer = await self._answer(endpoint, url, timeout_seconds)
        page = await asyncio.to_thread(parse, *answer.page(), own)
        return page.families

    async def loaded_models(self, endpoint: Endpoint, *, timeout_seconds: float) -> tuple[LoadedModel, ...]:
        """The models that an engine which loads on demand has in memory. The timeout is for the whole answer.

        Raises `ScrapeError`, and `ValueError` for an engine that does not load on demand.
        """
        on_demand = backends.get(endpoint.backend).on_demand
        if on_demand is None:
            raise ValueError(f"{endpoint.backend} loads no models on demand")
        answer = await self._answer(endpoint, endpoint.url.rstrip("/") + on_demand.path, timeout_seconds)
        return await asyncio.to_thread(_read_loaded, answer, on_demand)

    async def _answer(self, endpoint: Endpoint, url: str, timeout_seconds: float) -> _Answer:
        try:
            async with asyncio.timeout(timeout_seconds), self._clients.get(endpoint, url, ACCEPT) as response:
                if response.status_code != 200:
                    raise ScrapeError(NativeReason.STATUS, f"status {response.status_code}")
                headers = response.headers
                told = "Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "").lower()
                return _Answer(await _body(response), headers.get("Content-Type", ""), headers.get("Content-Encoding", ""), told)
        except TimeoutError as error:
            raise ScrapeError(NativeReason.TIMEOUT, f"no whole answer within {timeout_seconds:g} s") from error
        except (httpx.ConnectError, httpx.ProxyError, OSError) as error:
            raise ScrapeError(NativeReason.UNREACHABLE, in_words(error)) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            # Their texts may hold what was to be sent, so that not even the cause is kept.
            raise ScrapeError(NativeReason.UNREACHABLE, type(error).__name__) from None


@dataclass(frozen=True, slots=True)
class _Answer:
    """The body of an answer with status 200 as it was sent, and its content headers. `end_told` is whether HTTP told its end."""

    body: bytes
    content_type: str
    encoding: str
    end_told: bool

    def whole(self) -> bytes:
        """The body, decompressed. Raises `ScrapeError`."""
        match self.encoding.strip().lower():
            case "" | "identity":
                return self.body
            case "gzip" | "x-gzip":
                return _decompressed(self.body)
        raise ScrapeError(NativeReason.UNREADABLE, "an encoding other than gzip")

    def page(self) -> tuple[bytes, str]:
        """The whole body as a page of metrics, with the line end that a text ends with, and its content type. Raises `ScrapeError`.

        Where HTTP told the end, a text that lacks its line end was not cut short; Prometheus reads it too (`promparse.go::NewPromParser`). A page
        may come as a JSON text, which is what some frameworks make of it (llama.cpp, ggml-org/llama.cpp#17384).
        """
        whole, content_type = self.whole(), self.content_type
        if whole.startswith(b'"') and (text := _json_text(whole)) is not None:
            whole, content_type = text, ""
        return (whole if whole.endswith(b"\n") or not (whole and self.end_told) else whole + b"\n"), content_type


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


def _json_text(body: bytes) -> bytes | None:
    """What a JSON text says; None for a body that is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value.encode() if isinstance(value, str) else None


def _too_large() -> ScrapeError:
    return ScrapeError(NativeReason.TOO_LARGE, f"more than {BODY_LIMIT} bytes")


def _read(answer: _Answer, own: OwnMetrics) -> tuple[Page, Numbers]:
    page = parse(*answer.page(), own)
    if not own.begin_late and not any(_tells(family, own) for family in page.families):
        raise ScrapeError(NativeReason.EMPTY, "no metrics of the engine")
    return page, own.read(page.families, unread(page.left_out))


def _tells(family: Family, own: OwnMetrics) -> bool:
    """Whether the family holds statistics of the engine, rather than of the API server in front of it."""
    return bool(family.samples) and family.name.startswith(own.prefixes) and not family.name.startswith(own.without_statistics)


def _read_loaded(answer: _Answer, on_demand: OnDemand) -> tuple[LoadedModel, ...]:
    try:
        return on_demand.read(answer.whole())
    except FrameError as error:
        raise ScrapeError(NativeReason.UNREADABLE, str(error)) from error

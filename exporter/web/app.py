"""The exporter's HTTP endpoints."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from exporter.reloading import Reloaded
from exporter.web.exposition import Exposition
from exporter.web.scraping import Scrapes
from exporter.web.security.port import MOST_BODY_BYTES, Port
from exporter.web.security.roles import needs_operate


class Part(Protocol):
    """Endpoints that belong together."""

    def add_to(self, app: web.Application) -> None:
        """Have the application answer them."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """What the endpoints show and do.

    `not_ready` says why the exporter does not probe, None where it does. `config` is YAML without secrets. `reload` has
    the configuration read again; it is None where that is not to be done over HTTP. `port` says who may do what,
    `parts` are more endpoints.
    """

    exposition: Exposition
    not_ready: Callable[[], str | None]
    config: Callable[[], str]
    reload: Callable[[], Callable[[], Awaitable[Reloaded]] | None]
    port: Port = field(default_factory=Port)
    parts: Sequence[Part] = ()


def application(sources: Sources) -> web.Application:
    """The pages that people look at, `/metrics`, `/config`, `/-/healthy`, `/-/ready`, `/-/reload`."""
    endpoints = _Endpoints(sources)
    app = web.Application(client_max_size=MOST_BODY_BYTES)
    sources.port.guard(app)
    for part in sources.parts:
        part.add_to(app)
    app.router.add_get("/metrics", endpoints.metrics)
    app.router.add_get("/config", endpoints.config)
    app.router.add_get("/-/healthy", endpoints.healthy)
    app.router.add_get("/-/ready", endpoints.ready)
    app.router.add_post("/-/reload", needs_operate(endpoints.reload))
    app.router.add_put("/-/reload", needs_operate(endpoints.reload))
    return app


class _Endpoints:
    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._scrapes = Scrapes(sources.exposition)

    async def metrics(self, request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", []))
        accept_encoding = ",".join(request.headers.getall("Accept-Encoding", []))
        names = frozenset(request.query.getall("name[]", []))
        patience = _patience(request.headers.get("X-Prometheus-Scrape-Timeout-Seconds", ""))
        try:
            answer = await asyncio.wait_for(self._scrapes.answer(accept, accept_encoding, names), patience)
        except TimeoutError:
            return web.Response(status=503, text=f"The metrics took longer than the scraper waits, {patience:g} s: raise its scrape timeout.\n")
        headers = {"Content-Type": answer.content_type, "Vary": "Accept, Accept-Encoding"}
        if answer.coding != "identity":
            headers["Content-Encoding"] = answer.coding
        return web.Response(body=answer.body, headers=headers)

    async def config(self, _: web.Request) -> web.Response:
        return web.Response(text=self._sources.config(), content_type="text/plain")

    async def healthy(self, _: web.Request) -> web.Response:
        return web.Response(text="chatprobe is healthy.\n")

    async def ready(self, _: web.Request) -> web.Response:
        reason = self._sources.not_ready()
        if reason is not None:
            return web.Response(status=503, text=f"chatprobe is not ready: {reason}.\n")
        return web.Response(text="chatprobe is ready.\n")

    async def reload(self, _: web.Request) -> web.Response:
        reload = self._sources.reload()
        if reload is None:
            return web.Response(status=403, text="Reload over HTTP is not allowed; set web: {lifecycle: true}, or send SIGHUP.\n")
        outcome = await asyncio.shield(reload())
        return web.Response(status=200 if outcome.well else 500, text="".join(f"{line}\n" for line in outcome.lines))


def _patience(scrape_timeout: str) -> float | None:
    """How many seconds a scraper waits by its header; None where it says nothing that can be waited for."""
    try:
        seconds = float(scrape_timeout)
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from catalogue import own
from config.model import Config
from config.quantities import Address
from config.reader import parse
from exporter.assembly import Metrics
from exporter.reloading import Reloaded
from exporter.web.app import Sources, application
from exporter.web.exposition import AbandonedError
from exporter.web.forms import OPENMETRICS, TEXT
from exporter.web.server import ListenError, listening
from tests.exporter.pages.stage import Stage
from tests.exporter.scrape import CONFIG, promtool_accepts, read
from tests.waiting import PATIENCE_SECONDS

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECRET = "canary-secret"


@dataclass
class Site:
    session: aiohttp.ClientSession
    metrics: Metrics
    stage: Stage
    reload: Callable[[], Awaitable[Reloaded]] | None = None

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, aiohttp.ClientResponse, bytes]:
        async with self.session.request(method, path, headers=headers) as response:
            return response.status, response, await response.read()


@pytest.fixture
def settings() -> Config:
    return parse(CONFIG.replace("model: tiny}", f"model: tiny, headers: {{X-Key: {SECRET}}}}}")).config


def sources(stage: Stage, reload: Callable[[], Callable[[], Awaitable[Reloaded]] | None] = lambda: None) -> Sources:
    return Sources(stage.metrics.exposition, lambda: stage.not_ready, stage.scene.config, reload, parts=(stage.pages,))


@pytest.fixture
async def site(settings: Config) -> AsyncIterator[Site]:
    stage = Stage(settings)
    async with (
        listening(application(sources(stage, lambda: one.reload)), Address("127.0.0.1", 0)) as address,
        aiohttp.ClientSession(f"http://{address}", auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as session,
    ):
        one = Site(session, stage.metrics, stage)
        yield one


@pytest.mark.prometheus
async def test_metrics_in_the_form_that_is_asked_for(site: Site) -> None:
    status, response, body = await site.get("/metrics")
    assert (status, response.headers["Content-Type"]) == (200, TEXT)
    assert "Content-Encoding" not in response.headers
    assert read(body).value(own.PROBES.name) == 0
    promtool_accepts(body)
    _, response, body = await site.get("/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert response.headers["Content-Type"] == OPENMETRICS
    assert read(body, as_openmetrics=True).value(own.PROBES.name) == 0
    assert response.headers["Vary"] == "Accept, Accept-Encoding"


async def test_only_the_families_that_are_asked_for(site: Site) -> None:
    asked = ("chatprobe_ttft_seconds", own.PROBES.name, own.ITL.bucket, own.SERIES.name, "nobody_has_it")
    for accept, openmetrics in (("", False), ("application/openmetrics-text", True)):
        status, _, body = await site.get("/metrics?" + "&".join(f"name[]={name}" for name in asked), Accept=accept)
        families = {part for metric in (own.TTFT, own.ITL) for part in (metric.bucket, metric.sum, metric.count)}
        assert status == 200
        assert set(read(body, as_openmetrics=openmetrics).samples) == families | {own.PROBES.name, own.SERIES.name}
    assert (await site.get("/metrics?name[]=nobody_has_it"))[2] == b""


async def test_a_scraper_that_waits_no_longer_has_an_answer_by_then(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()
    rendered = type(site.metrics.exposition).render

    def slow(*given: Any) -> tuple[bytes, str]:
        done.wait(PATIENCE_SECONDS)
        return rendered(*given)

    monkeypatch.setattr(type(site.metrics.exposition), "render", slow)
    status, _, body = await site.get("/metrics", **{"X-Prometheus-Scrape-Timeout-Seconds": "0.05"})
    assert (status, body) == (503, b"The metrics took longer than the scraper waits, 0.05 s: raise its scrape timeout.\n")
    done.set()
    for header in ("", "soon", "0", "-1", "inf", "nan", str(PATIENCE_SECONDS)):
        assert (await site.get("/metrics", **{"X-Prometheus-Scrape-Timeout-Seconds": header}))[0] == 200


@pytest.mark.parametrize(("asked", "coding", "opened"), [("gzip", "gzip", gzip.decompress), ("gzip, zstd", "zstd", zstd.decompress)])
async def test_metrics_are_compressed_when_that_is_asked_for(site: Site, asked: str, coding: str, opened: Callable[[bytes], bytes]) -> None:
    _, response, body = await site.get("/metrics", **{"Accept-Encoding": asked})
    assert response.headers["Content-Encoding"] == coding
    assert int(response.headers["Content-Length"]) == len(body)
    assert read(opened(body)).value(own.PROBES.name) == 0


async def test_a_scraper_that_leaves_costs_nothing_more(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    left = threading.Event()

    def slow(_self: Any, _accept: str, _names: Any, abandoned: Callable[[], bool]) -> tuple[bytes, str]:
        until = time.monotonic() + PATIENCE_SECONDS
        while not abandoned() and time.monotonic() < until:
            time.sleep(0.005)
        if abandoned():
            left.set()
        raise AbandonedError

    monkeypatch.setattr(type(site.metrics.exposition), "render", slow)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(site.get("/metrics"), 0.2)
    assert await asyncio.to_thread(left.wait, PATIENCE_SECONDS)


async def test_healthy_always_and_ready_only_while_probing(site: Site) -> None:
    assert (await site.get("/-/ready"))[0] == 200
    site.stage.not_ready = "no measuring worker is running"
    status, _, body = await site.get("/-/ready")
    assert (status, body) == (503, b"chatprobe is not ready: no measuring worker is running.\n")
    assert (await site.get("/-/healthy"))[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/config", "/-/healthy", "/-/ready"])
async def test_head_is_get_without_a_body(site: Site, path: str) -> None:
    got, _, _ = await site.get(path)
    status, response, body = await site.get(path, method="HEAD")
    assert (status, body) == (got, b"") == (200, b"")
    assert int(response.headers["Content-Length"]) > 0


async def test_what_is_not_there_is_said_in_text(site: Site) -> None:
    for method, path, expected in (("GET", "/nowhere", 404), ("POST", "/metrics", 405), ("GET", "/-/reload", 405)):
        status, response, body = await site.get(path, method=method)
        assert (status, response.content_type) == (expected, "text/plain")
        assert body.startswith(b"Nothing stands at this address." if expected == 404 else b"This address takes ")


async def test_the_configuration_is_shown_without_secrets(site: Site) -> None:
    _, response, body = await site.get("/config")
    assert response.content_type == "text/plain"
    assert b"X-Key" in body
    for path in ("/config", "/", "/metrics"):
        assert SECRET.encode() not in (await site.get(path))[2]


async def test_a_port_in_use_is_said_clearly(settings: Config) -> None:
    def app() -> Sources:
        return sources(Stage(settings))

    async with listening(application(app()), Address("127.0.0.1", 0)) as address:
        with pytest.raises(ListenError, match=rf"127\.0\.0\.1:{address.port} is in use by another program; stop it, or choose another"):
            async with listening(application(app()), address):
                raise AssertionError
    with pytest.raises(ListenError, match=r"cannot listen on engine\.invalid:0: the name cannot be resolved; write an IP address"):
        async with listening(application(app()), Address("engine.invalid", 0)):
            raise AssertionError
    with pytest.raises(ListenError, match=r"cannot listen on 192\.0\.2\.1:0: this machine does not have the address; choose "):
        async with listening(application(app()), Address("192.0.2.1", 0)):
            raise AssertionError


async def test_all_addresses_are_those_of_ipv4_too(settings: Config) -> None:
    async with listening(application(sources(Stage(settings))), Address("::", 0)) as address, aiohttp.ClientSession() as session:
        for host in ("127.0.0.1", "[::1]"):
            async with session.get(f"http://{host}:{address.port}/-/healthy") as answer:
                assert answer.status == 200


async def test_reload_over_http_only_where_it_is_allowed_and_with_an_answer_that_says_what_became_of_it(site: Site) -> None:
    status, _, body = await site.get("/-/reload", "POST")
    assert (status, body) == (403, b"Reload over HTTP is not allowed; set web: {lifecycle: true}, or send SIGHUP.\n")
    outcome = Reloaded(True, ("reloaded", "targets added: tgi"))

    async def reload() -> Reloaded:
        return outcome

    site.reload = reload
    for method in ("POST", "PUT"):
        status, _, body = await site.get("/-/reload", method)
        assert (status, body) == (200, b"reloaded\ntargets added: tgi\n")
    outcome = Reloaded(False, ("not reloaded", "chatprobe.yaml:1:1: targets: wrong; write others"))
    status, _, body = await site.get("/-/reload", "POST")
    assert (status, body) == (500, b"not reloaded\nchatprobe.yaml:1:1: targets: wrong; write others\n")
    status, _, _ = await site.get("/-/reload")
    assert status == 405

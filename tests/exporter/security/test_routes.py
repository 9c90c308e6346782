"""Every route of a whole exporter: none is forgotten at the gate, and what is written into its parts stays what it is."""

from __future__ import annotations

import itertools
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from aiohttp import web

from config.model import Config
from config.reader import parse
from exporter.web.app import Sources, application
from tests.exporter.running import Exporter, running
from tests.exporter.security.ports import OTHER_TOKEN, TOKEN, bearer
from tests.waiting import PATIENCE_SECONDS

HEALTH = {"/-/healthy", "/-/ready"}
HOSTILE = (
    "<script>alert(1)</script>",
    "' onmouseover=alert(1) x='",
    "../../etc/passwd",
    "\r\nSet-Cookie: x=1",
    "\u202egnp.exe",
    "{{1009*9973}}",
    "%00",
    "a" * 4000,
)

MODEL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def routes() -> list[web.AbstractRoute]:
    """Filled when the exporter has started."""
    return []


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory, routes: list[web.AbstractRoute]) -> Iterator[Exporter]:
    folder = tmp_path_factory.mktemp("routes")
    (folder / "token").write_text(TOKEN)
    (folder / "ops").write_text(OTHER_TOKEN)

    def settings(url: str) -> Config:
        text = f"""
        web:
          listen: "127.0.0.1:0"
          lifecycle: true
          probe: true
          tokens: {{scrape: {{file: token}}, ops: {{file: ops, role: operate}}}}
          limits: {{requests_per_second: 10000}}
        targets: {{vllm: {{backend: vllm, url: "{url}", model: "{MODEL}"}}}}
        scenarios: {{rare: {{every: 1h, prompt: {{text: Hello}}}}}}
        """
        return parse(text, str(folder / "chatprobe.yaml")).config

    def noted(sources: Sources) -> web.Application:
        app = application(sources)
        routes.extend(app.router.routes())
        return app

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("exporter.exporting.application", noted)
        patch.setattr("exporter.web.racing.PAUSE_SECONDS", 0.0)
        with running(settings) as one:
            yield one


@pytest.fixture(scope="module")
def client(exporter: Exporter) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=exporter.url, timeout=PATIENCE_SECONDS, trust_env=False) as found:
        yield found


def filled(route: web.AbstractRoute, value: str = "1") -> str:
    assert route.resource is not None
    return re.sub(r"\{[^}]*\}", lambda _: value, route.resource.canonical.replace("{path}", "/{path}"))


def test_what_changes_anything_takes_the_role_operate(exporter: Exporter, routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    changing = [route for route in routes if route.method not in ("GET", "HEAD")]
    assert {filled(route) for route in changing} >= {"/-/reload", "/api/v1/probes"}
    assert not [route for route in changing if not getattr(route.handler, "needs_operate", False)]
    for route in changing:
        answer = client.request(route.method, filled(route), headers=bearer())
        assert (answer.status_code, "takes the role operate" in answer.text) == (403, True), route


def test_nothing_but_health_is_told_to_who_shows_nothing(exporter: Exporter, routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    assert len(routes) > 10
    for route in routes:
        for headers in ({}, bearer("wrong")):
            answer = client.request(route.method, filled(route), headers=headers)
            if filled(route) in HEALTH:
                assert answer.status_code == 200
            else:
                assert answer.status_code in (401, 429), route
                assert answer.status_code == 429 or answer.headers["WWW-Authenticate"] == 'Bearer realm="chatprobe"'


def test_what_spends_or_changes_is_not_done_for_another_sites_page(routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    link = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    for route in routes:
        spends = route.method not in ("GET", "HEAD") or filled(route) == "/probe"
        for told in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site", **link}, {"Origin": "http://evil.example"}):
            if spends or link.keys().isdisjoint(told):
                got = client.request(route.method, filled(route) + "?target=vllm", headers=bearer(OTHER_TOKEN) | told)
                assert got.status_code == (200 if filled(route) in HEALTH and link.keys() & told.keys() else 403), (route, told)


def test_what_is_written_into_a_route_is_never_markup_a_header_or_a_path(routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    for route, written in itertools.product(routes, HOSTILE):
        if filled(route) in {"/-/reload", "/api/v1/records/live"} or "runs" in filled(route):
            continue
        quoted = httpx.QueryParams(dict.fromkeys(("target", "scenario", "before", "reason", "limit", "name[]", "filter", "q"), written))
        for path in (f"{filled(route)}?{quoted}", filled(route, quote(written, safe=""))):
            answer = client.request(route.method, path, headers=bearer(OTHER_TOKEN), json={"target": written, "scenario": written})
            assert answer.status_code < 500, (route, written)
            assert "set-cookie" not in answer.headers
            assert "root:" not in answer.text
            if "html" in answer.headers.get("content-type", ""):
                assert "<script>alert" not in answer.text
                assert "onmouseover=alert(1) x='" not in answer.text.replace("&#39;", "").replace("&#x27;", "")
                assert str(1009 * 9973) not in answer.text
            assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_name_of_a_model_is_text_on_every_page(routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    """That of an engine, or of whoever writes targets for discovery. Answers and errors of engines are tried with the pages."""
    shown = 0
    for path in {filled(route, "vllm") for route in routes if route.method == "GET" and "live" not in filled(route)}:
        answer = client.get(path, headers=bearer(OTHER_TOKEN))
        if "html" in answer.headers.get("content-type", ""):
            assert MODEL not in answer.text, path
            shown += "&lt;img src=x onerror=alert(1)&gt;" in answer.text
    assert shown > 0


def test_nobody_has_it_talk_to_a_place_of_theirs(client: httpx.Client) -> None:
    """By `/probe` and by the API: only names of targets are taken."""
    reached = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def listen() -> None:
            listener.settimeout(PATIENCE_SECONDS)
            try:
                listener.accept()
                reached.set()
            except OSError:
                pass

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        for place in (
            f"http://127.0.0.1:{port}",
            f"127.0.0.1:{port}",
            f"//127.0.0.1:{port}/",
            f"vllm@127.0.0.1:{port}",
            f"vllm/../../127.0.0.1:{port}",
            "http://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "vllm\n",
            "VLLM",
        ):
            answer = client.get("/probe", params={"target": place, "scenario": "rare"}, headers=bearer(OTHER_TOKEN))
            assert answer.status_code == 400, place
            answer = client.post("/api/v1/probes", json={"target": place, "scenario": "rare"}, headers=bearer(OTHER_TOKEN))
            assert 400 <= answer.status_code < 500, place
        for more in ({"url": f"http://127.0.0.1:{port}"}, {"host": f"127.0.0.1:{port}"}, {"proxy": f"http://127.0.0.1:{port}"}):
            client.post("/api/v1/probes", json={"target": "vllm", "scenario": "rare", **more}, headers=bearer(OTHER_TOKEN))
            client.get("/probe", params={"target": "vllm", "scenario": "rare", **more}, headers=bearer(OTHER_TOKEN) | {"Host": f"127.0.0.1:{port}"})
        assert not reached.is_set()
        listener.close()


def test_filters_take_no_longer_for_what_is_made_to_take_long(routes: list[web.AbstractRoute], client: httpx.Client) -> None:
    for evil in ("(a+)+$" + "a" * 3000, "a*" * 1500, "*" * 3000, "[" * 3000, "%" * 1000, "a" * 3000 + "!"):
        for path in ("/api/v1/targets", "/api/v1/records", "/api/v1/summary", "/api/v1/slos", "/api/v1/pairs", "/metrics", "/"):
            begin = time.monotonic()
            query = dict.fromkeys(("target", "scenario", "name[]", "filter", "q", "reason", "before"), evil)
            assert client.get(path, params=query, headers=bearer()).status_code < 500
            assert time.monotonic() - begin < PATIENCE_SECONDS / 10


def test_methods_that_no_route_has_are_refused(routes: list[web.AbstractRoute], client: httpx.Client, tmp_path: Path) -> None:
    known = {(route.method, filled(route)) for route in routes}
    for path, method in itertools.product({filled(route) for route in routes}, ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")):
        if (method, path) not in known:
            assert client.request(method, path, headers=bearer(OTHER_TOKEN)).status_code == 405, (method, path)

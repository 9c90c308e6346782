"""Grafana itself, in a container: it takes every dashboard through its API, and has data for every panel's queries."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.filling import filled
from dashboards.dash.panels import QueryPanel
from dashboards.dash.render import as_json
from dashboards.lint.page import Page, Panel, Target
from tests.dashboards.asking import Span, everything
from tests.dashboards.demo import demo, warmed_up
from tests.processes import free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = 30
VERSIONS = ("10.4.19", "12.2.0")
"""The oldest that is supported, and a recent one."""


def docker_or_skip() -> None:
    """Skip where no container can be started, and say what is missing."""
    docker = pytest.importorskip("docker", reason="the Python package docker is not installed")
    try:
        docker.from_env(timeout=5).ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine can be reached, so Grafana cannot be started: {error}")


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=VERSIONS)
async def grafana(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with Grafana as administrator; its data source `prometheus` is the one that scrapes the demo."""
    docker_or_skip()
    from testcontainers.core.container import DockerContainer

    async with AsyncExitStack() as stack:
        prometheus = (await stack.enter_async_context(demo(tmp_path_factory.mktemp("grafana")))).prometheus
        port = free_port()
        container = DockerContainer(f"grafana/grafana:{request.param}").with_kwargs(network_mode="host")  # where the demo's Prometheus listens
        stack.enter_context(container.with_env("GF_SERVER_HTTP_ADDR", "127.0.0.1").with_env("GF_SERVER_HTTP_PORT", str(port)))
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}", auth=aiohttp.BasicAuth("admin", "admin")))
        await answering(session)
        source = {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "access": "proxy", "url": prometheus.url, "isDefault": True}
        async with session.post("/api/datasources", json=source) as done:
            assert done.status == 200, await done.text()
        await warmed_up(prometheus, SECONDS)
        yield session


async def answering(session: aiohttp.ClientSession) -> None:
    """Wait until Grafana has started."""
    async with asyncio.timeout(120):
        while True:
            try:
                async with session.get("/api/health") as health:
                    if health.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.5)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.title)
async def test_it_takes_each_dashboard_and_has_data(board: Board, grafana: aiohttp.ClientSession) -> None:
    raw = as_json(board)
    async with grafana.post("/api/dashboards/db", json={"dashboard": raw, "overwrite": True}) as done:
        assert done.status == 200, await done.text()
    async with grafana.get(f"/api/dashboards/uid/{board.uid}") as got:
        kept = (await got.json())["dashboard"]
    assert [panel["title"] for panel in kept["panels"]] == [panel["title"] for panel in Page(raw).raw["panels"]]
    page, end = Page(kept), time.time()
    patient = {panel.title for panel in board.panels if isinstance(panel, QueryPanel) and panel.may_be_empty}
    span = Span(end - SECONDS, end, step_seconds=3)
    for panel in page.panels:
        answers = [await asked(grafana, panel, target, page, span) for target in panel.targets]
        assert any(answers) or not answers or panel.title in patient, f"{panel.title}: no data"


async def asked(grafana: aiohttp.ClientSession, panel: Panel, target: Target, page: Page, span: Span) -> bool:
    """Whether Grafana has values for a query."""
    expr = filled(target.expr, {**everything(page), **span.variables})
    query = target.raw | {"expr": expr, "datasource": {"uid": "prometheus"}, "intervalMs": 3000, "maxDataPoints": 200}
    body = {"queries": [query], "from": str(round(span.start * 1000)), "to": str(round(span.end * 1000))}
    async with grafana.post("/api/ds/query", json=body) as answered:
        assert answered.status == 200, f"{panel.title}: {await answered.text()}"
        frames = (await answered.json())["results"][target.raw["refId"]]["frames"]
    return any(column for frame in frames for column in frame["data"]["values"])

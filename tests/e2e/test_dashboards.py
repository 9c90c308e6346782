"""Every query of every dashboard, asked of a real Prometheus that scrapes the exporter on three simulated engines."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.filling import filled
from dashboards.dash.panels import QueryPanel
from dashboards.dash.render import as_json
from dashboards.lint.page import Page
from tests.dashboards.asking import Prometheus, Span, everything
from tests.dashboards.demo import demo, warmed_up

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]
SECONDS = 25
"""How long rules have told of all engines before it is looked at."""
EACH = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.title)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    async with demo(tmp_path_factory.mktemp("dashboards")) as running:
        await warmed_up(running, SECONDS)
        yield running


async def empty(board: Board, prometheus: Prometheus, values: Mapping[str, str]) -> list[str]:
    """The queries that answer nothing, but for panels that say why they may be empty, and looks back beyond the start."""
    page = Page(as_json(board))
    patient = {panel.title for panel in board.panels if isinstance(panel, QueryPanel) and panel.may_be_empty}
    end = await prometheus.now()
    span = Span(end - SECONDS, end)
    found = []
    for panel, target in page.targets:
        answer = await prometheus.target(target, {**everything(page), **values}, span)
        if not answer and panel.title not in patient and " offset " not in target.expr:
            found.append(f"{panel.title}, query {target.raw['refId']}: no data; correct the query, or say in `may_be_empty` why: {target.expr}")
    return found


@EACH
async def test_every_panel_has_data(board: Board, prometheus: Prometheus) -> None:
    assert await empty(board, prometheus, {}) == []


@EACH
@pytest.mark.parametrize("target", ["vllm", "tgi", "ollama"])
async def test_every_query_is_taken_for_one_target(board: Board, target: str, prometheus: Prometheus) -> None:
    await empty(board, prometheus, {"target": target, "backend": target})


@EACH
async def test_every_variable_has_values_and_every_annotation_is_taken(board: Board, prometheus: Prometheus) -> None:
    page = Page(as_json(board))
    values = everything(page)
    for variable in page.variables:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), *(\w+)\)", variable["definition"], re.DOTALL)
            assert asked is not None, variable["definition"]
            there = {labels.get(asked[2]) for labels in await prometheus.labels(filled(asked[1], values))} - {None}
            assert there, f"{variable['name']} has no values: {variable['definition']}"
    for annotation in page.annotations:
        await prometheus.instant(filled(annotation["expr"], values))


async def test_a_query_without_data_is_found(prometheus: Prometheus) -> None:
    board = BOARDS[0]
    patient = [panel.title for panel in board.panels if isinstance(panel, QueryPanel) and panel.may_be_empty]
    found = await empty(board, prometheus, {"target": "nobody"})
    assert any(line.startswith("Who answers, query A: no data; ") for line in found)
    assert not any(line.startswith(f"{title}, ") for line in found for title in patient)


async def test_a_query_that_is_not_taken_is_said(prometheus: Prometheus) -> None:
    with pytest.raises(AssertionError, match="histogram_quantile"):
        await prometheus.instant("histogram_quantile(0.5)")

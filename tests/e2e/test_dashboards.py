"""Every query of every dashboard, asked of a real Prometheus that scrapes the exporter on a simulated engine of each kind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import pytest_asyncio

from alerts import recordings
from dashboards.boards import BOARDS
from dashboards.dash.board import Board
from dashboards.dash.filling import filled
from dashboards.dash.panels import QueryPanel
from dashboards.dash.render import as_json
from dashboards.lint.page import Page, Panel
from dashboards.lint.series import find
from tests.dashboards.asking import Prometheus, Span, everything
from tests.dashboards.demo import CONVERTS, ENGINES, JOB, Demo, demo, warmed_up
from tests.processes import prometheus_binary, prometheus_version

pytestmark = [pytest.mark.prometheus, pytest.mark.asyncio(loop_scope="module")]
SECONDS = 15
"""How long rules have told of all engines before it is looked at."""
NOT_HERE = (recordings.FIRST_CONTENT.name, recordings.GONE.name, recordings.GONE_SLO.name)
"""What is recorded of models that reason, and of targets that are gone."""
EACH = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.title)


def chooses() -> bool:
    """Whether the Prometheus here is told job by job in which form it keeps histograms."""
    return prometheus_version(prometheus_binary()) >= (3, 8)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Demo]:
    async with demo(tmp_path_factory.mktemp("dashboards"), more_jobs=CONVERTS if chooses() else {}) as started:
        await warmed_up(started.prometheus, SECONDS)
        yield started


@pytest.fixture(scope="module")
def prometheus(running: Demo) -> Prometheus:
    return running.prometheus


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def past(running: Demo) -> Span:
    """The last of what Prometheus was told, of which there is all: whether a query is taken takes no more chats."""
    span = await latest(running.prometheus)
    await running.end_chats()
    return span


async def latest(prometheus: Prometheus) -> Span:
    end = await prometheus.now()
    return Span(end - SECONDS, end, step_seconds=3)


async def empty(page: Page, panels: Sequence[Panel], prometheus: Prometheus, values: Mapping[str, str], span: Span) -> list[Panel]:
    """Those of the panels of which no query answers anything. Every query is asked."""
    found = []
    for panel in panels:
        answers = [await prometheus.target(target, {**everything(page), **values}, span) for target in panel.targets]
        if answers and not any(answers):
            found.append(panel)
    return found


def impatient(board: Board, page: Page) -> list[Panel]:
    """The panels that do not say why they may be empty."""
    patient = {panel.title for panel in board.panels if isinstance(panel, QueryPanel) and panel.may_be_empty}
    return [panel for panel in page.panels if panel.title not in patient]


@EACH
async def test_every_panel_has_data(board: Board, prometheus: Prometheus) -> None:
    await has_data(board, prometheus)


async def has_data(board: Board, prometheus: Prometheus) -> None:
    page = Page(as_json(board))
    missing = impatient(board, page)
    for _ in range(30):  # one lost scrape on a busy machine takes what is there now away until the next
        missing = await empty(page, missing, prometheus, {"job": JOB}, await latest(prometheus))
        if not missing:
            break
        await asyncio.sleep(3)
    asked = {panel.title: [target.expr for target in panel.targets] for panel in missing}
    assert asked == {}, "no data; correct their queries, or say in `may_be_empty` why"


@EACH
@pytest.mark.parametrize("job", CONVERTS)
async def test_every_query_answers_of_native_histograms_too(board: Board, job: str, prometheus: Prometheus) -> None:
    if not chooses():
        pytest.skip("this Prometheus is not told job by job; tests/real/prometheus/install installs one that is")
    for _ in range(30):
        found = await answered_otherwise(board, job, prometheus)
        if not found:
            break
        await asyncio.sleep(3)
    assert found == []


async def answered_otherwise(board: Board, job: str, prometheus: Prometheus) -> list[str]:
    """Queries to which there is an answer of one form of histograms, and none of the other."""
    page = Page(as_json(board))
    span = await latest(prometheus)
    found = []
    for panel, target in page.targets:
        classic, native = [bool(await prometheus.target(target, everything(page) | {"job": of}, span)) for of in (JOB, job)]
        if classic != native:
            found.append(f"{panel.title}: {target.expr}")
    return found


async def test_every_rule_is_evaluated_and_what_engines_tell_is_recorded(prometheus: Prometheus) -> None:
    await evaluates(prometheus)


async def evaluates(prometheus: Prometheus) -> None:
    rules = await prometheus.rules()
    assert {rule["name"]: rule["lastError"] for rule in rules if rule["health"] != "ok"} == {}
    recorded = [rule["name"] for rule in rules if rule["type"] == "recording" and rule["name"] not in NOT_HERE]
    for _ in range(30):
        missing = [name for name in recorded if not await prometheus.instant(f"last_over_time({name}[{SECONDS}s])")]
        if not missing:
            break
        await asyncio.sleep(3)
    assert missing == []


@EACH
async def test_every_variable_has_values_and_every_annotation_is_taken(board: Board, prometheus: Prometheus) -> None:
    page = Page(as_json(board))
    values = everything(page)
    for variable in page.variables:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), *(\w+)\)", variable["definition"], re.DOTALL)
            assert asked is not None, variable["definition"]
            there = {labels.get(asked[2]) for labels in await prometheus.labels(filled(asked[1], values))} - {None}
            assert there or elsewhere(asked[1]), f"{variable['name']} has no values: {variable['definition']}"
    for annotation in page.annotations:
        await prometheus.instant(filled(annotation["expr"], values))


def elsewhere(selector: str) -> bool:
    """Whether it is of a metric that another exporter tells, which does not run here."""
    series = find(selector.partition("{")[0])
    return series is not None and series.apart


@EACH
@pytest.mark.parametrize("target", ENGINES)
async def test_every_query_is_taken_for_one_target(board: Board, target: str, prometheus: Prometheus, past: Span) -> None:
    page = Page(as_json(board))
    await empty(page, page.panels, prometheus, {"target": target, "backend": target}, past)


async def test_panels_without_data_are_found(prometheus: Prometheus, past: Span) -> None:
    page = Page(as_json(BOARDS[0]))
    found = await empty(page, page.panels, prometheus, {"target": "nobody"}, past)
    assert "Who answers" in {panel.title for panel in found}
    assert {panel.title for panel in found} - {panel.title for panel in impatient(BOARDS[0], page)}, "of panels that may be empty some are"


async def test_a_query_that_is_not_taken_is_said(prometheus: Prometheus) -> None:
    with pytest.raises(AssertionError, match="histogram_quantile"):
        await prometheus.instant("histogram_quantile(0.5)")

"""Every panel and every rule, of a real Prometheus that has the histograms of chats as native ones alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from catalogue import own
from config.version import NATIVE_PROMETHEUS
from dashboards.dash.board import Board
from tests.dashboards.asking import Prometheus
from tests.dashboards.demo import demo, warmed_up
from tests.e2e.test_dashboards import EACH, SECONDS, evaluates, has_data
from tests.processes import prometheus_binary, prometheus_version

pytestmark = [pytest.mark.prometheus, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def prometheus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prometheus]:
    if prometheus_version(prometheus_binary()) < NATIVE_PROMETHEUS:
        pytest.skip(
            "this Prometheus loses some of what rules and dashboards make of native histograms; tests/real/prometheus/install has a newer one"
        )
    async with demo(tmp_path_factory.mktemp("native"), native=True) as running:
        await warmed_up(running.prometheus, SECONDS)
        yield running.prometheus


async def test_there_are_no_classic_ones(prometheus: Prometheus) -> None:
    assert await prometheus.instant(f"histogram_count({own.TTFT.name})")
    assert not await prometheus.instant(own.TTFT.bucket)


@EACH
async def test_every_panel_has_data(board: Board, prometheus: Prometheus) -> None:
    await has_data(board, prometheus)


async def test_every_rule_is_evaluated_and_what_engines_tell_is_recorded(prometheus: Prometheus) -> None:
    await evaluates(prometheus)

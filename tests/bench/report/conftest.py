"""What all tests of charts and of the report look at: one run each, made once."""

from __future__ import annotations

import pytest

from bench.report.chart import Chart
from bench.report.charts import charts
from bench.report.seen import Seen, see
from bench.results.reading import Run
from tests.bench.report.computed import Plan, computed_run
from tests.bench.report.drawn import drawn_run

SMALL = Plan(users=(1, 16), rounds=5, chats=10, tokens=8)


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three engines at four loads."""
    return drawn_run(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="session")
def seen(drawn: Run) -> Seen:
    """The same, loaded."""
    return see(drawn)


@pytest.fixture(scope="session")
def by_name(seen: Seen) -> dict[str, Chart]:
    """Its charts, by name."""
    return {chart.name: chart for chart in charts(seen)}


@pytest.fixture(scope="session")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """vllm, tgi, which fails at times, and ollama, which has four slots: at 1 and 16 users."""
    return see(computed_run(tmp_path_factory.mktemp("results"), SMALL))

"""What all tests of charts look at: one run, made once."""

from __future__ import annotations

import pytest

from bench.report.chart import Chart
from bench.report.charts import charts
from bench.report.seen import Seen, see
from bench.results.reading import Run
from tests.bench.report.drawn import drawn_run


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

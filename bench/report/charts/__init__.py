"""The charts of a run, one file each. All of them together, in the order in which a report has them."""

from __future__ import annotations

from collections.abc import Callable

from bench.report.chart import Chart, Missing
from bench.report.charts import ttft
from bench.report.seen import Seen

Draw = Callable[[Seen], Chart | Missing]
CHARTS: dict[str, Draw] = {module.NAME: module.chart for module in (ttft,)}
"""What draws each, by its name."""


def charts(seen: Seen) -> list[Chart]:
    """All that the run has data for."""
    return [found for draw in CHARTS.values() if isinstance(found := draw(seen), Chart)]


def missing(seen: Seen) -> list[Missing]:
    """Those that it has no data for, and why."""
    return [found for draw in CHARTS.values() if isinstance(found := draw(seen), Missing)]

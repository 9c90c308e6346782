"""The charts of a run, one file each. All of them together, in the order in which a report has them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bench.report.chart import Chart, Missing
from bench.report.charts import breakdown, itl, load, queue, radar, rhythm, shift, sweep, timeline, tokens, ttft
from bench.report.seen import Seen

_IN_ORDER = (ttft, load, sweep, radar, breakdown, queue, tokens, itl, rhythm, shift, timeline)
CHARTS: dict[str, Callable[[Seen], Chart | Missing]] = {module.NAME: module.chart for module in _IN_ORDER}
"""What draws each, by its name."""


def charts(seen: Seen) -> list[Chart]:
    """All that the run has data for."""
    return draw(seen, tuple(CHARTS))[0]


def draw(seen: Seen, names: Collection[str]) -> tuple[list[Chart], list[Missing]]:
    """Those of these names that the run has data for, and the others, with the reason."""
    found = [draw_one(seen) for name, draw_one in CHARTS.items() if name in names]
    return [one for one in found if isinstance(one, Chart)], [one for one in found if isinstance(one, Missing)]

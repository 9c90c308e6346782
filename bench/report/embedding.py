"""The charts of a run as parts of its report's page. It needs the extra `report`, which the rest of a report does not."""

from __future__ import annotations

from bench.report import drawing
from bench.report.charts import CHARTS, draw
from bench.report.page import Embedded
from bench.report.seen import Seen

_HEADING = 3


def embedded(seen: Seen) -> Embedded:
    """All charts that the run has data for, and why others are not there."""
    drawn, missing = draw(seen, tuple(CHARTS))
    return Embedded(
        fragments=tuple(drawing.fragment(chart, _HEADING) for chart in drawn),
        left_out=tuple((one.title, f"{one.why}.") for one in missing),
        style=drawing.style(),
        scripts=(drawing.library(), drawing.script()),
    )

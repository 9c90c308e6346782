"""Lines and bars of a target in a panel: its colour, its marker at each point, its interval, and one entry in the legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plotly.graph_objects import Figure

from bench.report.marks import Mark
from bench.report.panels import axes

MARKER_PX = 9
_BAR = 0.22
"""How wide a bar is at most, as a share of its panel."""


def line(
    figure: Figure,
    number: int,
    name: str,
    mark: Mark,
    x: Sequence[float],
    y: Sequence[float | None],
    told: Sequence[str],
    *,
    bounds: Sequence[tuple[float | None, float | None]] | None = None,
    legend: bool = False,
    **more: Any,
) -> None:
    """A line with markers. `told` says each point in words; `bounds` are the ends of its interval, None where not known."""
    bars = None
    if bounds is not None:
        ends = [(value, *pair) for value, pair in zip(y, bounds, strict=True)]
        bars = {
            "type": "data",
            "symmetric": False,
            "thickness": 1.2,
            "width": 3,
            "color": mark.colour,
            "array": [0.0 if value is None or high is None else max(0.0, high - value) for value, _, high in ends],
            "arrayminus": [0.0 if value is None or low is None else max(0.0, value - low) for value, low, _ in ends],
        }
    attributes: dict[str, Any] = {
        "mode": "lines+markers",
        "line": {"color": mark.colour, "width": 2, "dash": mark.dash},
        "marker": {"symbol": mark.symbol, "size": MARKER_PX, "color": mark.colour},
        "error_y": bars,
    }
    figure.add_scatter(
        x=list(x),
        y=list(y),
        name=name,
        legendgroup=name,
        showlegend=legend,
        text=list(told),
        hovertemplate="%{text}<extra></extra>",
        **axes(number),
        **{**attributes, **more},
    )


def grouped(figure: Figure, groups: int, bars: int) -> None:
    """Bars of a group beside each other, no wider than a bar needs to be where there are few of them."""
    figure.update_layout(barmode="group", bargap=max(0.3, 1 - _BAR * groups * bars), bargroupgap=0.08)


def categories(labels: Sequence[str]) -> dict[str, Any]:
    """An axis of these, in this order, each once and written out as it stands, numbers too."""
    return {"type": "category", "categoryorder": "array", "categoryarray": list(labels), "showgrid": False, "tickangle": 0}

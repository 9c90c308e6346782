"""The frame of every chart: panels with titles and units, on a wide screen beside each other and on a narrow one below.

`layout.meta["narrow"]` and `["wide"]` have what changes between the two, as `Plotly.relayout` takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log10
from typing import Any

from plotly.graph_objects import Figure

from catalogue.look.inks import font, ink

_BELOW_PX, _LEGEND_PX, _GAP_PX = 52, 44, 92
"""Room below the last panel, above the first one, and between two of them, for titles and ticks."""
_BESIDE = 0.09
"""The gap between two columns, as a share of the width."""
LEFT_PX, RIGHT_PX = 60, 20
TITLE_PX = 26
TEXT_PX, SMALL_PX = 13, 12
GRID = f"{ink('line-strong').light}40"
"""Of lines behind the data: faint also where a reader asks for high contrast, which makes all lines as dark as ink."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes. `title` says what is up the y axis, with its unit; `x` what is along the other.

    `xaxis` and `yaxis` are more of Plotly's own attributes of them.
    """

    title: str
    x: str
    height_px: int = 240
    xaxis: Mapping[str, Any] = field(default_factory=dict)
    yaxis: Mapping[str, Any] = field(default_factory=dict)


def framed(panels: Sequence[Panel], *, columns: int = 1, left_px: int = LEFT_PX, right_px: int = RIGHT_PX, legend: bool = True) -> Figure:
    """An empty figure with these panels, row by row. Axes are Plotly's `x`, `x2`, …, in the same order."""
    wide, narrow = (_placed(panels, count, legend=legend) for count in (columns, 1))
    figure = Figure(layout={"template": "none"})  # Plotly's own look would shine through
    figure.update_layout(
        font={"family": font(), "size": TEXT_PX, "color": ink("ink").light},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        margin={"l": left_px, "r": right_px, "t": TITLE_PX + (_LEGEND_PX if legend else 4), "b": _BELOW_PX, "pad": 4},
        hoverlabel={
            "bgcolor": ink("surface").light,
            "bordercolor": ink("line-strong").light,
            "font": {"color": ink("ink").light, "family": font()},
            "namelength": -1,
        },
        showlegend=legend,
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "xref": "paper",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "bgcolor": "rgba(0,0,0,0)",
            "itemsizing": "trace",
            "font": {"size": TEXT_PX},
        },
        hovermode="closest",
        dragmode=False,
        meta={"wide": wide, "narrow": narrow},
    )
    for number, panel in enumerate(panels, 1):
        figure.update_layout({f"xaxis{_of(number)}": {**_axis(number, panel.x), **panel.xaxis}})
        figure.update_layout({f"yaxis{_of(number)}": {**_axis(number, ""), "anchor": f"x{_of(number)}", **panel.yaxis}})
        figure.add_annotation(
            text=panel.title,
            x=0,
            xref=f"x{_of(number)} domain",
            y=1,
            yref=f"y{_of(number)} domain",
            xanchor="left",
            yanchor="bottom",
            yshift=8,
            xshift=-left_px + 8 if columns == 1 else -8,
            showarrow=False,
            align="left",
            font={"color": ink("ink-soft").light, "size": TEXT_PX},
        )
    return reshaped(figure, wide)


def reshaped(figure: Figure, changes: Mapping[str, Any]) -> Figure:
    """The figure in one of its shapes: these are the keys of `Plotly.relayout`."""
    figure.update_layout({key.replace(".", "_"): value for key, value in changes.items()})
    return figure


def axes(number: int) -> dict[str, str]:
    """The axes of a panel, counted from 1, as a trace names them."""
    return {"xaxis": f"x{_of(number)}", "yaxis": f"y{_of(number)}"}


def vertical(figure: Figure, number: int, x: float, colour: str, *, dash: str = "dash", text: str = "", **place: Any) -> None:
    """A line over the whole height of a panel, whose x axis has a range, with its label beside it, where there is more room."""
    across = f"x{_of(number)}", f"y{_of(number)} domain"
    figure.add_shape(type="line", x0=x, x1=x, y0=0, y1=1, xref=across[0], yref=across[1], line={"color": colour, "width": 1.5, "dash": dash})
    if text:
        axis = figure.layout[f"xaxis{_of(number)}"]
        at = log10(x) if axis.type == "log" else x  # of annotations, Plotly wants the logarithm; of shapes the value
        left = at <= sum(axis.range) / 2
        side = {"xanchor": "left", "xshift": 4} if left else {"xanchor": "right", "xshift": -4}
        _label(figure, text, colour, {"x": at, "y": 1, "xref": across[0], "yref": across[1], "yanchor": "top", **side, **place})


def band(figure: Figure, number: int, low: float, high: float, colour: str) -> None:
    """A stretch of the x axis over the whole height of a panel, behind what is drawn there."""
    across = f"x{_of(number)}", f"y{_of(number)} domain"
    place = {"x0": low, "x1": high, "y0": 0, "y1": 1, "xref": across[0], "yref": across[1]}
    figure.add_shape(type="rect", fillcolor=colour, line={"width": 0}, layer="below", **place)


def horizontal(figure: Figure, number: int, y: float, colour: str, *, dash: str = "dash", text: str = "", **place: Any) -> None:
    """A line over the whole width of a panel, with its label at its right end."""
    across = f"x{_of(number)} domain", f"y{_of(number)}"
    figure.add_shape(type="line", x0=0, x1=1, y0=y, y1=y, xref=across[0], yref=across[1], line={"color": colour, "width": 1.5, "dash": dash})
    if text:
        logarithmic = figure.layout[f"yaxis{_of(number)}"].type == "log"
        at = log10(y) if logarithmic else y
        _label(
            figure,
            text,
            colour,
            {"x": 1, "y": at, "xref": across[0], "yref": across[1], "xanchor": "right", "yanchor": "bottom", "yshift": 3, **place},
        )


def _label(figure: Figure, text: str, colour: str, place: Mapping[str, Any]) -> None:
    paper = f"{ink('surface').light}cc"  # it may stand on lines
    figure.add_annotation(text=text, showarrow=False, font={"color": colour, "size": SMALL_PX}, bgcolor=paper, borderpad=1, **place)


def _of(number: int) -> str:
    return "" if number == 1 else str(number)


def _axis(number: int, title: str) -> dict[str, Any]:
    return {
        "title": {"text": title, "font": {"size": SMALL_PX, "color": ink("ink-soft").light}, "standoff": 8},
        "anchor": f"y{_of(number)}",
        "gridcolor": GRID,
        "linecolor": ink("line-strong").light,
        "zeroline": False,
        "ticks": "",
        "tickfont": {"size": SMALL_PX, "color": ink("ink-soft").light},
        "automargin": False,
        "exponentformat": "none",
        "separatethousands": True,
    }


def _placed(panels: Sequence[Panel], columns: int, *, legend: bool) -> dict[str, Any]:
    """Where each panel lies, as a share of the whole, and how high that is in pixels."""
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [max(panel.height_px for panel in row) for row in rows]
    inner = sum(heights) + _GAP_PX * (len(rows) - 1)
    changes: dict[str, Any] = {"height": inner + TITLE_PX + (_LEGEND_PX if legend else 4) + _BELOW_PX}
    width = (1 - _BESIDE * (columns - 1)) / columns
    top = float(inner)
    number = 0
    for row, height in zip(rows, heights, strict=True):
        for column, panel in enumerate(row):
            number += 1
            left = column * (width + _BESIDE)
            changes[f"xaxis{_of(number)}.domain"] = [left, min(1.0, left + width)]
            changes[f"yaxis{_of(number)}.domain"] = [max(0.0, (top - panel.height_px) / inner), top / inner]
        top -= height + _GAP_PX
    return changes

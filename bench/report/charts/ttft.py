"""How long the first token took: how the waits are spread, level by level, against what the SLO asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from plotly.graph_objects import Figure

from bench.measures import TTFT, Floats
from bench.report.chart import Chart, Missing, Table
from bench.report.loads import level_said
from bench.report.panels import Panel, axes, framed, vertical
from bench.report.scale import Scale, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.report.told import failed_note, levels_shown, values
from bench.statistics.quantiles import quantile_name
from bench.summary.shape import Known, LevelSummary, TargetAtLevel
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink
from probes.wording import listed

NAME, TITLE = "ttft", "Time to first token"
LEVELS_SHOWN = 3
_BINS = 60
_ROW_PX = 74
_HILL = 0.42
"""How high the highest hill is, as a share of its row."""
_BOX, _MEDIAN, _TAIL = 0.12, 0.27, 0.39
"""How far below the hill box and estimates lie."""
_READING = (
    "Hills: how many chats waited so long. Boxes: the middle half of them, with the median; their whiskers go from 5 % to 95 %. Below: p50 and "
    "p95, each with its 95 % interval."
)
_FEWEST = 5


def chart(seen: Seen) -> Chart | Missing:
    """A row for each engine: the hill of its waits, the box of the middle half with the median, and p95 with its interval."""
    shown = [level for level in levels_shown(seen, LEVELS_SHOWN) if any(len(values(seen, TTFT, target, level)) for target in level.targets)]
    if not shown:
        return Missing(NAME, TITLE, "no chat had a first token")
    every = [values(seen, TTFT, target, level) for level in shown for target in level.targets]
    limit = None if seen.slo is None else seen.slo.ttft_seconds
    ends = [float(end) for each in every if len(each) for end in np.quantile(each, (0.005, 1.0))]
    low, high = min(ends), max(ends)
    scale = scale_of([low, high, *([limit] if limit else [])])
    figure = _frame(seen, shown, scale, low, high, limit)
    for number, level in enumerate(shown, 1):
        if limit is not None and seen.slo is not None:
            vertical(figure, number, scale.of(limit), ink("bad").light, text=f"SLO {seen.slo.name}: {quantity(limit, 's')}" if number == 1 else "")
        for row, target in enumerate(level.targets):
            _row(figure, number, len(level.targets) - 1 - row, seen, level, target, scale)
    return Chart(NAME, TITLE, " ".join(_sentences(seen, shown)), figure, _table(shown), _READING)


def _frame(seen: Seen, shown: Sequence[LevelSummary], scale: Scale, low: float, high: float, limit: float | None) -> Figure:
    top = max(high, limit or 0.0)
    if scale.logarithmic:
        xaxis = logarithmic_axis(scale.of(low * 0.9), scale.of(top * 1.1))
    else:
        xaxis = {"range": [0, scale.of(top) * 1.04]}
    longest = max(len(target.target) for level in shown for target in level.targets)
    panels = [
        Panel(
            level_said(level.name),
            f"time to first token ({scale.said})" if number == len(shown) else "",
            height_px=_ROW_PX * len(level.targets),
            xaxis=xaxis,
            yaxis={
                "tickvals": list(range(len(level.targets))),
                "ticktext": [target.target for target in reversed(level.targets)],
                "range": [-0.52, len(level.targets) - 0.5],
                "showgrid": False,
                "tickfont": {"size": 13, "color": ink("ink").light},
            },
        )
        for number, level in enumerate(shown, 1)
    ]
    return framed(panels, left_px=min(150, 30 + 7 * longest), legend=False)


def _row(figure: Figure, number: int, row: int, seen: Seen, level: LevelSummary, target: TargetAtLevel, scale: Scale) -> None:
    found, mark = values(seen, TTFT, target, level), seen.marks[target.target]
    if len(found) < _FEWEST:
        text = f"{len(found)} first tokens" if len(found) else "no first token"
        figure.add_annotation(
            text=text, x=0, y=row, xref=f"{axes(number)['xaxis']} domain", yref=axes(number)["yaxis"], xanchor="left", showarrow=False
        )
        return
    x, heights = _hill(found, scale)
    common = {"name": target.target, "hoverinfo": "skip", "showlegend": False, **axes(number)}
    figure.add_scatter(
        x=np.concatenate([x, x[[-1, 0]]]),
        y=np.concatenate([row + heights, [row, row]]),
        fill="toself",
        fillcolor=mark.faint("40"),
        mode="lines",
        line={"color": mark.colour, "width": 1},
        **common,
    )
    lower, first, median, third, upper = (scale.of(value) for value in np.quantile(found, (0.05, 0.25, 0.5, 0.75, 0.95)))
    figure.add_box(
        orientation="h",
        y=[row - _BOX],
        q1=[first],
        median=[median],
        q3=[third],
        lowerfence=[lower],
        upperfence=[upper],
        width=0.13,
        whiskerwidth=0.6,
        fillcolor=mark.faint("59"),
        line={"color": mark.colour, "width": 1.5},
        **common,
    )
    for quantile, symbol, below in ((0.5, mark.symbol, _MEDIAN), (0.95, "line-ns-open", _TAIL)):
        known = target.measures[TTFT.name].quantiles[quantile]
        _point(figure, number, row - below, target.target, known, quantile_name(quantile), symbol, mark.colour, scale)


def _point(figure: Figure, number: int, y: float, name: str, known: Known, said: str, symbol: str, colour: str, scale: Scale) -> None:
    if known.value is None or not np.isfinite(known.value):
        return
    low, high = known.interval
    bars = None
    if low is not None and high is not None and np.isfinite(high):
        bars = {
            "type": "data",
            "symmetric": False,
            "array": [scale.of(high - known.value)],
            "arrayminus": [scale.of(known.value - low)],
            "color": colour,
            "thickness": 1.5,
            "width": 5,
        }
    figure.add_scatter(
        x=[scale.of(known.value)],
        y=[y],
        mode="markers",
        error_x=bars,
        name=name,
        showlegend=False,
        hovertemplate=f"{name}<br>{said}: {_cell(known)}<extra></extra>",
        marker={
            "symbol": symbol,
            "size": 10,
            "color": colour,
            "line": {"color": ink("surface").light if symbol[-5:] != "-open" else colour, "width": 1.5},
        },
        **axes(number),
    )


def _hill(found: Floats, scale: Scale) -> tuple[Floats, Floats]:
    """The outline of a histogram, of bins that are equally wide on the axis."""
    shown = np.log10(found) if scale.logarithmic else found
    low, high = np.quantile(shown, 0.0), np.quantile(shown, 1.0)
    counts, edges = np.histogram(shown, bins=min(_BINS, max(8, int(2 * len(found) ** 0.5))), range=(low, max(high, low + 1e-9)))
    x = np.repeat(10**edges if scale.logarithmic else edges, 2)[1:-1] * scale.factor
    return x, np.repeat(counts / counts.max() * _HILL, 2)


def _sentences(seen: Seen, shown: Sequence[LevelSummary]) -> Iterator[str]:
    level = seen.focus if seen.focus in shown else shown[0]
    assert level is not None
    told = [
        f"{quantity(middle, 's')} with {target.target}" + ("" if late is None else f" (p95 {quantity(late, 's')})")
        for target in level.targets
        if (spread := target.measures.get(TTFT.name)) is not None and (middle := spread.quantiles[0.5].value) is not None
        for late in [spread.quantiles[0.95].value]
    ]
    if told:
        yield f"At {level_said(level.name)} half of the first tokens came within {listed(told)}."
    else:
        yield f"At {level_said(level.name)} there were too few first tokens for a median."
    if seen.slo is not None and seen.slo.ttft_seconds is not None:
        limit = seen.slo.ttft_seconds
        within = [
            f"{percent(float((found <= limit).mean()))} of those of {target.target}"
            for target in level.targets
            if len(found := values(seen, TTFT, target, level))
        ]
        yield f"The target of {quantity(limit, 's')} was met by {listed(within)}."
    yield from failed_note(shown)


def _table(shown: Sequence[LevelSummary]) -> Table:
    rows = [
        (level_said(level.name), target.target, f"{spread.chats:,}", *(_cell(spread.quantiles[quantile]) for quantile in (0.5, 0.9, 0.95, 0.99)))
        for level in shown
        for target in level.targets
        if (spread := target.measures.get(TTFT.name)) is not None
    ]
    return Table(("Level", "Engine", "Chats", "p50", "p90", "p95", "p99"), tuple(rows))


def _cell(known: Known) -> str:
    if known.value is None:
        return "too few chats"
    low, high = known.interval
    return quantity(known.value, "s") + (f" ({quantity(low, 's')} to {quantity(high, 's')})" if low is not None and high is not None else "")

"""The run as it went: waits and failures over its time, with what counts for nothing marked as such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

import numpy as np
from plotly.graph_objects import Figure

from bench.chat import Chat
from bench.measures import Floats, attempt
from bench.report.chart import Chart, Missing, Table
from bench.report.loads import level_said
from bench.report.marks import Mark
from bench.report.over_time import Bins, Fates, Span, binned, fates_of, spans_of
from bench.report.panels import Panel, axes, band, framed
from bench.report.scale import Scale, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.summary.words import quantity
from catalogue.look.inks import ink
from probes.wording import counted, listed

NAME, TITLE = "timeline", "The run as it went"
_DRIFTS_TOLD = 2
_LABEL_ROOM = 0.09
"""How far apart the names of levels are at least, as a share of the width."""
_ALONG = "time since the run began (s)"
_WARM_UP, _UNSTEADY = f"{ink('ink-faint').light}40", f"{ink('warn').light}33"
_READING = (
    "Each point is the median of the chats that began in that time, and the thin line above it their longest wait. Grey is warm-up and yellow "
    "what came before a block was steady: chats that began there count for nothing, like those that the end of a block cut off. Gaps are pauses"
    " between blocks."
)


def chart(seen: Seen) -> Chart | Missing:
    """Two panels over the time of the run; one of them, where the other would be empty."""
    spans = spans_of(seen)
    waits = {target: bins for target in seen.backends if len((bins := binned(seen, target, spans)).at)}
    lost = {target: fates for target in seen.backends if (fates := fates_of(seen, target, spans)).any()}
    if not spans or not (waits or lost):
        return Missing(NAME, TITLE, "the run has no block with chats in it")
    every = np.concatenate([np.empty(0), *(ends for bins in waits.values() for ends in (bins.middle, bins.longest))])
    scale = scale_of(every.tolist())
    across = {"range": [0, 1.01 * max(span.end for span in spans.values())], "showgrid": False, "nticks": 8}
    panels = [*([_wait_panel(every[np.isfinite(every)], scale, across)] if waits else []), *([_lost_panel(across)] if lost else [])]
    figure = framed(panels)
    _shade(figure, list(spans.values()), len(panels))
    for target, bins in waits.items():
        _wait(figure, target, seen.marks[target], bins, scale)
    for target, fates in lost.items():
        _lose(figure, len(panels), target, seen.marks[target], fates, legend=target not in waits)
    return Chart(NAME, TITLE, " ".join(_sentences(seen, spans)), figure, _table(seen), _READING)


def _wait_panel(waits: Floats, scale: Scale, across: Mapping[str, Any]) -> Panel:
    low, high = scale.of(float(waits.min())), scale.of(float(waits.max()))
    yaxis = logarithmic_axis(low * 0.8, high * 1.4) if scale.logarithmic else {"rangemode": "tozero"}
    return Panel(f"Time to first token, median and longest ({scale.said})", _ALONG, height_px=280, xaxis=across, yaxis=yaxis)


def _lost_panel(across: Mapping[str, Any]) -> Panel:
    title = "Chats that failed (filled), or were cut off by the end of a block (pale)"
    return Panel(title, _ALONG, height_px=120, xaxis=across, yaxis={"rangemode": "tozero", "nticks": 4})


def _shade(figure: Figure, spans: Sequence[Span], panels: int) -> None:
    for begin, end, colour in [(span.begin, span.warm, _WARM_UP) for span in spans] + [(span.warm, span.steady, _UNSTEADY) for span in spans]:
        if end > begin:
            for number in range(1, panels + 1):
                band(figure, number, begin, end, colour)
    begins: dict[str, float] = {}
    for span in spans:
        begins.setdefault(span.level, span.begin)
    end, labelled = max(span.end for span in spans), -inf
    line, font = {"color": ink("line-strong").light, "width": 1}, {"size": 11, "color": ink("ink-soft").light}
    for level, begin in begins.items():
        figure.add_shape(type="line", x0=begin, x1=begin, y0=0, y1=1.02, xref="x", yref="y domain", line=line)
        if begin - labelled >= _LABEL_ROOM * end:
            labelled, text = begin, level_said(level)
            figure.add_annotation(
                text=text, x=begin, y=1, xref="x", yref="y domain", xanchor="left", yanchor="top", xshift=3, showarrow=False, font=font
            )


def _wait(figure: Figure, target: str, mark: Mark, bins: Bins, scale: Scale) -> None:
    told = [
        f"{target}<br>median {quantity(middle, 's')}, longest {quantity(longest, 's')}" if middle == middle else ""
        for middle, longest in zip(bins.middle.tolist(), bins.longest.tolist(), strict=True)
    ]
    figure.add_scatter(
        x=bins.at,
        y=bins.longest * scale.factor,
        name=target,
        legendgroup=target,
        showlegend=False,
        mode="lines",
        hoverinfo="skip",
        opacity=0.55,
        line={"color": mark.colour, "width": 1, "dash": mark.dash},
        **axes(1),
    )
    figure.add_scatter(
        x=bins.at,
        y=bins.middle * scale.factor,
        name=target,
        legendgroup=target,
        mode="lines+markers",
        line={"color": mark.colour, "width": 1.5, "dash": mark.dash},
        marker={"symbol": mark.symbol, "size": 6, "color": mark.colour},
        text=told,
        hovertemplate="%{text}<extra></extra>",
        **axes(1),
    )


def _lose(figure: Figure, number: int, target: str, mark: Mark, fates: Fates, *, legend: bool) -> None:
    for counts, fill, said in ((fates.failed, mark.colour, "failed"), (fates.cut, mark.faint("33"), "cut off")):
        shown = counts > 0
        if not shown.any():
            continue
        figure.add_bar(
            x=fates.at[shown],
            y=counts[shown],
            name=target,
            legendgroup=target,
            showlegend=legend,
            marker={"color": fill, "line": {"color": mark.colour, "width": 1}},
            width=fates.width_seconds,
            hovertemplate=f"{target}: %{{y}} {said}<extra></extra>",
            **axes(number),
        )
        legend = False
    figure.update_layout(barmode="stack", bargap=0)


def _sentences(seen: Seen, spans: dict[int, Span]) -> Iterator[str]:
    chats = [chat for one in seen.measured for chat in one.chats]
    counting = sum(attempt(chat) for target in seen.samples.values() for chat in target.attempts)
    aside = Counter(_aside(seen, chat) for chat in chats)
    told = [
        f"{aside[why]:,} {words}"
        for why, words in (
            ("warm-up", "began in warm-ups"),
            ("unsteady", "before the load was steady"),
            ("cut", "were cut off by the end of a block"),
            ("own fault", "failed by chatprobe's own fault"),
            ("loading", "waited for the model to be loaded"),
        )
        if aside[why]
    ]
    yield f"{counted(len(chats), 'chat')} in {counted(len(spans), 'block')}; {counting:,} count."
    if told:
        yield f"Of the others {listed(told)}."
    drifts = [
        f"At {level_said(level.name)} {trend.words} ({target.target})."
        for level in seen.levels.values()
        for target in level.targets
        for trend in target.drift
        if trend.drifted
    ]
    yield from drifts[:_DRIFTS_TOLD]


def _aside(seen: Seen, chat: Chat) -> str:
    if chat.place.warm_up:
        return "warm-up"
    if chat.outcome == "cut":
        return "cut"
    level = seen.levels.get(chat.place.level)
    if level is not None and chat.place.since_seconds < level.steady.from_seconds:
        return "unsteady"
    if attempt(chat):
        return "counts"
    return "loading" if chat.loaded else "own fault"


def _table(seen: Seen) -> Table:
    rows = [
        (
            level_said(level.name),
            target.target,
            f"{counts.attempts:,}",
            f"{counts.ok:,}",
            f"{counts.failed:,}",
            f"{counts.unsent:,}",
            f"{counts.warm_up:,}",
            f"{counts.unsteady:,}",
            f"{counts.cut:,}",
        )
        for level in seen.levels.values()
        for target in level.targets
        for counts in [target.counts]
    ]
    return Table(("Level", "Engine", "Count", "Succeeded", "Failed", "Not sent", "Warm-up", "Not steady yet", "Cut off"), tuple(rows))

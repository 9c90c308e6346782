"""The run as it went: waits and failures over its time, with what counts for nothing marked as such."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from plotly.graph_objects import Figure

from bench.chat import Chat
from bench.measures import TTFT, Floats, attempt
from bench.report.chart import Chart, Missing, Table
from bench.report.marks import Mark
from bench.report.panels import Panel, axes, framed
from bench.report.scale import Scale, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.summary.words import quantity
from catalogue.look.inks import ink
from probes.wording import counted, listed

NAME, TITLE = "timeline", "The run as it went"
_BINS_AT_MOST = 240
"""Of one target, over the whole run: a longer one has wider bins."""
_BIN_SECONDS = 1.0
_WAIT, _FATE = 1, 2
_WARM_UP, _UNSTEADY = f"{ink('ink-faint').light}40", f"{ink('warn').light}33"
_READING = (
    "Each point is the median of the chats that began in that time, and the thin line above it their longest wait. Grey is warm-up and yellow what came before a block was "
    "steady: chats that began there count for nothing, like those that the end of a block cut off. Gaps are pauses between blocks."
)


@dataclass(frozen=True, slots=True)
class Span:
    """A block in the time of the run, in seconds since it began: its warm-up, and the end of what was not steady yet."""

    level: str
    begin: float
    warm: float
    steady: float
    end: float


@dataclass(frozen=True, slots=True)
class Bins:
    """Waits in seconds for the chats that began in equal parts of the run: their middle, and the longest. Nan separates blocks."""

    at: Floats
    middle: Floats
    longest: Floats


def chart(seen: Seen) -> Chart | Missing:
    """Two panels over the time of the run."""
    spans = _spans(seen)
    waits = {target: bins for target in seen.backends if len((bins := _binned(seen, target, spans)).at)}
    if not spans or not waits:
        return Missing(NAME, TITLE, "the run has no block with a first token in it")
    every = np.concatenate([np.concatenate([bins.middle, bins.longest]) for bins in waits.values()])
    scale = scale_of(every.tolist())
    fates = {target: fate for target in seen.backends if (fate := _fates(seen, target, spans))[1].any() or fate[2].any()}
    figure = _frame(every[np.isfinite(every)], scale, max(span.end for span in spans.values()), fates=bool(fates))
    _shade(figure, list(spans.values()), [_WAIT, _FATE] if fates else [_WAIT])
    for target, bins in waits.items():
        _wait(figure, target, seen.marks[target], bins, scale)
    for target, (at, failed, cut) in fates.items():
        _fate(figure, target, seen.marks[target], at, failed, cut)
    return Chart(NAME, TITLE, " ".join(_sentences(seen, spans)), figure, _table(seen), _READING)


def _spans(seen: Seen) -> dict[int, Span]:
    """The blocks, by number."""
    began = seen.run.manifest.begun_at
    blocks = {block.number: block for one in seen.measured for block in one.blocks}
    found = {}
    for entry in seen.run.manifest.blocks:
        block = blocks.get(entry.block.number)
        if block is None or block.level not in seen.levels:
            continue
        begin = (entry.begun_at - began).total_seconds()
        steady = max(block.warm_up_seconds, seen.levels[block.level].steady.from_seconds)
        found[block.number] = Span(
            block.level, begin, begin + min(block.warm_up_seconds, block.seconds), begin + min(steady, block.seconds), begin + block.seconds
        )
    return found


def _frame(waits: Floats, scale: Scale, end: float, *, fates: bool) -> Figure:
    across, along = {"range": [0, end], "showgrid": False, "nticks": 8}, "time since the run began (s)"
    yaxis = logarithmic_axis(scale.of(float(waits.min())) * 0.8, scale.of(float(waits.max())) * 1.4) if scale.logarithmic else {"rangemode": "tozero"}
    wait = Panel(f"Time to first token, median and longest ({scale.said})", along, height_px=280, xaxis=across, yaxis=yaxis)
    fate = Panel(
        "Chats that failed (filled), or were cut off by the end of a block (pale)",
        along,
        height_px=120,
        xaxis=across,
        yaxis={"rangemode": "tozero", "nticks": 4},
    )
    return framed([wait, fate] if fates else [wait])


def _shade(figure: Figure, spans: Sequence[Span], panels: Sequence[int]) -> None:
    for begin, end, colour in [(span.begin, span.warm, _WARM_UP) for span in spans] + [(span.warm, span.steady, _UNSTEADY) for span in spans]:
        if end > begin:
            for number in panels:
                figure.add_shape(
                    type="rect",
                    x0=begin,
                    x1=end,
                    y0=0,
                    y1=1,
                    xref=axes(number)["xaxis"],
                    yref=f"{axes(number)['yaxis']} domain",
                    fillcolor=colour,
                    line={"width": 0},
                    layer="below",
                )
    levels = list(dict.fromkeys(span.level for span in spans))
    for level in levels:
        mine = [span for span in spans if span.level == level]
        begin = min(span.begin for span in mine)
        figure.add_shape(
            type="line",
            x0=begin,
            x1=begin,
            y0=0,
            y1=1.02,
            xref="x",
            yref="y domain",
            line={"color": ink("line-strong").light, "width": 1},
        )
        figure.add_annotation(
            text=level,
            x=begin,
            y=1,
            xref="x",
            yref="y domain",
            xanchor="left",
            yanchor="top",
            xshift=3,
            showarrow=False,
            font={"size": 11, "color": ink("ink-soft").light},
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
        **axes(_WAIT),
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
        **axes(_WAIT),
    )


def _fate(figure: Figure, target: str, mark: Mark, at: Floats, failed: Floats, cut: Floats) -> None:
    for counts, fill, said in ((failed, mark.colour, "failed"), (cut, mark.faint("33"), "cut off")):
        if counts.any():
            shown = counts > 0
            figure.add_bar(
                x=at[shown],
                y=counts[shown],
                name=target,
                legendgroup=target,
                showlegend=False,
                marker={"color": fill, "line": {"color": mark.colour, "width": 1}},
                width=max(float(at[1] - at[0]) if len(at) > 1 else 1.0, 0.4),
                hovertemplate=f"{target}: %{{y}} {said}<extra></extra>",
                **axes(_FATE),
            )
    figure.update_layout(barmode="stack", bargap=0)


def _edges(spans: dict[int, Span]) -> Floats:
    end = max((span.end for span in spans.values()), default=1.0)
    return np.linspace(0.0, end, max(2, min(_BINS_AT_MOST, int(end / _BIN_SECONDS)) + 1))


def _binned(seen: Seen, target: str, spans: dict[int, Span]) -> Bins:
    """Of all chats that had a first token, those that count for nothing too: the picture shows where they lie."""
    chats = [(chat, wait) for chat in _chats(seen, target) if chat.place.block in spans and (wait := TTFT.of(chat)) is not None]
    edges = _edges(spans)
    blocks = np.array([chat.place.block for chat, _ in chats], dtype=np.int64)
    began = np.array([spans[chat.place.block].begin + chat.place.since_seconds for chat, _ in chats])
    waits = np.array([wait for _, wait in chats])
    places = np.searchsorted(edges, began, side="right")
    at, middle, longest = [], [], []
    for block in sorted(spans, key=lambda number: spans[number].begin):
        within = blocks == block
        for place in np.unique(places[within]):
            found = waits[within & (places == place)]
            at.append(float(np.mean(began[within & (places == place)])))
            middle.append(float(np.median(found)))
            longest.append(float(found.max()))
        if within.any():
            at, middle, longest = [*at, at[-1]], [*middle, np.nan], [*longest, np.nan]
    return Bins(*(np.array(each, dtype=np.float64) for each in (at, middle, longest)))


def _fates(seen: Seen, target: str, spans: dict[int, Span]) -> tuple[Floats, Floats, Floats]:
    """(middles of the parts of the run, chats that failed in each or were not sent, chats that were cut off)."""
    edges = _edges(spans)
    ends: dict[str, list[float]] = {"failed": [], "cut": []}
    for chat in _chats(seen, target):
        if chat.place.block in spans and chat.outcome != "ok":
            ends["cut" if chat.outcome == "cut" else "failed"].append(spans[chat.place.block].begin + chat.ended_seconds)
    failed, cut = (np.histogram(np.clip(ends[fate], edges[0], edges[-1]), edges)[0].astype(np.float64) for fate in ("failed", "cut"))
    return (edges[:-1] + edges[1:]) / 2, failed, cut


def _chats(seen: Seen, target: str) -> Iterator[Chat]:
    return (chat for one in seen.measured for chat in one.chats if chat.target == target)


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
        )
        if aside[why]
    ]
    yield f"{counted(len(chats), 'chat')} in {counted(len(spans), 'block')}; {counting:,} count."
    if told:
        yield f"Of the others {listed(told)}."
    for level in seen.levels.values():
        for target in level.targets:
            for trend in target.drift:
                if trend.drifted:
                    yield f"At {level.name}, {trend.words} ({target.target})."


def _aside(seen: Seen, chat: Chat) -> str:
    if chat.place.warm_up:
        return "warm-up"
    if chat.outcome == "cut":
        return "cut"
    level = seen.levels.get(chat.place.level)
    return "unsteady" if level is not None and chat.place.since_seconds < level.steady.from_seconds else "counts"


def _table(seen: Seen) -> Table:
    rows = [
        (
            level.name,
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

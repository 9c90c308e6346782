"""What becomes of the engines as the load grows: waiting, tokens a second, good chats, failures."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from plotly.graph_objects import Figure

from bench.measures import TTFT
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import line
from bench.report.loads import LoadAxis, Point, load_axis
from bench.report.panels import Panel, band, framed, horizontal, vertical
from bench.report.scale import Scale, from_zero, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.report.told import finite, outcome
from bench.summary.shape import Known
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink
from probes.wording import listed

NAME, TITLE = "load", "Latency, throughput, goodput and failures under load"
_KNEE_READING = "Shaded: where the knee lies, from which on more load brings no more. "
_READING = (
    "Thick lines in the first panel are p50, thin ones p95, where there were enough chats for it. Bars are 95 % intervals. Chats that failed count "
    "in the last two panels alone."
)
_WAIT, _THROUGHPUT, _GOOD, _FAILED = 1, 2, 3, 4


def chart(seen: Seen) -> Chart | Missing:
    """Four panels over the load, with the knee of each engine where the run has found one."""
    axis = load_axis(seen)
    if axis is None:
        return Missing(NAME, TITLE, "it takes two or more levels that differ in their number of users, or in their rate, alone")
    scale = scale_of(value for points in axis.points.values() for point in points for value in _waits(point))
    figure = _frame(seen, axis, scale)
    for number, (target, points) in enumerate(axis.points.items()):
        _draw(figure, seen, axis, target, points, scale)
        _knee(figure, seen, target, number)
    shaded = any(shape.type == "rect" for shape in figure.layout.shapes)
    reading = f"{_KNEE_READING if shaded else ''}{_READING}"
    return Chart(NAME, TITLE, " ".join(_sentences(seen, axis)), figure, _table(seen, axis), reading)


def _frame(seen: Seen, axis: LoadAxis, scale: Scale) -> Figure:
    waits = [scale.of(value) for points in axis.points.values() for point in points for value in _waits(point)]
    wait_axis = logarithmic_axis(min(waits) * 0.8, max(waits) * 1.25) if scale.logarithmic else from_zero(waits)
    share = {"range": [-0.04, 1.06], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]}
    most = max((_lost(point) for points in axis.points.values() for point in points), default=0.0)
    failures = share if most > 0.5 else {"range": [-0.04 * max(most, 0.05), max(1.2 * most, 0.05)], "tickformat": ".1~%", "nticks": 5}
    throughput = from_zero(point.target.throughput.value for points in axis.points.values() for point in points)
    panels = [
        Panel(f"Time to first token ({scale.said})", axis.title, xaxis=axis.attributes, yaxis=wait_axis),
        Panel("Throughput (output tokens a second)", axis.title, xaxis=axis.attributes, yaxis=throughput),
        Panel(f"Goodput (SLO {seen.slo.name})" if seen.slo else "Chats that succeeded", axis.title, xaxis=axis.attributes, yaxis=share),
        Panel("Chats that failed, or could not be sent", axis.title, xaxis=axis.attributes, yaxis=failures),
    ]
    figure = framed(panels, columns=2)
    if seen.slo is not None and seen.slo.ttft_seconds is not None and waits and scale.of(seen.slo.ttft_seconds) <= max(waits) * 1.25:
        told = f"SLO {quantity(seen.slo.ttft_seconds, 's')}"
        horizontal(figure, _WAIT, scale.of(seen.slo.ttft_seconds), ink("bad").light, text=told, x=0, xanchor="left", xshift=4)
    return figure


def _draw(figure: Figure, seen: Seen, axis: LoadAxis, target: str, points: tuple[Point, ...], scale: Scale) -> None:
    mark, amounts = seen.marks[target], [point.amount for point in points]

    def known(number: int, found: list[Known], told: str, show: Any, factor: float = 1.0, **more: Any) -> None:
        texts = [f"{target}, {axis.said(point.amount)}<br>{told}: {show(each)}" for point, each in zip(points, found, strict=True)]
        bounds = [tuple(None if end is None else finite(end * factor) for end in each.interval) for each in found]
        values = [None if each.value is None else finite(each.value * factor) for each in found]
        line(figure, number, target, mark, amounts, values, texts, **{"bounds": bounds, **more})

    def seconds(each: Known) -> str:
        return "not known" if each.value is None else quantity(each.value, "s")

    middles, tails = ([point.target.known(TTFT.name, quantile) for point in points] for quantile in (0.5, 0.95))
    known(_WAIT, middles, "p50", seconds, scale.factor, legend=True)
    thin = {"line": {"color": mark.colour, "width": 1, "dash": mark.dash}, "marker": {"symbol": mark.symbol, "size": 5, "color": mark.colour}}
    known(_WAIT, tails, "p95", seconds, scale.factor, bounds=None, **thin)
    known(_THROUGHPUT, [point.target.throughput for point in points], "throughput", lambda each: quantity(each.value or 0.0, "tokens/s"))
    known(_GOOD, [_good(seen, point) for point in points], "good", lambda each: "not known" if each.value is None else percent(each.value))
    lost = [Known(_lost(point)) for point in points]
    known(_FAILED, lost, "failed or not sent", lambda each: percent(each.value or 0.0), bounds=None)


def _knee(figure: Figure, seen: Seen, target: str, number: int) -> None:
    """A line where it lies, or a band between the levels that bracket it."""
    found = outcome(seen, "knee", target)
    if found is None or found["low"] is None:
        return
    mark = seen.marks[target]
    for panel in (_WAIT, _THROUGHPUT, _GOOD, _FAILED):
        band(figure, panel, found["low"], found["high"], mark.faint("1a"))
        label = f"knee of {target}" if panel == _THROUGHPUT else ""
        at, dash = (found["low"], "dot") if found["at"] is None else (found["at"], "dash")
        vertical(figure, panel, at, mark.colour, dash=dash, text=label, y=0, yanchor="bottom", yshift=2 + 18 * number)


def _waits(point: Point) -> Iterator[float]:
    for quantile in (0.5, 0.95):
        value = point.target.known(TTFT.name, quantile).value
        if value is not None and finite(value) is not None:
            yield value


def _good(seen: Seen, point: Point) -> Known:
    return point.target.success if seen.slo is None else point.target.goodput.get(seen.slo.name, Known(None))


def _lost(point: Point) -> float:
    counts = point.target.counts
    return (counts.failed + counts.unsent) / counts.attempts if counts.attempts else 0.0


def _sentences(seen: Seen, axis: LoadAxis) -> Iterator[str]:
    most = [
        f"{quantity(best.target.throughput.value or 0.0, 'tokens/s')} from {target}, at {axis.said(best.amount)}"
        for target, points in axis.points.items()
        for best in [max(points, key=lambda point: point.target.throughput.value or 0.0)]
    ]
    yield f"The most that came out was {listed(most)}."
    for target in axis.points:
        knee = outcome(seen, "knee", target)
        if knee is not None and knee["low"] is not None:
            where = axis.said(knee["at"]) if knee["at"] is not None else f"between {axis.said(knee['low'])} and {axis.said(knee['high'])}"
            yield f"The knee of {target} lies {'at ' if knee['at'] is not None else ''}{where}."
    yield from _under_most(seen, axis)


def _under_most(seen: Seen, axis: LoadAxis) -> Iterator[str]:
    what = f"within the SLO {seen.slo.name}" if seen.slo is not None else "successful"
    heaviest: dict[float, list[str]] = {}
    for target, points in axis.points.items():
        value = _good(seen, points[-1]).value
        if value is not None:
            heaviest.setdefault(points[-1].amount, []).append(f"{percent(value)} with {target}")
    for amount, told in heaviest.items():
        yield (
            f"At {axis.said(amount)}, {listed(told)} of the chats were {what}."
            if len(told) == 1
            else f"Chats {what} at {axis.said(amount)}: {listed(told)}."
        )


def _table(seen: Seen, axis: LoadAxis) -> Table:
    head = (
        "Engine",
        axis.title.capitalize(),
        "Chats",
        "TTFT p50",
        "TTFT p95",
        "Output tokens/s",
        "Goodput" if seen.slo else "Success",
        "Failed or not sent",
    )
    rows = [
        (
            target,
            f"{point.amount:.3g}",
            f"{point.target.counts.attempts:,}",
            *(_seconds(point.target.known(TTFT.name, quantile)) for quantile in (0.5, 0.95)),
            "-" if point.target.throughput.value is None else f"{point.target.throughput.value:,.0f}",
            "-" if (value := _good(seen, point).value) is None else percent(value),
            percent(_lost(point)),
        )
        for target, points in axis.points.items()
        for point in points
    ]
    return Table(head, tuple(rows))


def _seconds(known: Known) -> str:
    return "too few chats" if known.value is None else quantity(known.value, "s")

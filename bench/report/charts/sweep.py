"""The curves of a sweep: what is carried of what comes, where waits leave their level, and how the pace falls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from plotly.graph_objects import Figure

from bench.courses import flow
from bench.measures import TPOT, TTFT
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import line
from bench.report.loads import LoadAxis, Point, load_axis
from bench.report.panels import Panel, axes, band, framed, vertical
from bench.report.scale import Scale, from_zero, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.report.told import finite, outcome
from bench.summary.words import quantity
from catalogue.look.inks import ink
from probes.wording import figures

NAME, TITLE = "sweep", "What is carried of what is asked"
LEVELS_AT_LEAST = 4
"""Fewer make no curve, and `load` shows them."""
_CARRIED, _WAIT, _PACE = 1, 2, 3
_WAIT_QUANTILE = 0.9
_TOLD = ("search", "knee", "capacity")
"""What a course has found of a target, the first of which is told in words."""
_READINGS = {
    "knee": "First panel: dashed are the two lines that the knee is found by: one follows what is asked, the other is the most that is carried.",
    "capacity": "First panel: a triangle at the bottom is the capacity within the SLO.",
    "wait": "Second panel: shaded is where the wait leaves its level, at which its p90 is more than twice that of the lowest load.",
}
"""Of what the course has found."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One target through its levels: what was asked, and chats a second that came and that ended well; None where too few did."""

    points: tuple[Point, ...]
    offered: tuple[float | None, ...]
    carried: tuple[float | None, ...]


def chart(seen: Seen) -> Chart | Missing:
    """Three panels over the load."""
    axis = load_axis(seen)
    most = 0 if axis is None else max(len(points) for points in axis.points.values())
    if axis is None or most < LEVELS_AT_LEAST:
        return Missing(NAME, TITLE, f"it takes {LEVELS_AT_LEAST} levels that differ in their number of users, or in their rate, alone")
    curves = {target: _curve(seen, points) for target, points in axis.points.items()}
    waits, tpots = _values(axis, TTFT.name, _WAIT_QUANTILE), _values(axis, TPOT.name, 0.5)
    scale, paces = scale_of(waits), scale_of(tpots, logarithmic=False)
    figure = _frame(axis, scale, paces, waits, tpots)
    for number, (target, curve) in enumerate(curves.items()):
        _draw(figure, seen, axis, target, curve, scale, paces)
        _found(figure, seen, target, number, curve)
    kinds = {outcome["kind"] for outcome in seen.summary.outcomes}
    reading = " ".join(["Each point is a level.", *(words for kind, words in _READINGS.items() if kind in kinds)])
    return Chart(NAME, TITLE, " ".join(_sentences(seen, axis, curves)), figure, _table(axis, curves), reading)


def _values(axis: LoadAxis, measure: str, quantile: float) -> list[float]:
    """Those that are known, of all targets at all levels."""
    return [value for points in axis.points.values() for point in points if (value := point.target.known(measure, quantile).value) is not None]


def _frame(axis: LoadAxis, scale: Scale, paces: Scale, waits: Sequence[float], tpots: Sequence[float]) -> Figure:
    low, high = scale.of(min(waits, default=0.0)), scale.of(max(waits, default=0.0))
    wait_axis = logarithmic_axis(low * 0.8, high * 1.25) if scale.logarithmic else from_zero([high])
    pace_axis = from_zero(map(paces.of, tpots))
    return framed(
        [
            Panel("Chats carried a second", axis.title, height_px=280, xaxis=axis.attributes, yaxis={"rangemode": "tozero"}),
            Panel(f"Time to first token, p90 ({scale.said})", axis.title, height_px=280, xaxis=axis.attributes, yaxis=wait_axis),
            Panel(f"Time per output token, p50 ({paces.unit})", axis.title, height_px=280, xaxis=axis.attributes, yaxis=pace_axis),
        ],
        columns=3,
    )


def _curve(seen: Seen, points: tuple[Point, ...]) -> Curve:
    by_name = {one.level.name: one for one in seen.measured}
    flows = [flow.of(by_name[point.level], point.target.target) for point in points]
    return Curve(
        points,
        tuple(None if one is None else one.offered_per_second for one in flows),
        tuple(None if one is None else one.carried_per_second for one in flows),
    )


def _draw(figure: Figure, seen: Seen, axis: LoadAxis, target: str, curve: Curve, scale: Scale, paces: Scale) -> None:
    mark, amounts = seen.marks[target], [point.amount for point in curve.points]

    def told(what: str, values: Sequence[str]) -> list[str]:
        return [f"{target}, {axis.said(amount)}<br>{what}: {value}" for amount, value in zip(amounts, values, strict=True)]

    carried = ["too few chats" if value is None else f"{value:.3g} chats/s" for value in curve.carried]
    line(figure, _CARRIED, target, mark, amounts, list(curve.carried), told("carried", carried), legend=True)
    for number, measure, quantile, on in ((_WAIT, TTFT, _WAIT_QUANTILE, scale), (_PACE, TPOT, 0.5, paces)):
        found = [point.target.known(measure.name, quantile) for point in curve.points]
        values = [None if each.value is None else finite(on.of(each.value)) for each in found]
        bounds = [tuple(None if end is None else finite(on.of(end)) for end in each.interval) for each in found]
        texts = told(f"{measure.short} p{quantile * 100:g}", ["too few chats" if each.value is None else quantity(each.value, "s") for each in found])
        line(figure, number, target, mark, amounts, values, texts, bounds=[(low, high) for low, high in bounds])


def _found(figure: Figure, seen: Seen, target: str, number: int, curve: Curve) -> None:
    """What the course has found of a target, where it lies."""
    mark = seen.marks[target]
    knee, wait, capacity = (outcome(seen, kind, target) for kind in ("knee", "wait", "capacity"))
    if knee is not None and knee["at"] is not None:
        most, at, (first, last) = knee["carried_per_second"], knee["at"], (curve.points[0].amount, curve.points[-1].amount)
        steps = [first * (at / first) ** (step / 20) for step in range(21)] + [last]
        figure.add_scatter(
            x=steps,
            y=[most * min(1.0, step / at) for step in steps],
            mode="lines",
            line={"color": mark.colour, "width": 1, "dash": "dash"},
            hoverinfo="skip",
            name=target,
            legendgroup=target,
            showlegend=False,
            **axes(_CARRIED),
        )
        vertical(figure, _CARRIED, at, mark.colour, dash="dot", text=f"knee of {target}: {at:.3g}", y=0, yanchor="bottom", yshift=16 + 18 * number)
    if wait is not None:
        band(figure, _WAIT, wait["low"], wait["high"], mark.faint("1f"))
    at_most = None if capacity is None else capacity.get("at_rate") or capacity["users"]
    if at_most is not None:
        figure.add_scatter(
            x=[at_most],
            y=[0],
            mode="markers",
            marker={"symbol": "triangle-down", "size": 13, "color": mark.colour, "line": {"color": ink("surface").light, "width": 1}},
            name=target,
            legendgroup=target,
            showlegend=False,
            cliponaxis=False,
            hovertemplate=f"capacity of {target}<extra></extra>",
            **axes(_CARRIED),
        )


def _sentences(seen: Seen, axis: LoadAxis, curves: Mapping[str, Curve]) -> Iterator[str]:
    for target, curve in curves.items():
        found = [str(each["words"]) for kind in _TOLD for each in seen.summary.outcomes if (each["kind"], each["target"]) == (kind, target)]
        carried = [(value, point.amount) for value, point in zip(curve.carried, curve.points, strict=True) if value is not None]
        if found:
            yield f"{target}: {found[0]}."
        elif carried:
            most, amount = max(carried)
            yield f"{target} carried {most:.3g} chats a second at most, at {axis.said(amount)}."
        else:
            yield f"Too few chats with {target} ended in each block to tell how many were carried."


def _table(axis: LoadAxis, curves: Mapping[str, Curve]) -> Table:
    rows = [
        (
            target,
            f"{point.amount:.3g}",
            "-" if offered is None else figures(offered),
            "-" if carried is None else figures(carried),
            *(
                "too few chats" if (value := point.target.known(measure, quantile).value) is None else quantity(value, "s")
                for measure, quantile in ((TTFT.name, _WAIT_QUANTILE), (TPOT.name, 0.5))
            ),
        )
        for target, curve in curves.items()
        for point, offered, carried in zip(curve.points, curve.offered, curve.carried, strict=True)
    ]
    return Table(("Engine", axis.title.capitalize(), "Came (chats/s)", "Carried (chats/s)", "TTFT p90", "TPOT p50"), tuple(rows))

"""What one person feels of each engine, on one picture: waits, pace, pauses, and whether the answer came.

Every axis is a thing that the same person notices in the same chat. What an operator pays for, like throughput, is none of them: a shape that mixes
both says nothing. Each axis tells how many times better the best engine is, and its label says the best value with its unit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from plotly.graph_objects import Figure

from bench.measures import STALL, TPOT, TTFT, Measure, measures
from bench.report.chart import Chart, Missing, Table
from bench.report.loads import level_said
from bench.report.panels import GRID, framed
from bench.report.seen import Seen
from bench.report.told import finite
from bench.statistics.quantiles import quantile_name
from bench.summary.shape import LevelSummary, TargetAtLevel
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink
from probes.wording import listed

NAME, TITLE = "radar", "What one person feels"
_AXES_AT_LEAST = 3
_HEIGHT_PX = 460
_LINE_CHARACTERS = 15
"""Of a label, so that it has room beside the picture on a phone."""
_RINGS = (0.25, 0.5, 0.75, 1.0)
_READING = (
    "Farther out is better. The outer ring is the best of these engines on each axis, whose value stands there; halfway in is half as good, "
    "which is a wait twice as long. Areas mean nothing: compare one axis at a time."
)


@dataclass(frozen=True, slots=True)
class Spoke:
    """One axis: what it measures, and each engine's value. `unit` is that of the values."""

    name: str
    measure: Measure | None
    values: Mapping[str, float]

    @property
    def best(self) -> float:
        return max(self.values.values()) if self.measure is None else min(self.values.values())

    def radius(self, target: str) -> float:
        """The share of the best that this engine reaches: 1 for the best."""
        value = self.values[target]
        if self.measure is None:
            return value / self.best if self.best else 0.0
        return self.best / value if value else 1.0

    def said(self, value: float) -> str:
        return percent(value) if self.measure is None else quantity(value, self.measure.unit)


def chart(seen: Seen) -> Chart | Missing:
    """One shape for each engine, at the level in focus."""
    level = seen.focus
    if level is None or len(level.targets) < 2:
        return Missing(NAME, TITLE, "no level has two engines to be compared")
    spokes = list(_spokes(seen, level))
    if len(spokes) < _AXES_AT_LEAST:
        return Missing(NAME, TITLE, f"there are too few chats for {_AXES_AT_LEAST} measures of all engines at {level_said(level.name)}")
    return Chart(
        NAME,
        f"{TITLE}, at {level_said(level.name)}",
        " ".join(_sentences(level, spokes)),
        _drawn(seen, level, spokes),
        _table(level, spokes),
        _READING,
    )


def _drawn(seen: Seen, level: LevelSummary, spokes: Sequence[Spoke]) -> Figure:
    figure = framed((), legend=True, left_px=70, right_px=70)
    labels = ["<br>".join((*wrap(spoke.name, _LINE_CHARACTERS), f"best {spoke.said(spoke.best)}")) for spoke in spokes]
    for target in level.targets:
        mark, name = seen.marks[target.target], target.target
        radii = [spoke.radius(name) for spoke in spokes]
        told = [f"{name}<br>{spoke.name}: {spoke.said(spoke.values[name])}" for spoke in spokes]
        figure.add_scatterpolar(
            r=[*radii, radii[0]],
            theta=[*labels, labels[0]],
            name=name,
            mode="lines+markers",
            text=[*told, told[0]],
            hovertemplate="%{text}<extra></extra>",
            line={"color": mark.colour, "width": 2, "dash": mark.dash},
            marker={"symbol": mark.symbol, "size": 9, "color": mark.colour},
            fill="toself",
            fillcolor=mark.faint("1a"),
        )
    text = {"size": 12, "color": ink("ink").light}
    figure.update_layout(
        polar={
            "bgcolor": "rgba(0,0,0,0)",
            "domain": {"x": [0, 1], "y": [0, 1]},
            "radialaxis": {
                "range": [0, 1.04],
                "tickvals": list(_RINGS),
                "ticktext": ["¼", "½", "¾", "best"],
                "gridcolor": GRID,
                "linecolor": GRID,
                "angle": 90 - 180 / len(spokes),
                "tickangle": 0,
                "tickfont": {"size": 11, "color": ink("ink-faint").light},
            },
            "angularaxis": {
                "gridcolor": GRID,
                "linecolor": ink("line-strong").light,
                "tickfont": text,
                "rotation": 90,
                "direction": "clockwise",
            },
        },
        margin={"t": 96, "b": 44, "l": 90, "r": 90},
        height=_HEIGHT_PX,
        meta={
            "wide": {"height": _HEIGHT_PX, "margin.l": 90, "margin.r": 90},
            "narrow": {"height": _HEIGHT_PX - 60, "margin.l": 76, "margin.r": 76, "polar.angularaxis.tickfont.size": 10},
        },
    )
    return figure


def _spokes(seen: Seen, level: LevelSummary) -> Iterator[Spoke]:
    answer = next(measure for measure in measures(seen.summary.answer_tokens) if measure.name == "answer")
    for measure, quantile in ((TTFT, 0.5), (TTFT, 0.95), (TPOT, 0.5), (TPOT, 0.95), (STALL, 0.95), (answer, 0.5)):
        values = {target.target: value for target in level.targets if (value := _value(target, measure, quantile)) is not None}
        if len(values) == len(level.targets):
            yield Spoke(f"{measure.short} {quantile_name(quantile)}", measure, values)
    slo = seen.slo
    shares = {target.target: target.success.value if slo is None else target.goodput[slo.name].value for target in level.targets}
    known = {target: share for target, share in shares.items() if share is not None}
    if len(known) == len(shares):
        yield Spoke("success" if slo is None else f"share within SLO {slo.name}", None, known)


def _value(target: TargetAtLevel, measure: Measure, quantile: float) -> float | None:
    value = target.known(measure.name, quantile).value
    return None if value is None else finite(value)


def _sentences(level: LevelSummary, spokes: Sequence[Spoke]) -> Iterator[str]:
    for target in level.targets:
        name = target.target
        best = [spoke.name for spoke in spokes if spoke.radius(name) == 1 and len(set(spoke.values.values())) > 1]
        worst = min(spokes, key=lambda spoke: spoke.radius(name))
        first = f"{name} is the best in {listed(best)}" if best else f"{name} is the best in none of these"
        last = (
            f", farthest from the best in {worst.name}: {worst.said(worst.values[name])} where the best has {worst.said(worst.best)}"
            if worst.radius(name) < 1
            else ""
        )
        yield f"{first}{last}."


def _table(level: LevelSummary, spokes: Sequence[Spoke]) -> Table:
    names = [target.target for target in level.targets]
    return Table(
        ("Measure", *names),
        tuple((spoke.name, *(f"{spoke.said(spoke.values[name])} ({spoke.radius(name):.0%} of the best)" for name in names)) for spoke in spokes),
    )

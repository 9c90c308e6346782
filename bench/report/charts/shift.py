"""The shift function: how far two engines are apart for the quickest chats, the usual ones, and the slowest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.measures import qualities
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import line
from bench.report.loads import level_said
from bench.report.panels import Panel, framed, horizontal
from bench.report.scale import ratio_axis
from bench.report.seen import Seen
from bench.statistics.comparison import LEAST_ROUNDS
from bench.summary.shape import Decile, Shift
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink

NAME, TITLE = "shift", "Where in the distribution two engines differ"
_READING = (
    "Each point is a decile: at 10 % are the quickest chats, at 90 % the slowest. Above 1× the engine takes longer than the one that it is "
    "compared with; the axis is logarithmic, so that twice and half are as far from it. The bars hold for the nine deciles together, at 95 %."
)


def chart(seen: Seen) -> Chart | Missing:
    """A row for each two engines and a column for each measure, at the level in focus."""
    if len(seen.backends) < 2:
        return Missing(NAME, TITLE, "the run has one engine, and it takes two")
    level = seen.focus
    here = [shift for shift in seen.summary.shifts if level is not None and shift.level == level.name]
    told = [shift for shift in here if shift.deciles]
    if not told:
        return Missing(
            NAME, TITLE, next((shift.refused for shift in here if shift.refused), f"no two engines had one load in {LEAST_ROUNDS} rounds or more")
        )
    names = {quality.name: quality.short for quality in qualities(seen.summary.answer_tokens).values()}
    panels = [
        Panel(
            f"{names[shift.measure]}: {shift.b} against {shift.a}",
            "decile of the chats",
            height_px=200,
            xaxis={"tickvals": [decile.quantile for decile in shift.deciles], "tickformat": ".0%"},
            yaxis=_ratios(shift.deciles),
        )
        for shift in told
    ]
    figure = framed(panels, columns=min(2, len({shift.measure for shift in told})), legend=False, left_px=64)
    for number, shift in enumerate(told, 1):
        deciles = shift.deciles
        texts = [
            f"{percent(one.quantile)}: {shift.a} {quantity(one.a_value, 's')}, {shift.b} {quantity(one.b_value, 's')}<br>{_said(one)}"
            for one in deciles
        ]
        line(
            figure,
            number,
            shift.b,
            seen.marks[shift.b],
            [one.quantile for one in deciles],
            [one.ratio for one in deciles],
            texts,
            bounds=[(one.low, one.high) for one in deciles],
        )
        horizontal(figure, number, 1.0, ink("ink-soft").light, dash="solid")
    assert level is not None
    return Chart(NAME, f"{TITLE}, at {level_said(level.name)}", " ".join(_sentences(told, names)), figure, _table(told, names), _READING)


def _ratios(deciles: Sequence[Decile]) -> dict[str, Any]:
    """An axis of ratios, on which twice and half are as far from the same. Of an interval beyond it the end is cut off."""
    values = [1.0, *(one.ratio for one in deciles)]
    low, high = min(values), max(values)
    reach = max(high / low, 1.2)
    low = max(low / reach, min(low, *(one.low for one in deciles))) / 1.06
    high = min(high * reach, max(high, *(one.high for one in deciles))) * 1.06
    return ratio_axis(low, high)


def _said(one: Decile) -> str:
    return f"{one.ratio:.3g} times ({one.low:.3g} to {one.high:.3g})"


def _sentences(told: Sequence[Shift], names: Mapping[str, str]) -> Iterator[str]:
    """Of the first measure, as pairs are many; the table has all."""
    for shift in (each for each in told if each.measure == told[0].measure):
        first, last = shift.deciles[0], shift.deciles[-1]
        most = f"{_times(first)} that of {shift.a} among the quickest chats"
        yield f"{names[shift.measure]} of {shift.b} is {most}, and {_times(last)} among the slowest."


def _times(one: Decile) -> str:
    """`twice`, in a figure; of what is the same as nearly as anybody cares, in words."""
    return "about as long as" if 0.975 <= one.ratio < 1.025 else f"{one.ratio:.2g} times"


def _table(told: Sequence[Shift], names: Mapping[str, str]) -> Table:
    rows = [
        (names[shift.measure], shift.a, shift.b, f"{one.quantile:.0%}", quantity(one.a_value, "s"), quantity(one.b_value, "s"), _said(one))
        for shift in told
        for one in shift.deciles
    ]
    return Table(("Measure", "First", "Second", "Decile", "First's", "Second's", "Difference"), tuple(rows))

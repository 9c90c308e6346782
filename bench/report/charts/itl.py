"""How evenly tokens come: the share of gaps between tokens that are longer than each time, down to the rarest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from plotly.graph_objects import Figure

from bench.measures import ITL, Floats
from bench.report.chart import Chart, Missing, Table
from bench.report.loads import level_said
from bench.report.marks import Mark
from bench.report.panels import Panel, axes, framed, vertical
from bench.report.scale import Scale, logarithmic_axis, scale_of
from bench.report.seen import Seen
from bench.report.told import values
from bench.summary.shape import LevelSummary
from bench.summary.words import quantity
from catalogue.look.inks import ink
from probes.wording import listed

NAME, TITLE = "itl", "Time between tokens"
_POINTS = 160
_TICKS = {1.0: "all", 0.5: "half", 0.1: "1 in 10", 0.01: "1 in 100", 0.001: "1 in 1,000", 1e-4: "1 in 10,000", 1e-5: "1 in 100,000"}
_RAREST_OF = 10
"""The rarest share that is drawn has so many gaps: of fewer nothing can be said."""
_SHORTEST_SECONDS = 1e-4
"""Tokens that came together are drawn as if this far apart: an axis in logarithms has no zero."""
_READING = (
    "Each line says which share of the tokens came later after the one before than the time below. Both axes are logarithmic, so that the rare "
    "long gaps, which people notice, are as easily seen as the usual ones. A steeper line is a steadier engine."
)


def chart(seen: Seen) -> Chart | Missing:
    """A line for each engine, at the level in focus, from all gaps to the rarest."""
    level = seen.focus
    found = (
        {} if level is None else {target.target: gaps for target in level.targets if len(gaps := values(seen, ITL, target, level)) >= 2 * _RAREST_OF}
    )
    if level is None or not found:
        return Missing(NAME, TITLE, "no chat tells when each of its tokens came")
    return Chart(NAME, TITLE, " ".join(_sentences(seen, level, found)), _drawn(seen, level, found), _table(found), _READING)


def _drawn(seen: Seen, level: LevelSummary, found: Mapping[str, Floats]) -> Figure:
    curves = {target: _curve(gaps) for target, gaps in found.items()}
    scale = scale_of((float(end) for _, seconds in curves.values() for end in seconds[[0, -1]]), logarithmic=True)
    low = min(float(np.quantile(gaps, 0.05)) for gaps in found.values())
    high = max(float(seconds[-1]) for _, seconds in curves.values())
    rarest = min(float(shares[-1]) for shares, _ in curves.values())
    ticks = {share: said for share, said in _TICKS.items() if share >= rarest * 0.99}
    limit = None if seen.slo is None else seen.slo.tpot_seconds
    figure = framed(
        [
            Panel(
                f"Share of tokens that took longer, at {level_said(level.name)}",
                f"time since the token before ({scale.said})",
                height_px=340,
                xaxis=logarithmic_axis(scale.of(max(low, _SHORTEST_SECONDS)) * 0.8, scale.of(max(high, limit or 0.0)) * 1.15),
                yaxis={"type": "log", "tickvals": list(ticks), "ticktext": list(ticks.values()), "range": [np.log10(rarest) - 0.08, 0.06]},
            )
        ],
        left_px=96,
    )
    if limit is not None and seen.slo is not None:
        vertical(figure, 1, scale.of(limit), ink("bad").light, text=f"SLO {seen.slo.name}: {quantity(limit, 's')} a token on average")
    for target, (shares, seconds) in curves.items():
        marked = [int(np.argmin(np.abs(shares - share))) for share in ticks if share < 1]
        _line(figure, target, seen.marks[target], shares, seconds, marked, scale)
    return figure


def _line(figure: Figure, target: str, mark: Mark, shares: Floats, seconds: Floats, marked: Sequence[int], scale: Scale) -> None:
    """One engine's curve, with its marker at the places that are `marked`."""
    common = {"name": target, "legendgroup": target, **axes(1)}
    figure.add_scatter(
        x=seconds * scale.factor,
        y=shares,
        mode="lines",
        line={"color": mark.colour, "width": 2, "dash": mark.dash},
        hovertemplate=f"{target}<br>%{{y:.3%}} of the tokens took longer than %{{x:.3g}} {scale.unit}<extra></extra>",
        showlegend=False,
        **common,
    )
    figure.add_scatter(
        x=seconds[marked] * scale.factor,
        y=shares[marked],
        mode="lines+markers",
        hoverinfo="skip",
        line={"color": mark.colour, "width": 0, "dash": mark.dash},
        marker={"symbol": mark.symbol, "size": 9, "color": mark.colour},
        **common,
    )


def _curve(gaps: Floats) -> tuple[Floats, Floats]:
    """(shares, the gaps that these shares are longer than): few points, and as many for the rare gaps as for the usual ones."""
    shares = np.geomspace(1.0, max(_RAREST_OF / len(gaps), 1e-5), _POINTS)
    return shares, np.maximum(np.quantile(gaps, 1 - shares), _SHORTEST_SECONDS)


def _sentences(seen: Seen, level: LevelSummary, found: Mapping[str, Floats]) -> Iterator[str]:
    told = [
        f"{quantity(float(np.quantile(gaps, 0.5)), 's')} with {target} (1 in 100 took {quantity(float(np.quantile(gaps, 0.99)), 's')} or more)"
        for target, gaps in found.items()
    ]
    yield f"At {level_said(level.name)} half of the tokens came within {listed(told)}."
    gathered = [target.target for target in level.targets if target.target in found and target.gathered > 0.05 * max(target.counts.attempts, 1)]
    if gathered:
        yield f"Tokens from {listed(gathered)} came gathered in bursts, so that its gaps say nothing of the engine."


def _table(found: Mapping[str, Floats]) -> Table:
    shares = (0.5, 0.9, 0.99, 0.999)
    rows = [
        (
            target,
            f"{len(gaps):,}",
            *(quantity(float(np.quantile(gaps, share)), "s") if len(gaps) * (1 - share) >= _RAREST_OF else "too few tokens" for share in shares),
        )
        for target, gaps in found.items()
    ]
    return Table(("Engine", "Tokens", "p50", "p90", "p99", "p99.9"), tuple(rows))

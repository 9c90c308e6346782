"""What the tokens are worth: how fast a user reads for how much the engine gives out, and how many tokens served their users well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from plotly.graph_objects import Figure

from bench.goodput import good
from bench.measures import TPOT
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import categories, grouped
from bench.report.loads import Place, places
from bench.report.panels import Panel, axes, framed
from bench.report.seen import Seen
from bench.summary.words import percent
from catalogue.look.inks import ink
from probes.wording import figures, listed

NAME, TITLE = "tokens", "What the tokens are worth"
_PACE, _USE = 1, 2


@dataclass(frozen=True, slots=True)
class Yield:
    """One engine at one level. `per_user` and `in_all` are output tokens a second: of a chat once it has begun, and of the engine.

    The tokens are those of all chats that began in the measured time: of good ones, of others that succeeded, and of those that failed.
    """

    target: str
    level: str
    label: str
    per_user: float | None
    in_all: float | None
    good: int
    late: int
    failed: int

    @property
    def tokens(self) -> int:
        return self.good + self.late + self.failed


def chart(seen: Seen) -> Chart | Missing:
    """Two panels: pace for a user against output of the engine, and the tokens by what became of their chats."""
    across, every = places(seen)
    found = [_yield(seen, place) for place in every]
    told = [one for one in found if one.tokens]
    if not told:
        return Missing(NAME, TITLE, "no chat brought a token that was counted")
    return Chart(NAME, TITLE, " ".join(_sentences(seen, told)), _drawn(seen, told, across), _table(told, across), _reading(seen))


def _drawn(seen: Seen, told: Sequence[Yield], across: str) -> Figure:
    labels = list(dict.fromkeys(one.label for one in told))
    figure = framed(
        [
            Panel(
                "Output of the engine (tokens a second)",
                "pace for one user (tokens a second, p50)",
                height_px=300,
                xaxis={"rangemode": "tozero"},
                yaxis={"rangemode": "tozero"},
            ),
            Panel(
                f"Output tokens of chats {f'within SLO {seen.slo.name}' if seen.slo else 'that succeeded'}",
                across,
                height_px=300,
                xaxis=categories(labels),
                yaxis={"range": [0, 1.05], "tickformat": ".0%"},
            ),
        ],
        columns=2,
    )
    for target in dict.fromkeys(one.target for one in told):
        mine, mark = [one for one in told if one.target == target], seen.marks[target]
        points = [one for one in mine if one.per_user is not None and one.in_all is not None]
        figure.add_scatter(
            x=[one.per_user for one in points],
            y=[one.in_all for one in points],
            name=target,
            legendgroup=target,
            mode="lines+markers+text",
            line={"color": mark.colour, "width": 2, "dash": mark.dash},
            marker={"symbol": mark.symbol, "size": 10, "color": mark.colour},
            text=[one.level if one in (points[0], points[-1]) and len(points) > 1 else "" for one in points],
            textposition=["bottom center" if one is points[0] else "top center" for one in points],
            textfont={"size": 11, "color": ink("ink-soft").light},
            cliponaxis=False,
            hovertext=[f"{one.target}, {one.level}<br>{_pace(one.per_user)} for one user<br>{_pace(one.in_all)} in all" for one in points],
            hovertemplate="%{hovertext}<extra></extra>",
            **axes(_PACE),
        )
        figure.add_bar(
            x=[one.label for one in mine],
            y=[one.good / one.tokens for one in mine],
            name=target,
            legendgroup=target,
            showlegend=False,
            offsetgroup=target,
            marker={"color": mark.colour, "pattern": {"shape": mark.pattern, "fillmode": "overlay", "fgcolor": ink("surface").light, "size": 5}},
            hovertext=[_use(one) for one in mine],
            hovertemplate="%{hovertext}<extra></extra>",
            **axes(_USE),
        )
    grouped(figure, len(labels), len({one.target for one in told}))
    return figure


def _yield(seen: Seen, place: Place) -> Yield:
    target = place.target
    tpot = target.known(TPOT.name, 0.5).value
    tokens = {"good": 0, "late": 0, "failed": 0}
    for chat in seen.samples[target.target, place.level].attempts:
        fate = "failed" if chat.outcome != "ok" else "good" if seen.slo is None or good(chat, seen.slo) else "late"
        tokens[fate] += chat.output_tokens or int(chat.gap_tokens.sum())
    return Yield(target.target, place.said, place.label, 1 / tpot if tpot else None, target.throughput.value, **tokens)


def _reading(seen: Seen) -> str:
    worth = f"came in chats within the SLO {seen.slo.name} ({seen.slo.words})" if seen.slo else "came in chats that succeeded"
    return (
        "First panel: each point is a level of load. Farther right a user reads faster, farther up the engine gives out more; an engine that lies "
        "above and to the right of another is better at both. The pace is one over the median time per token. Second panel: the share of the "
        f"output tokens that {worth}; the rest was computed for chats that were too slow, or failed."
    )


def _pace(value: float | None) -> str:
    return "not known" if value is None else f"{figures(value)} tokens/s"


def _use(one: Yield) -> str:
    return f"{one.target}, {one.level}<br>{one.good:,} tokens of good chats, {one.late:,} of slow ones, {one.failed:,} of failed ones"


def _sentences(seen: Seen, told: Sequence[Yield]) -> Iterator[str]:
    for target in dict.fromkeys(one.target for one in told):
        mine = [one for one in told if one.target == target]
        best = max(mine, key=lambda one: one.in_all or 0.0)
        yield f"{target} gave out {_pace(best.in_all)} at {best.level}, at a pace of {_pace(best.per_user)} for one user."
    if seen.slo is not None:
        served = [
            f"{percent(sum(one.good for one in mine) / sum(one.tokens for one in mine))} of {target}"
            for target in dict.fromkeys(one.target for one in told)
            for mine in [[one for one in told if one.target == target]]
        ]
        yield f"Of all output tokens these came in chats within the SLO {seen.slo.name}: {listed(served)}."


def _table(told: Sequence[Yield], across: str) -> Table:
    rows = [
        (
            one.label,
            one.target,
            _pace(one.per_user),
            _pace(one.in_all),
            f"{one.tokens:,}",
            f"{one.good:,} ({percent(one.good / one.tokens)})",
            f"{one.late:,}",
            f"{one.failed:,}",
        )
        for one in told
    ]
    return Table(
        (across.capitalize(), "Engine", "For one user", "In all", "Tokens", "Of good chats", "Of slow chats", "Of failed chats"), tuple(rows)
    )

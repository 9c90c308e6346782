"""What the time of a chat is made of: chatprobe, the network, the engine's queue, its prefill, and the tokens themselves.

All parts are means, as these alone add up. They are the client's but for queue and prefill, which only the engine knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from plotly.graph_objects import Figure

from bench.chat import Chat
from bench.engine_side.phases import gap, split
from bench.report.chart import Chart, Missing, Table
from bench.report.loads import level_said
from bench.report.panels import Panel, framed
from bench.report.scale import scale_of
from bench.report.seen import Seen
from bench.report.told import failed_note
from bench.summary.shape import LevelSummary
from bench.summary.words import percent, quantity
from catalogue.look.inks import ink

NAME, TITLE = "breakdown", "What a chat's time is made of"
_ROW_PX = 58
_SEEN, _LABELLED = 0.003, 0.05
"""From which share of a bar on a part of it can be seen, and has room for its number."""
_TOLD = 0.01
"""From which share of a chat on a part of it is told in the sentence."""
_READING = (
    "Means of the chats that succeeded, as means add up and percentiles do not. Queue and prefill are by the engine's own account; what it does"
    " not tell is one part, the wait that is not told. Between client and engine lies what the client waited longer than the engine says: "
    "network, router, the server's front."
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a chat's time. `colour` is an ink of the look, with its opacity; `pattern` tells it apart without colour."""

    name: str
    colour: str
    pattern: str = ""


LATE = Part("late start (chatprobe)", f"{ink('ink-faint').light}66", ".")
CONNECTING = Part("connecting (network)", f"{ink('ink-faint').light}b3", "/")
BETWEEN = Part("between client and engine", f"{ink('warn').light}59", "\\")
QUEUE = Part("queue", f"{ink('bad').light}cc", "x")
PREFILL = Part("prefill", f"{ink('link').light}e6")
UNTOLD = Part("wait that is not told", f"{ink('link').light}66", "-")
DECODE = Part("tokens after the first (decode)", f"{ink('link').light}33")
PARTS = (LATE, CONNECTING, BETWEEN, QUEUE, PREFILL, UNTOLD, DECODE)
"""In the order of time."""


def chart(seen: Seen) -> Chart | Missing:
    """A bar for each engine, at the level in focus."""
    level = seen.focus
    found = {} if level is None else {target.target: parts for target in level.targets if (parts := _parts(seen, level, target.target))}
    if level is None or not found:
        return Missing(NAME, TITLE, "no chat succeeded")
    totals = {target: sum(parts.values()) for target, parts in found.items()}
    return Chart(NAME, TITLE, " ".join(_sentences(level, found, totals)), _drawn(level, found, totals), _table(found, totals), _READING)


def _drawn(level: LevelSummary, found: Mapping[str, Mapping[Part, float]], totals: Mapping[str, float]) -> Figure:
    scale = scale_of(totals.values(), logarithmic=False)
    longest = max(map(len, found))
    rows = list(found)
    figure = framed(
        [
            Panel(
                "",
                f"mean time of a chat at {level_said(level.name)} ({scale.unit})",
                height_px=_ROW_PX * len(rows),
                xaxis={"range": [0, scale.of(max(totals.values())) * 1.02]},
                yaxis={"autorange": "reversed", "showgrid": False, "tickfont": {"size": 13, "color": ink("ink").light}},
            )
        ],
        left_px=min(150, 30 + 7 * longest),
    )
    for part in PARTS:
        seconds = [found[target].get(part, 0.0) for target in rows]
        if not any(each >= _SEEN * totals[target] for target, each in zip(rows, seconds, strict=True)):
            continue  # the table has it
        figure.add_bar(
            orientation="h",
            y=rows,
            x=[scale.of(each) for each in seconds],
            name=part.name,
            width=0.62,
            marker={
                "color": part.colour,
                "pattern": {"shape": part.pattern, "size": 6, "solidity": 0.25, "fgcolor": f"{ink('ink').light}59", "fillmode": "overlay"},
                "line": {"color": ink("surface").light, "width": 1},
            },
            text=[_label(each, totals[target]) for target, each in zip(rows, seconds, strict=True)],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"size": 12, "color": ink("surface").light if part in (QUEUE, PREFILL) else ink("ink").light},
            constraintext="inside",
            hovertext=[
                f"{target}<br>{part.name}: {quantity(each, 's')} ({percent(each / totals[target])})"
                for target, each in zip(rows, seconds, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    figure.update_layout(barmode="stack", bargap=0.3, legend={"traceorder": "normal"}, uniformtext={"minsize": 10, "mode": "hide"})
    return figure


def _parts(seen: Seen, level: LevelSummary, target: str) -> dict[Part, float]:
    """Mean seconds of each part, of the chats that succeeded; empty without any."""
    chats = [chat for chat in seen.samples[target, level.name].attempts if chat.outcome == "ok" and _timed(chat)]
    if not chats:
        return {}
    wait = fmean(chat.ttft_seconds or 0.0 for chat in chats)
    until = fmean(chat.until_first_token_seconds or 0.0 for chat in chats)
    parts = {
        LATE: fmean(chat.lag_seconds for chat in chats),
        CONNECTING: max(0.0, until - wait),
        DECODE: fmean(max(0.0, (chat.e2e_seconds or 0.0) - (chat.until_first_token_seconds or 0.0)) for chat in chats),
        **_of_wait(seen, level, target, wait),
    }
    return {part: parts[part] for part in PARTS if parts.get(part)}


def _of_wait(seen: Seen, level: LevelSummary, target: str, wait: float) -> dict[Part, float]:
    """The parts of the wait for the first token, as far as the engine tells them. The rest is not told."""
    case = seen.cases.get((target, level.name))
    told = None if case is None else split(case)
    between = None if case is None else gap(case)
    left, found = wait, {}
    for part, seconds in (
        (QUEUE, told.queue.mean_seconds if told is not None and told.queue is not None else 0.0),
        (PREFILL, told.prefill.mean_seconds if told is not None and told.prefill is not None and told.prefill_by == "request" else 0.0),
        (BETWEEN, between.seconds if between is not None else 0.0),
    ):
        found[part] = min(left, max(0.0, seconds))
        left -= found[part]
    return {**found, UNTOLD: left}


def _timed(chat: Chat) -> bool:
    return None not in (chat.ttft_seconds, chat.until_first_token_seconds, chat.e2e_seconds)


def _label(seconds: float, total: float) -> str:
    return quantity(seconds, "s") if seconds >= _LABELLED * total else ""


def _sentences(level: LevelSummary, found: Mapping[str, Mapping[Part, float]], totals: Mapping[str, float]) -> Iterator[str]:
    for target, parts in found.items():
        first = sum(seconds for part, seconds in parts.items() if part is not DECODE)
        spent = [
            f"{quantity(parts[part], 's')} {words}"
            for part, words in ((LATE, "for which chatprobe was late"), (QUEUE, "in its queue"))
            if parts.get(part, 0.0) >= _TOLD * totals[target]
        ]
        waited = f", of which {' and '.join(spent)}" if spent else ""
        first_token = f"{quantity(first, 's')} to its first token{waited}"
        yield f"A chat with {target} took {quantity(totals[target], 's')} on average: {first_token}, then {quantity(totals[target] - first, 's')}."
    yield from failed_note([level])


def _table(found: Mapping[str, Mapping[Part, float]], totals: Mapping[str, float]) -> Table:
    parts: Sequence[Part] = [part for part in PARTS if any(part in each for each in found.values())]
    rows = [
        (target, *(_cell(each.get(part, 0.0), totals[target]) for part in parts), quantity(totals[target], "s")) for target, each in found.items()
    ]
    return Table(("Engine", *(part.name.capitalize() for part in parts), "In all"), tuple(rows))


def _cell(seconds: float, total: float) -> str:
    return f"{quantity(seconds, 's')} ({percent(seconds / total)})" if seconds else "-"

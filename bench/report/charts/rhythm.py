"""The rhythm of single answers: when each token of one came, of a usual answer and of one that paused long."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bench.chat import Chat
from bench.measures import Floats
from bench.report.chart import Chart, Missing, Table
from bench.report.lines import MARKER_PX
from bench.report.loads import level_said
from bench.report.panels import Panel, axes, framed
from bench.report.scale import scale_of
from bench.report.seen import Seen
from bench.summary.shape import LevelSummary
from bench.summary.words import quantity
from probes.wording import listed

NAME, TITLE = "rhythm", "The rhythm of single answers"
_TOKENS_AT_LEAST = 5
_STEPS_AT_MOST = 600
_LONG_PAUSE = 0.95
_READING = (
    "Each line is one real answer; it rises by one with each token. Flat parts are waits. The usual answer is the one with the median time per "
    "token; the other has a pause that 5 % of the answers reach."
)
Found = Mapping[str, tuple[Chat, Chat]]


def chart(seen: Seen) -> Chart | Missing:
    """Two panels: a usual answer of each engine, and one with a long pause, at the level in focus."""
    level = seen.focus
    found = (
        {} if level is None else {target.target: chosen for target in level.targets if (chosen := _chosen(seen, level, target.target)) is not None}
    )
    if level is None or not found:
        return Missing(NAME, TITLE, f"no answer that succeeded tells when each of its tokens came, or all have fewer than {_TOKENS_AT_LEAST}")
    scale = scale_of((chat.e2e_seconds or 0.0 for pair in found.values() for chat in pair), logarithmic=False)
    across = f"time since the request was sent ({scale.unit})"
    panels = [
        Panel(f"{title} (tokens so far)", across, height_px=280, xaxis={"rangemode": "tozero"}, yaxis={"rangemode": "tozero"})
        for title in ("A usual answer", "An answer with a long pause")
    ]
    figure = framed(panels, columns=2)
    for target, pair in found.items():
        mark = seen.marks[target]
        for number, chat in enumerate(pair, 1):
            seconds, tokens = _steps(chat)
            figure.add_scatter(
                x=seconds * scale.factor,
                y=tokens,
                name=target,
                legendgroup=target,
                showlegend=number == 1,
                mode="lines+markers",
                line={"color": mark.colour, "width": 2, "dash": mark.dash, "shape": "hv"},
                marker={"symbol": mark.symbol, "size": MARKER_PX, "color": mark.colour, "maxdisplayed": 4},
                hovertemplate=f"{target}<br>token %{{y}} after %{{x:.4g}} {scale.unit}<extra></extra>",
                **axes(number),
            )
    return Chart(NAME, TITLE, " ".join(_sentences(level, found)), figure, _table(found), _READING)


def _chosen(seen: Seen, level: LevelSummary, target: str) -> tuple[Chat, Chat] | None:
    """(the answer with the median TPOT, the one whose longest gap is at p95); None where none can be drawn."""
    chats = [
        chat
        for chat in seen.samples[target, level.name].attempts
        if chat.outcome == "ok"
        and len(chat.gaps_seconds) >= _TOKENS_AT_LEAST - 1
        and chat.tpot_seconds is not None
        and chat.stall_seconds is not None
    ]
    if not chats:
        return None
    by_pace = sorted(chats, key=lambda chat: chat.tpot_seconds or 0.0)
    by_pause = sorted(chats, key=lambda chat: chat.stall_seconds or 0.0)
    return by_pace[len(by_pace) // 2], by_pause[round(_LONG_PAUSE * (len(by_pause) - 1))]


def _steps(chat: Chat) -> tuple[Floats, Floats]:
    """(seconds since the request was sent, tokens until then), from none at the begin. Of a very long answer each few tokens."""
    first = max(1.0, (chat.output_tokens or 0) - float(chat.gap_tokens.sum()))
    seconds = np.concatenate([[0.0], (chat.ttft_seconds or 0.0) + np.concatenate([[0.0], np.cumsum(chat.gaps_seconds)])])
    tokens = np.concatenate([[0.0], first + np.concatenate([[0.0], np.cumsum(chat.gap_tokens)])])
    each = -(-len(seconds) // _STEPS_AT_MOST)
    return seconds[::each], tokens[::each]


def _sentences(level: LevelSummary, found: Found) -> Iterator[str]:
    usual = [f"{quantity(chat.tpot_seconds or 0.0, 's')} with {target}" for target, (chat, _) in found.items()]
    paused = [f"{quantity(chat.stall_seconds or 0.0, 's')} with {target}" for target, (_, chat) in found.items()]
    yield f"In a usual answer at {level_said(level.name)} a token came every {listed(usual)}."
    yield f"In the one with a long pause nothing came for {listed(paused)}."


def _table(found: Found) -> Table:
    rows = [
        (
            target,
            kind,
            quantity(chat.ttft_seconds or 0.0, "s"),
            quantity(chat.tpot_seconds or 0.0, "s"),
            quantity(chat.stall_seconds or 0.0, "s"),
            _tokens(chat),
            chat.request_id,
        )
        for target, pair in found.items()
        for kind, chat in zip(("usual", "long pause"), pair, strict=True)
    ]
    return Table(("Engine", "Answer", "TTFT", "TPOT", "Longest gap", "Tokens", "Request"), tuple(rows))


def _tokens(chat: Chat) -> str:
    return "-" if chat.output_tokens is None else f"{chat.output_tokens:,}"

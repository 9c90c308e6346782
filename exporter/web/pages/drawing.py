"""Small drawings as SVG that stands in the page: the course of a measure, and a chat as a waterfall.

Nothing but numbers and names of ours goes into them. They have no style attributes, which the pages' policy forbids: what
they look like says the stylesheet, by their classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from probes.record import PHASES

WIDTH, HEIGHT, INSET = 240, 48, 3
"""Of a sparkline, in units of its own: it stretches to the room that it has."""
_NEAR = 10
"""Times the highest value: what is farther away would press the line to the ground."""
SCALE = 1000
"""A waterfall's width, in units of its own."""
_ENGINE_PARTS = ("load", "queue", "prefill", "decode")


def sparkline(values: Sequence[float | None], limit: float | None = None) -> Markup:
    """The course of a measure, oldest value first, from 0 up; a dashed line at the limit. A gap is where there is no value.

    It is hidden from screen readers: the words beside it say the same.
    """
    known = [value for value in values if value is not None]
    drawn = limit if limit is not None and limit_is_drawn(values, limit) else None
    top = max((*known, drawn or 0.0), default=0.0) * 1.08
    if not known or not top:
        return Markup('<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" aria-hidden="true"></svg>').format(WIDTH, HEIGHT)
    step = WIDTH / max(1, len(values) - 1)
    runs: list[list[str]] = []
    ended = True
    for index, value in enumerate(values):
        if value is not None:
            if ended:
                runs.append([])
            runs[-1].append(f"{index * step:.1f} {_height(value / top):.1f}")
        ended = value is None
    # a lone value is a short stroke, as it would not be seen otherwise
    lines = ["M" + "L".join(run) + ("" if len(run) > 1 else "h2") for run in runs]
    areas = [f"{line}V{HEIGHT}H{run[0].partition(' ')[0]}Z" for line, run in zip(lines, runs, strict=True) if len(run) > 1]
    bound = "" if drawn is None else f'<path class="limit" d="M0 {_height(drawn / top):.1f}H{WIDTH}"/>'
    return Markup(
        f'<svg class="spark" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="area" d="{"".join(areas)}"/>{bound}<path class="line" d="{"".join(lines)}"/></svg>'
    )


def limit_is_drawn(values: Sequence[float | None], limit: float | None) -> bool:
    """Whether the limit is near enough to the values to be drawn with them."""
    return limit is not None and limit <= _NEAR * max((value for value in values if value is not None), default=0.0)


def _height(share: float) -> float:
    return HEIGHT - INSET - share * (HEIGHT - 2 * INSET)


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of a chat, in seconds from its start. `kind` is a class of the stylesheet."""

    kind: str
    begin_seconds: float
    seconds: float


def phases(record: Mapping[str, Any]) -> list[Bar]:
    """The phases that happened, each from where the one before it ended. The one in which a chat failed is marked."""
    found, offset = [], 0.0
    for name in PHASES:
        seconds = record["phases"].get(name)
        if seconds is not None:
            found.append(Bar(name, offset, seconds))
            offset += seconds
    if found and record["outcome"] == "failed":
        found[-1] = Bar(f"{found[-1].kind} broken", found[-1].begin_seconds, found[-1].seconds)
    return found


def engine_parts(record: Mapping[str, Any]) -> list[Bar]:
    """What the engine said it did. Its clock is not ours: its first token is put where ours came, and what was before it before."""
    native = record["native"]
    took = {name: native[f"{name}_seconds"] for name in _ENGINE_PARTS if native.get(f"{name}_seconds") is not None}
    first_token = _sent_after(record) + (record["ttft_seconds"] or 0.0)
    if record["ttft_seconds"] is None or not took:
        return []
    found, offset = [], max(0.0, first_token - sum(seconds for name, seconds in took.items() if name != "decode"))
    for name, seconds in took.items():
        begin = first_token if name == "decode" else offset
        found.append(Bar(f"engine-{name}", begin, seconds))
        offset = begin + seconds
    return found


def tokens(record: Mapping[str, Any]) -> list[float]:
    """When each chunk with tokens came, in seconds from the chat's start."""
    sent = _sent_after(record)
    return [sent + at for at, _ in record.get("chunks") or ()]


def _sent_after(record: Mapping[str, Any]) -> float:
    """From a chat's start to its request's first byte."""
    return sum(record["phases"].get(name) or 0.0 for name in ("resolve", "connect", "tls"))


def waterfall(record: Mapping[str, Any], longest_seconds: float) -> Markup:
    """A chat in three lanes: its phases, a tick for each chunk with tokens, and what the engine said it did.

    It is drawn to the scale of `longest_seconds`, so that chats below each other can be compared. Hidden from screen
    readers, for whom the figures stand in a table.
    """
    scale = SCALE / longest_seconds if longest_seconds > 0 else 0.0
    engine = engine_parts(record)
    lanes = "".join((*_bars(phases(record), scale, 2, 12), *_bars(engine, scale, 27, 7)))
    ticks = "".join(f"M{x} 16v7" for x in dict.fromkeys(round(at * scale, 1) for at in tokens(record)))
    kind, low = ("waterfall with-engine", 36) if engine else ("waterfall", 25)
    return Markup(
        f'<svg class="{kind}" viewBox="0 0 {SCALE} {low}" preserveAspectRatio="none" aria-hidden="true">{lanes}<path class="tick" d="{ticks}"/></svg>'
    )


def _bars(bars: Iterable[Bar], scale: float, y: int, height: int) -> Iterator[str]:
    for bar in bars:
        begin = min(SCALE - 1.0, bar.begin_seconds * scale)
        width = min(max(1.0, bar.seconds * scale), SCALE - begin)
        yield f'<rect class="{bar.kind}" x="{begin:.1f}" y="{y}" width="{width:.1f}" height="{height}"/>'


def share_bar(share: float, kind: str) -> Markup:
    """A bar that is filled to a share, between 0 and 1."""
    filled = round(max(0.0, min(1.0, share)) * 100, 1)
    return Markup(
        '<svg class="bar {}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" height="4"/>'
        '<rect class="fill" width="{}" height="4"/></svg>'
    ).format(kind, filled)


def split_bar(left: float, right: float, left_kind: str, right_kind: str) -> Markup:
    """A bar of three parts: what the left side has, what neither has, and what the right one has. Shares of the whole, and a class for each side."""
    one, other = round(left * 100, 1), round(right * 100, 1)
    return Markup(
        '<svg class="bar split" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true"><rect class="ground" width="100" height="4"/>'
        '<rect class="side {}" width="{}" height="4"/><rect class="side {}" x="{}" width="{}" height="4"/></svg>'
    ).format(left_kind, one, right_kind, round(100 - other, 1), other)

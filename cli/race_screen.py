"""A race as it is drawn on a terminal: a column for each engine, rows of columns where there are many, a line each where there are more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cli.race_look import can_show, named, style_of
from cli.waterfall import printable
from probes.wording import duration, figures
from traffic.race.figures import Figures
from traffic.race.lane import Lane

_NARROWEST_COLUMN = 24
_GAP = 3
_HEADER_LINES = 5
"""Over an answer: the engine, three lines of figures, a rule."""
_FEWEST_TEXT_LINES = 3
_FEWEST_CELLS = 8
"""Of what an engine says, where it has a line."""
_FIGURES = (20, 18)
"""Columns for `TTFT ~31.2 ms  leads` and `128 tokens, 41.2/s`, where an engine has a line."""
_PROMPT_LINES = 2
_HIGH = 30
"""From so many lines on there is room for what is not needed."""
_CHARACTERS_OF_A_TOKEN = 6
"""Enough for the words of most languages, with the space between them."""


@dataclass
class Picture:
    """What is shown. `note` stands above everything, and says what these engines are if they are no real ones."""

    title: str
    lanes: Sequence[Lane]
    most_tokens: int
    note: str = ""
    place: str = ""
    """Where in the whole this answer is: `round 2 of 5`."""
    prompt: str = ""
    first: str | None = None
    """Whose first token was first, once that is known by the records."""
    fastest: str | None = None
    """Whose time per token was lowest."""
    below: RenderableType | None = None
    foot: str = field(default="Ctrl-C ends it.")


def drawn(picture: Picture, console: Console, now_ns: int) -> RenderableType:
    """The picture at an instant, no larger than the terminal, and as high through a whole answer."""
    head, below = list(_head(picture, console)), list(_below(picture, high=console.height >= _HIGH))
    taken = sum(len(console.render_lines(part, pad=False)) for part in (*head, *below))
    body = _columns(picture, console, now_ns, lines=console.height - 1 - taken)
    return Group(*head, body, *below)


def _head(picture: Picture, console: Console) -> Iterator[RenderableType]:
    if picture.note:
        yield Text(picture.note, style="bold yellow", overflow="fold")
    head = Table.grid(expand=True)
    head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    head.add_column(no_wrap=True, justify="right")
    head.add_row(Text(picture.title, style="bold"), Text(picture.place, style="bold"))
    yield head
    for line in first_lines(f"“{' '.join(printable(picture.prompt).split())}”", console, console.width, _PROMPT_LINES) if picture.prompt else ():
        line.stylize("italic")
        yield line
    yield Text()


def _below(picture: Picture, *, high: bool) -> Iterator[RenderableType]:
    if picture.below is not None:
        yield Text()
        yield picture.below
    if picture.foot and high:
        yield Text()
        yield Text(picture.foot, style="dim", no_wrap=True, overflow="ellipsis")


def _columns(picture: Picture, console: Console, now_ns: int, *, lines: int) -> RenderableType:
    """The engines side by side, in as many rows as it takes; a line each where that leaves no room for what they say."""
    lanes = picture.lanes
    across = max(1, min(len(lanes), (console.width + _GAP) // (_NARROWEST_COLUMN + _GAP)))
    down = ceil(len(lanes) / across)
    across = ceil(len(lanes) / down)
    width = (console.width - _GAP * (across - 1)) // across
    text_lines = (lines - (down - 1)) // down - _HEADER_LINES
    if text_lines < _FEWEST_TEXT_LINES:
        return _one_line_each(picture, console, now_ns, lines=max(1, lines))
    text_lines = min(text_lines, ceil(picture.most_tokens * _CHARACTERS_OF_A_TOKEN / width) + 1)
    rows: list[RenderableType] = []
    for begin in range(0, len(lanes), across):
        grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False, collapse_padding=True)
        for _ in range(across):
            grid.add_column(width=width)
        grid.add_row(*(_column(lane, picture, console, now_ns, width, text_lines) for lane in lanes[begin : begin + across]))
        rows += [Text(), grid] if rows else [grid]
    return Group(*rows)


def _column(lane: Lane, picture: Picture, console: Console, now_ns: int, width: int, lines: int) -> RenderableType:
    name = named(lane.name, lane.backend, console)
    model = printable(lane.model)
    if model and cell_len(name.plain) + 2 < width:
        name.append(f"  {model}", style="not bold dim")
    head = [_fitting(line) for line in (name, *_measured(lane, picture, now_ns))]
    said = _said(lane, console, width, lines)
    return Group(*head, Rule(style=style_of(lane.backend), characters="─" if can_show("─", console) else "-"), *said)


def _measured(lane: Lane, picture: Picture, now_ns: int) -> tuple[Text, Text, Text]:
    """Three lines: TTFT, TPOT, tokens. They tick until the answer is over, with a tilde; then they are the record's."""
    if (waited := lane.waited_seconds(now_ns)) is not None:
        return Text(f"waiting {waited:.2f} s", style="dim"), Text(), Text()
    about = "" if lane.figures is not None else "~"
    first = _one("TTFT", lane.ttft_seconds, about, _medal(lane, picture), lane)
    pace = _one("TPOT", lane.tpot_seconds, about, "fastest" if picture.fastest == lane.name else "", lane)
    return first, pace, _rate(lane)


def _medal(lane: Lane, picture: Picture) -> str:
    """Who was first, once the records of all say it; until then, who leads by what has come."""
    if picture.first is not None:
        return "first" if picture.first == lane.name else ""
    if all(one.figures is not None for one in picture.lanes) or len(picture.lanes) < 2:
        return ""
    begun = {one.name: one.ttft_seconds for one in picture.lanes if one.ttft_seconds is not None}
    return "leads" if begun and min(begun, key=lambda name: begun[name]) == lane.name else ""


def _one(label: str, seconds: float | None, about: str, medal: str, lane: Lane) -> Text:
    if seconds is None:
        return Text()
    line = Text.assemble((f"{label} ", "dim"), f"{about}{duration(seconds)}")
    return line.append(f"  {medal}", style=style_of(lane.backend)) if medal else line


def _rate(lane: Lane) -> Text:
    tokens = lane.tokens if lane.figures is None else lane.figures.output_tokens
    if not tokens:
        return Text()
    rate = "" if lane.tokens_per_second is None else f", {figures(lane.tokens_per_second)}/s"
    return Text(f"{tokens:,} tokens{rate}")


def _said(lane: Lane, console: Console, width: int, lines: int) -> list[Text]:
    """The end of what it has said, in so many lines whatever that is."""
    trouble = trouble_of(lane.figures)
    told = answer(lane, cursor="▌" if can_show("▌", console) else "_")
    if trouble is not None:
        told = Text.assemble(told, "\n" if told.plain else "", trouble)
    shown = last_lines(told, console, width, lines)
    return [*shown, *[Text()] * (lines - len(shown))]


def _one_line_each(picture: Picture, console: Console, now_ns: int, *, lines: int) -> RenderableType:
    """A line for each engine: its name, its figures, and the end of what it says, as far as the terminal is wide enough."""
    name_cells = min(max(cell_len(lane.name) for lane in picture.lanes) + 2, console.width // 4)
    widths = [name_cells]
    for cells in (*_FIGURES, _FEWEST_CELLS):
        if sum(widths) + len(widths) * _GAP + cells <= console.width:
            widths.append(cells)
    if len(widths) == len(_FIGURES) + 2:
        widths[-1] = console.width - sum(widths[:-1]) - (len(widths) - 1) * _GAP
    grid = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    for cells in widths:
        grid.add_column(no_wrap=True, overflow="ellipsis", width=cells)
    fitting = picture.lanes if len(picture.lanes) <= lines else picture.lanes[: lines - 1]
    for lane in fitting:
        first, _, rate = _measured(lane, picture, now_ns)
        trouble = trouble_of(lane.figures)
        said = trouble if trouble is not None else _last_cells(answer(lane, cursor="").plain, widths[-1])
        grid.add_row(*(named(lane.name, lane.backend, console), first, rate, said)[: len(widths)])
    more = len(picture.lanes) - len(fitting)
    return Group(grid, _fitting(Text(f"and {more} more; a higher terminal shows them", style="dim"))) if more else grid


def trouble_of(measured: Figures | None) -> Text | None:
    """Why there is no answer; None where there is one, or none yet."""
    return None if measured is None or not measured.trouble else Text(printable(measured.trouble), style="red", overflow="fold")


def answer(lane: Lane, cursor: str) -> Text:
    """What it said so far, with its reasoning apart, and with a cursor while it goes on."""
    parts: list[str | tuple[str, str]] = []
    if lane.thoughts:
        parts.append((printable(lane.thoughts).replace("\t", "    ").strip() + "\n", "dim italic"))
    said = printable(lane.text).replace("\t", "    ").lstrip()
    told = Text.assemble(*parts, said, overflow="fold")
    if lane.began_ns is not None and lane.figures is None and lane.first_ns is not None and cursor:
        told.append(cursor, style=style_of(lane.backend))
    return told


def first_lines(text: str, console: Console, width: int, lines: int) -> list[Text]:
    """The beginning of a text in so many lines at most; where more is left out, its end says so."""
    wrapped = Text(text, overflow="fold").wrap(console, width)
    shown = [_plain(line) for line in wrapped[:lines]]
    if len(wrapped) > lines and shown:
        shown[-1].truncate(width - 1)
        shown[-1].append("…")
    return shown


def last_lines(text: Text, console: Console, width: int, lines: int) -> list[Text]:
    """The end of a text, in so many lines at most."""
    return [_plain(line) for line in text.wrap(console, width)[-lines:]]


def _last_cells(text: str, cells: int) -> Text:
    """The end of a text on one line."""
    line = " ".join(text.split())[-2 * cells :]
    while cell_len(line) > cells:
        line = line[1:]
    return Text(line)


def _plain(line: Text) -> Text:
    line.no_wrap = True
    return line


def _fitting(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ellipsis"
    return line

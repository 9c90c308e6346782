"""Shows a run while it goes on: a live screen on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import IO

import click
from rich.console import Console
from rich.live import Live

from bench.events import Event, Listener
from bench.progress.board import Board
from bench.progress.lines import Lines
from bench.progress.screen import failures, headline, left, screen, steadiness, time_of
from probes.repeating import repeating

REFRESH_SECONDS = 0.5
"""A drawing takes some time_of of the event loop, in which chats begin: so twice a second, and no more often."""
LINES_EVERY_SECONDS = 30.0


@asynccontextmanager
async def showing(board: Board, console: Console, *, live: bool | None = None) -> AsyncIterator[Listener]:
    """A listener that shows the board while the context lasts.

    `live` None: a screen where the console is a terminal that can be drawn on, else plain lines. Colours are the
    console's: rich leaves them out by `NO_COLOR`.
    """
    drawn = console.is_terminal and not console.is_dumb_terminal if live is None else live
    if drawn:
        async with _drawn(board, console) as listener:
            yield listener
    else:
        async with _told(board, partial(_say, console.file)) as listener:
            yield listener


@asynccontextmanager
async def _drawn(board: Board, console: Console) -> AsyncIterator[Listener]:
    # refreshed by the loop, which changes the board, and not by a thread of the display's own
    with Live(get_renderable=lambda: screen(board, console.width), console=console, auto_refresh=False, transient=False) as live:
        async with repeating(live.refresh, REFRESH_SECONDS):
            yield board


@asynccontextmanager
async def _told(board: Board, say: Callable[[str], None]) -> AsyncIterator[Listener]:
    """A line for each block and target when it is over, one for each half minute, and one for whatever happens."""
    lines = Lines(say)
    board.heard = say

    def listener(event: Event) -> None:
        board(event)
        lines(event)

    def say_standing() -> None:
        for line in half_minute(board):
            say(line)

    async with repeating(say_standing, LINES_EVERY_SECONDS):
        yield listener


def _say(file: IO[str], line: str) -> None:
    """A line for whoever reads along; a run goes on when nobody does any more."""
    with suppress(OSError):
        click.echo(line, file=file)


def half_minute(board: Board) -> list[str]:
    """How it stands, in a line for all and one for each engine of the block; nothing between blocks."""
    if board.level is None or board.block is None:
        return []
    told = [f"{' · '.join(headline(board))} · {left(board)}"]
    for target in board.block.targets:
        if (standing := board.standings.get(target)) is not None:
            p50, p95 = (time_of(standing.ttft.quantile(share)) for share in (0.5, 0.95))
            told.append(f"  {target}: TTFT p50 {p50}, p95 {p95}, {standing.ok:,} ok, {standing.failed:,} failed")
    return [*told, *(f"  {line}" for line in (f"failed  {failures(board)}" if failures(board) else "", steadiness(board)) if line)]

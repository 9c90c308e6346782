"""Shows answers while they come: a picture that is drawn again and again on a terminal, plain lines elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cli.race_screen import Picture, drawn
from cli.waterfall import printable
from probes.repeating import repeating
from probes.wording import duration, figures
from traffic.race.figures import Figures
from traffic.race.lane import Lane, Now

REFRESH_SECONDS = 0.08
"""A drawing takes some milliseconds of the main process. Stamps are taken in the worker's, which has nothing to do with it."""
PAUSE_SECONDS = 1.5
"""How long an answer that is over stays before the next begins, for people to read who was first."""


def is_drawn(console: Console) -> bool:
    """Whether it is a terminal that can be drawn on."""
    return console.is_terminal and not console.is_dumb_terminal


@asynccontextmanager
async def shown(picture: Picture, console: Console, now: Now) -> AsyncIterator[Callable[[], None]]:
    """Draws the picture while the context lasts, if the console can be drawn on. Gives what draws it at once."""
    if not is_drawn(console):
        yield lambda: None
        return
    # refreshed by the loop, which changes the lanes, and not by a thread of the display's own
    with Live(get_renderable=lambda: drawn(picture, console, now()), console=console, auto_refresh=False, vertical_overflow="crop") as live:
        async with repeating(live.refresh, REFRESH_SECONDS):
            yield live.refresh


async def pause(console: Console, stop: asyncio.Event) -> None:
    """Leaves an answer that is over on the screen for a moment."""
    if is_drawn(console):
        try:
            async with asyncio.timeout(PAUSE_SECONDS):
                await stop.wait()
        except TimeoutError:
            pass


def say(lines: Iterable[str], console: Console) -> None:
    """Lines for people, without what a terminal would take for a command; on a terminal they are wrapped at words."""
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=not is_drawn(console))


def answer_line(lane: Lane, first: str | None) -> str:
    """What was measured on an answer that is over: `vllm  TTFT 31.2 ms, TPOT 12.6 ms, 78.1 tokens/s, 128 tokens, first`."""
    measured = lane.figures
    if measured is None:
        return f"{lane.name}  not asked"
    if measured.trouble:
        return f"{lane.name}  {measured.trouble}"
    return f"{lane.name}  {', '.join([*_measured(measured), *(['first'] if first == lane.name else [])])}"


def _measured(measured: Figures) -> list[str]:
    parts = [f"{label} {duration(seconds)}" for label, seconds in (("TTFT", measured.ttft_seconds), ("TPOT", measured.tpot_seconds)) if seconds]
    if measured.tokens_per_second is not None:
        parts.append(f"{figures(measured.tokens_per_second)} tokens/s")
    if measured.output_tokens is not None:
        parts.append(f"{measured.output_tokens:,} tokens")
    return parts

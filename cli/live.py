"""How the engines stand, shown while the exporter runs: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import click

from probes.repeating import repeating

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from cli.standings import Standings

LINES_EVERY_SECONDS = 5.0
REFRESH_SECONDS = 0.5


def addresses(exporter: str, engines: Mapping[str, str]) -> str:
    """Where to look, one address a line."""
    places = {"status": f"{exporter}/", "metrics": f"{exporter}/metrics", **engines}
    return "\n".join(f"{name:<20}{url}" for name, url in places.items())


@asynccontextmanager
async def shown(standings: Standings, addresses: str, console: Console) -> AsyncIterator[None]:
    """Shows how the engines stand while the context lasts, and at its end once more; `addresses` say where to look."""
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

    def screen() -> RenderableType:
        return Group(standings.table(), Text(addresses), Text("Ctrl-C stops it.", style="dim"))

    def print_lines() -> None:
        for line in standings.lines():
            click.echo(line)

    if console.is_terminal:
        # refreshed by the loop, which changes the standings, and not by a thread of the display's own
        with Live(get_renderable=screen, console=console, auto_refresh=False) as live:
            async with _repeated(live.refresh, REFRESH_SECONDS):
                yield
    else:
        click.echo(addresses)
        async with _repeated(print_lines, LINES_EVERY_SECONDS):
            yield


@asynccontextmanager
async def _repeated(show: Callable[[], None], every_seconds: float) -> AsyncIterator[None]:
    """Calls `show` again and again while the context lasts, and a last time at its end."""
    async with repeating(show, every_seconds):
        try:
            yield
        finally:
            show()

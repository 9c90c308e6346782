"""`chatprobe demo`: the exporter on three simulated engines, with a live table."""

from __future__ import annotations

import asyncio
import math
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from cli import demo_conversation, demo_try, race

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.quantities import Address

GRACE_SECONDS = 3.0
"""How long chats under way may take at the end: one of the demo's takes at most two seconds."""
CONFIGURATION = """\
web: {{listen: "{listen}"}}
targets:
  vllm: {{backend: vllm, url: "{vllm}"}}
  tgi: {{backend: tgi, url: "{tgi}"}}
  ollama: {{backend: ollama, url: "{ollama}"}}
scenarios:
  chat: {{every: 2s, prompt: short-question, max_tokens: 48, pair: true}}
slos:
  quick: {{scenario: chat, ttft: 150ms, tpot: 30ms, objective: 99%, window: 1d}}
"""


class Seconds(click.ParamType[float]):
    """A number of seconds above 0."""

    name = "seconds"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(str(value))
        except ValueError:
            seconds = math.nan
        if not 0 < seconds < math.inf:
            self.fail(f"{value} is no number of seconds; write one above 0, like 30", param, ctx)
        return seconds


@click.group(invoke_without_command=True)
@click.option("--listen", default="127.0.0.1:9840", show_default=True, metavar="HOST:PORT", help="Address of /metrics and the status page.")
@click.option("--duration", type=Seconds(), metavar="SECONDS", help="Stop by itself after this time.")
@click.pass_context
def command(ctx: click.Context, listen: str, duration: float | None) -> None:
    """Run the exporter on three simulated engines, with a live table.

    Nothing else is needed. It runs until Ctrl-C, or for --duration. Where the output is no terminal, it prints plain lines. With race,
    conversation or try, engines answer side by side instead: simulated ones, or those that are named there.
    """
    if ctx.invoked_subcommand is None:
        _table(listen, duration)
    elif given := [f"--{name}" for name in ("listen", "duration") if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT]:
        raise click.UsageError(f"{' and '.join(given)} is for chatprobe demo alone, and not for {ctx.invoked_subcommand}")


command.add_command(race.command)
command.add_command(demo_conversation.command)
command.add_command(demo_try.command)


def _table(listen: str, duration: float | None) -> None:
    """The exporter with its table, until it is stopped. Raises `click.ClickException`."""
    from cli.fleet import FleetError
    from config.quantities import read_address
    from exporter.exporting import ServeError
    from exporter.logs import start_logging
    from exporter.loop import run

    try:
        address = read_address(listen)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--listen") from error
    lines = start_logging("error")
    try:
        run(_demo(address, duration))
    except (FleetError, ServeError) as error:
        raise click.ClickException(str(error)) from error
    finally:
        lines.close()


async def _demo(listen: Address, duration: float | None) -> None:
    from rich.console import Console

    from cli.fleet import fleet
    from cli.live import addresses, shown
    from cli.race_result import judged
    from cli.standings import Standings
    from config.reader import parse
    from exporter.exporting import exporting

    task = asyncio.current_task()
    assert task is not None
    stop = asyncio.Event()
    console = Console(highlight=False)
    _on_signals(task.cancel)  # until it has started, which may take until a worker can be
    with suppress(asyncio.CancelledError):
        async with fleet() as urls:
            config = parse(CONFIGURATION.format(listen=listen, **urls)).config
            standings = Standings(urls)
            async with exporting(config, sinks=[standings], grace_seconds=GRACE_SECONDS, judge=judged) as exporter:
                _on_signals(stop.set)
                places = addresses(f"http://{exporter.address}", {f"{name} (simulated)": url for name, url in urls.items()})
                async with shown(standings, places, console):
                    await _until(stop, duration)
                console.print("Stopping: chats under way may end.")


def _on_signals(act: Callable[[], object]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act)


async def _until(stop: asyncio.Event, duration: float | None) -> None:
    try:
        async with asyncio.timeout(duration):
            await stop.wait()
    except TimeoutError:
        pass

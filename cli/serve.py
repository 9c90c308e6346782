"""`chatprobe serve`: the exporter."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from cli.configuration import config_option, exits_on_error
from cli.given import Given, target_option, written_for
from cli.outputs import results_folder
from cli.paths import ANY_FILE

if TYPE_CHECKING:
    from config.model import Config
    from config.quantities import Address

Value = TypeVar("Value")

LEVELS = ("debug", "info", "warning", "error")


@click.command("serve")
@config_option
@target_option
@click.option("--records", type=ANY_FILE, metavar="FILE", help="Append every chat to this file, as a line of JSON.")
@click.option("--listen", metavar="HOST:PORT", help="Address to listen on, in place of web.listen.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged, on standard error.")
@click.option("--watch/--no-watch", default=True, show_default=True, help="Reload by itself when the configuration's files change.")
@click.option("--shard", "shard_of", metavar="I/N", help="Chat with the I-th of N shares of the targets only; N such processes chat with all.")
@click.option("--lease", "lease_name", metavar="NAMESPACE/NAME", help="Chat only while holding this lease; of several such replicas one chats.")
@results_folder("Folder of the results of benchmark runs that are started in the API.")
def command(
    configs: tuple[Path, ...],
    targets: tuple[Given, ...],
    records: Path | None,
    listen: str | None,
    log_level: str,
    watch: bool,
    shard_of: str | None,
    lease_name: str | None,
    results: Path,
) -> None:
    """Run the exporter: probe the configured targets around the clock and serve /metrics.

    With --target, and without a file, it does so with the scenarios of the preset default. On a terminal, and without --log-level, a live table
    then stands in place of the log.

    SIGHUP has it read the configuration again, and so does POST /-/reload where web.lifecycle allows it. One with errors is not put in force.
    """
    import shlex
    import signal
    import sys
    from dataclasses import replace

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it means a reload, it must not end what is starting

    import structlog

    from cli.bench_started import StartedBench
    from cli.race_result import judged
    from config.quantities import read_address
    from config.reader import Loaded, find, parse, read
    from discovery.kubernetes.lease import read_lease_name
    from exporter.exporting import ServeError
    from exporter.logs import start_logging
    from exporter.loop import run
    from exporter.serve import serve
    from exporter.watching import signatures
    from traffic.sharding import WHOLE, read_shard

    address = _read(read_address, listen, "--listen")
    shard = _read(read_shard, shard_of, "--shard") or WHOLE
    lease = _read(read_lease_name, lease_name, "--lease")

    if targets and configs:
        raise click.UsageError("give --config or --target, not both; chatprobe init --target URL writes a configuration")
    written = _written(targets) if targets else None

    def load() -> Loaded:
        loaded = read(files) if written is None else parse(written, file="--target")
        if address is None:
            return loaded
        return replace(loaded, config=loaded.config.model_copy(update={"web": loaded.config.web.model_copy(update={"listen": address})}))

    with exits_on_error():
        files = find(configs) if written is None else ()
        seen = signatures(map(str, files))
        loaded = load()
    live = written is not None and sys.stdout.isatty() and _left_as_it_is("log_level")
    kept = f"Keep it: chatprobe init {shlex.join(f'--target={one}' for one in targets)}, then chatprobe serve"
    lines = start_logging("error" if live else log_level)
    try:
        for warning in loaded.warnings:
            structlog.get_logger().warning("configuration", advice=str(warning))
        if written is not None and not live:
            click.echo(kept, err=True)
        display = _Display(loaded.config, kept) if live else None
        serving = serve(
            loaded.config,
            read=load,
            files=seen if watch and written is None else None,
            records=records,
            log_lines_lost=lambda: lines.lost,
            shard=shard,
            lease=lease,
            display=display,
            bench=StartedBench(files, targets, results),
            judge=judged,
        )
        run(serving)
    except ServeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        lines.close()


class _Display:
    """The live table, with where to look, and how to keep what is served."""

    def __init__(self, config: Config, kept: str) -> None:
        from cli.standings import Standings

        self.sink = Standings(config.targets)
        self._urls = {name: target.url for name, target in config.targets.items()}
        self._kept = kept

    def at(self, address: Address) -> AbstractAsyncContextManager[None]:
        from rich.console import Console

        from cli.live import addresses, shown

        return shown(self.sink, f"{addresses(f'http://{address}', self._urls)}\n{self._kept}", Console(highlight=False))


def _left_as_it_is(option: str) -> bool:
    """Whether the option has its default because nothing was said."""
    from click.core import ParameterSource

    return click.get_current_context().get_parameter_source(option) is ParameterSource.DEFAULT


def _written(targets: tuple[Given, ...]) -> str:
    """The configuration of targets that are given as URLs."""
    import asyncio

    from config.starters import PRESETS

    return asyncio.run(written_for(targets, PRESETS[0]))


def _read(reader: Callable[[str], Value], written: str | None, option: str) -> Value | None:
    if written is None:
        return None
    try:
        return reader(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error

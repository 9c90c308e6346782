"""`chatprobe serve`: the exporter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from cli.configuration import config_option

Value = TypeVar("Value")

LEVELS = ("debug", "info", "warning", "error")


@click.command("serve")
@config_option
@click.option("--records", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Append every chat to this file, as a line of JSON.")
@click.option("--listen", metavar="HOST:PORT", help="Address to listen on, in place of web.listen.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged, on standard error.")
@click.option("--watch/--no-watch", default=True, show_default=True, help="Reload by itself when the configuration's files change.")
@click.option("--shard", "shard_of", metavar="I/N", help="Chat with the I-th of N shares of the targets only; N such processes chat with all.")
@click.option("--lease", "lease_name", metavar="NAMESPACE/NAME", help="Chat only while holding this lease; of several such replicas one chats.")
def command(
    configs: tuple[Path, ...],
    records: Path | None,
    listen: str | None,
    log_level: str,
    watch: bool,
    shard_of: str | None,
    lease_name: str | None,
) -> None:
    """Run the exporter: probe the configured targets around the clock and serve /metrics.

    SIGHUP has it read the configuration again, and so does POST /-/reload where web.lifecycle allows it. One with errors is not put in force.
    """
    import signal
    from dataclasses import replace

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it means a reload, it must not end what is starting

    import structlog

    from config.problems import ConfigError
    from config.quantities import read_address
    from config.reader import Loaded, find, read
    from discovery.kubernetes.lease import read_lease_name
    from exporter.exporting import ServeError
    from exporter.logs import start_logging
    from exporter.serve import run, serve
    from exporter.watching import signatures
    from traffic.sharding import WHOLE, read_shard

    address = _read(read_address, listen, "--listen")
    shard = _read(read_shard, shard_of, "--shard") or WHOLE
    lease = _read(read_lease_name, lease_name, "--lease")

    def load() -> Loaded:
        loaded = read(files)
        if address is None:
            return loaded
        return replace(loaded, config=loaded.config.model_copy(update={"web": loaded.config.web.model_copy(update={"listen": address})}))

    try:
        files = find(configs)
        seen = signatures(map(str, files))
        loaded = load()
    except ConfigError as error:
        click.echo(str(error), err=True)  # lines that an editor can jump to, so nothing stands before the first
        raise click.exceptions.Exit(1) from error
    lines = start_logging(log_level)
    try:
        for warning in loaded.warnings:
            structlog.get_logger().warning("configuration", advice=str(warning))
        files_watched = seen if watch else None
        run(serve(loaded.config, read=load, files=files_watched, records=records, log_lines_lost=lambda: lines.lost, shard=shard, lease=lease))
    except ServeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        lines.close()


def _read(reader: Callable[[str], Value], written: str | None, option: str) -> Value | None:
    if written is None:
        return None
    try:
        return reader(written)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error

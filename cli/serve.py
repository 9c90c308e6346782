"""`chatprobe serve`: the exporter."""

from __future__ import annotations

from pathlib import Path

import click

LEVELS = ("debug", "info", "warning", "error")


@click.command("serve")
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Configuration; given several times, later files are laid over earlier ones.",
)
@click.option("--records", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Append every chat to this file, as a line of JSON.")
@click.option("--listen", metavar="HOST:PORT", help="Address to listen on, in place of web.listen.")
@click.option("--log-level", type=click.Choice(LEVELS), default="info", show_default=True, help="What is logged, on standard error.")
def command(configs: tuple[Path, ...], records: Path | None, listen: str | None, log_level: str) -> None:
    """Run the exporter: probe the configured targets around the clock and serve /metrics."""
    import structlog

    from config.problems import ConfigError
    from config.quantities import read_address
    from config.reader import find, read
    from exporter.logs import start_logging
    from exporter.serve import ServeError, run, serve

    try:
        loaded = read(find(configs))
    except ConfigError as error:
        click.echo(str(error), err=True)  # lines that an editor can jump to, so nothing stands before the first
        raise click.exceptions.Exit(1) from error
    config = loaded.config
    if listen is not None:
        try:
            address = read_address(listen)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--listen") from error
        config = config.model_copy(update={"web": config.web.model_copy(update={"listen": address})})
    lines = start_logging(log_level)
    try:
        for warning in loaded.warnings:
            structlog.get_logger().warning("configuration", advice=str(warning))
        run(serve(config, records=records, log_lines_lost=lambda: lines.lost))
    except ServeError as error:
        raise click.ClickException(str(error)) from error
    finally:
        lines.close()

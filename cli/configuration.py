"""The configuration that a command works with; without a usable one it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.model import Config


config_option = click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(path_type=Path, readable=False),  # what cannot be read is told by the reader, with its place
    metavar="FILE",
    help="Configuration; given several times, later files are laid over earlier ones.",
)
"""For commands that work with a configuration."""


@contextmanager
def exits_on_error(code: int = 1) -> Iterator[None]:
    """A configuration with errors ends the command, with this exit code, once they are printed."""
    from config.problems import ConfigError

    try:
        yield
    except ConfigError as error:
        click.echo(str(error), err=True)  # lines that an editor can jump to, so nothing stands before the first
        raise click.exceptions.Exit(code) from error


def read_or_exit(configs: tuple[Path, ...]) -> Config:
    """That of these files, or the one that `serve` would find; its warnings are `check`'s to tell. What is wrong with it is printed."""
    from config.reader import find, read

    with exits_on_error():
        return read(find(configs)).config

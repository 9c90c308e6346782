"""`chatprobe check`: validate configuration files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from config.reader import Loaded


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--overlay", is_flag=True, help="Lay the files over one another, later over earlier, as `serve --config A --config B` does.")
@click.option("--print", "show", is_flag=True, help="Print the configuration that is in force, with defaults, secrets hidden.")
def command(files: tuple[Path, ...], overlay: bool, show: bool) -> None:
    """Validate configuration files, each by itself; without one, that which `serve` would find.

    Prints every error as FILE:LINE:COLUMN: PATH: what is wrong; what would be right, and exits with 1 if there is any.
    """
    from config.problems import ConfigError
    from config.reader import find, read

    errors: list[ConfigError] = []
    try:
        found = find(files)
    except ConfigError as error:
        found = ()
        errors.append(error)
    for together in [found] if overlay and found else [(file,) for file in found]:
        try:
            _report(read(together), show)
        except ConfigError as error:
            errors.append(error)
    for failure in errors:
        click.echo(str(failure), err=True)
    if errors:
        raise click.exceptions.Exit(1)


def _report(loaded: Loaded, show: bool) -> None:
    from config.effective import effective
    from config.reader import summary

    for warning in loaded.warnings:
        click.echo(f"{warning} (warning)", err=True)
    names = " + ".join(map(str, loaded.files))
    if show:
        click.echo(f"# {names}\n{effective(loaded.config)}", nl=False)
    else:
        click.echo(f"{names}: ok ({summary(loaded.config)})")

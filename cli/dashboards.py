"""`chatprobe dashboards`: write the Grafana dashboards."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def command() -> None:
    """Grafana dashboards that compare the engines."""


@command.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("dashboards/generated"),
    show_default=True,
    help="Folder to write to; it is made where it is missing.",
)
def build(output: Path) -> None:
    """Write every dashboard as JSON, for Grafana 10.4 and later."""
    from dashboards.build import build as built

    for name, text in built().items():
        file = output / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}") from None
        click.echo(f"{file} written")

"""`chatprobe init`: write a configuration to start from."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from cli.given import Given, target_option, written_for
from cli.paths import ANY_FILE


@click.command()
@click.option(
    "-o",
    "--output",
    type=ANY_FILE,
    default="chatprobe.yaml",
    show_default=True,
    help="File to write; - is standard output.",
)
@click.option("--preset", metavar="NAME", help="A preset instead of the example with every key: default, quick-test or stress-test.")
@target_option
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
def command(output: Path, preset: str | None, targets: tuple[Given, ...], force: bool) -> None:
    """Write a commented configuration to start from; with --target, the preset (default) for the engines that answer there."""
    from config.starters import PRESETS, starter

    if preset is not None and preset not in PRESETS:
        raise click.BadParameter(f"there is no preset {preset}; there are {', '.join(PRESETS)}", param_hint="--preset")
    text = asyncio.run(written_for(targets, preset or PRESETS[0])) if targets else starter(preset)
    if str(output) == "-":
        click.echo(text, nl=False)
        return
    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise click.ClickException(f"{output} exists; --force overwrites it") from None
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}; name another file with --output") from None
    click.echo(f"{output} written; check it with: chatprobe check {output}")

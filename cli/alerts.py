"""`chatprobe alerts`: rules for Prometheus from the SLOs of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alerts.forms.form import Form
from cli.paths import ANY_FILE, ANY_FOLDER

if TYPE_CHECKING:
    from alerts.build import Built

FOLDER = Path("alerts/generated")


def _options(function: Callable[..., None]) -> Callable[..., None]:
    configs = click.option(
        "--config",
        "configs",
        multiple=True,
        type=ANY_FILE,
        metavar="FILE",
        help="Configuration; given several times, later files are laid over earlier ones. Left out: the one that `serve` would find.",
    )
    folder = click.option("--output", "folder", type=ANY_FOLDER, default=FOLDER, show_default=True, metavar="DIR", help="Their folder.")
    forms = click.option(
        "--form",
        "forms",
        multiple=True,
        type=click.Choice([str(form) for form in Form]),
        callback=lambda context, parameter, values: tuple(map(Form, values)),
        help="Prometheus' rule files, a PrometheusRule, a specification for Sloth, or who is told, for Alertmanager or as an AlertmanagerConfig; "
        "repeatable. Left out: all that the configuration has something for.",
    )
    return configs(forms(folder(function)))


@click.group("alerts")
def command() -> None:
    """Recording rules, burn-rate alerts and notifications from the SLOs of a configuration, in every form that Prometheus takes."""


@command.command("build")
@_options
def build(configs: tuple[Path, ...], forms: tuple[Form, ...], folder: Path) -> None:
    """Write the rules, and who is told, in the forms in which they are taken.

    Files that an earlier call has written there in these forms, and this one does not, are removed; files of others are left alone.
    """
    from alerts.build import leftovers

    built = _built(configs, forms)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in built.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for path in (gone := leftovers(built, folder)):
            path.unlink()
    except OSError as error:
        raise click.ClickException(f"{error.filename or folder}: {error.strerror}; name another folder with --output") from error
    click.echo(f"{folder}: {', '.join(built.files)} written")
    for path in gone:
        click.echo(f"{path}: removed, as it was written for a configuration of before")


@command.command("check")
@_options
def check(configs: tuple[Path, ...], forms: tuple[Form, ...], folder: Path) -> None:
    """Say whether the files in the folder are those that `build` would write; exit with 1 if they are not."""
    from alerts.build import stale

    found = list(stale(_built(configs, forms), folder))
    for line in found:
        click.echo(line, err=True)
    if found:
        named = [
            *(f" --config {file}" for file in configs),
            *(f" --form {form}" for form in forms),
            f" --output {folder}" if folder != FOLDER else "",
        ]
        raise click.ClickException(f"write them anew: chatprobe alerts build{''.join(named)}")
    click.echo(f"{folder}: up to date")


def _built(configs: tuple[Path, ...], forms: tuple[Form, ...]) -> Built:
    from alerts.build import build as built
    from alerts.rules import AlertsError
    from config.problems import ConfigError
    from config.reader import find, read

    try:
        files = find(configs)
        made = built(read(files).config, forms)
    except ConfigError as error:
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from error
    except AlertsError as error:
        for problem in error.problems:
            click.echo(f"{' + '.join(map(str, files))}: {problem}", err=True)
        raise click.exceptions.Exit(1) from error
    for note in made.notes:
        click.echo(f"{' + '.join(map(str, files))}: {note} (note)", err=True)
    return made

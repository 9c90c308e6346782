"""`chatprobe dashboards`: write the Grafana dashboards, and check them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dashboards.forms.delivery import Delivery

FOLDER = Path("dashboards/generated")


def _labels(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    labels = dict(value.split("=", 1) for value in values if "=" in value)
    if len(labels) < len(values):
        raise click.BadParameter("a label is written KEY=VALUE, each key once")
    return labels


def _options(function: Callable[..., None]) -> Callable[..., None]:
    output = click.option(
        *("-o", "--output"),
        type=click.Path(path_type=Path, file_okay=False),
        default=FOLDER,
        show_default=True,
        help="Their folder; `build` makes it where it is missing.",
    )
    folder = click.option("--folder", default="chatprobe", show_default=True, metavar="NAME", help="Grafana's folder for them.")
    instance = click.option(
        "--instance",
        multiple=True,
        callback=_labels,
        metavar="KEY=VALUE",
        help="Label of the operator's Grafana; repeatable. It cannot be changed once it is applied.  [default: dashboards=grafana]",
    )
    return output(folder(instance(function)))


@click.group()
def command() -> None:
    """Grafana dashboards that compare the engines."""


@command.command()
@_options
def build(output: Path, folder: str, instance: dict[str, str]) -> None:
    """Write every dashboard: JSON for Grafana 10.4 and later, ConfigMaps, GrafanaDashboards, and an edition for OpenShift's console."""
    _require_the_extra()
    from dashboards.build import build as built
    from dashboards.build import leftovers

    files = built(delivery=_delivery(folder, instance))
    for name, text in files.items():
        file = output / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}; name another folder with --output") from None
        click.echo(f"{file} written")
    for path in leftovers(files, output):
        path.unlink()
        click.echo(f"{path} removed")


@command.command()
@_options
def check(output: Path, folder: str, instance: dict[str, str]) -> None:
    """Say what is wrong with the dashboards, and which files are not as `build` would write them; exit with 1 if there is something.

    Each line is `DASHBOARD: PANEL: what is wrong; what to do`.
    """
    _require_the_extra()
    from dashboards.boards import BOARDS
    from dashboards.build import build as built
    from dashboards.lint.verdict import verdict
    from dashboards.stale import stale

    lines = [*map(str, verdict(BOARDS).findings), *stale(built(delivery=_delivery(folder, instance)), output)]
    for line in dict.fromkeys(lines):
        click.echo(line, err=True)
    if lines:
        raise SystemExit(1)
    click.echo(f"{output}: up to date")


def _require_the_extra() -> None:
    """Raises `ClickException` where the library is missing that queries are read with."""
    from probes.extras import missing

    if remedy := missing("dashboards"):
        raise click.ClickException(f"this command needs {remedy}")


def _delivery(folder: str, instance: dict[str, str]) -> Delivery:
    from dashboards.forms.delivery import INSTANCE, Delivery

    return Delivery(folder, tuple(instance.items()) or INSTANCE)

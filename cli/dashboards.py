"""`chatprobe dashboards`: write the Grafana dashboards, and check them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.paths import ANY_FOLDER
from dashboards.forms.delivery import FOLDER, INSTANCE, Form

if TYPE_CHECKING:
    from dashboards.forms.delivery import Delivery

CHECKED_IN = Path("dashboards/generated")
_WORD = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL = re.compile(rf"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_WORD}=({_WORD})?", re.ASCII)
"""A label as Kubernetes takes it."""


def _labels(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    labels = dict(value.split("=", 1) for value in values if "=" in value)
    if len(labels) < len(values):
        raise click.BadParameter("a label is written KEY=VALUE, each key once")
    if not all(map(_LABEL.fullmatch, values)):
        raise click.BadParameter("Kubernetes has no such label; write letters, digits and - _ . only, with a letter or digit at both ends")
    return labels


def _options(function: Callable[..., None]) -> Callable[..., None]:
    form = click.option(
        "--form",
        type=click.Choice([str(form) for form in Form]),
        default=str(Form.JSON),
        callback=lambda context, parameter, value: Form(value),
        show_default=True,
        help="JSON for Grafana, ConfigMaps for the sidecar of its charts, GrafanaDashboards for its operator, or ConfigMaps for OpenShift's console.",
    )
    output = click.option(
        *("-o", "--output"),
        type=ANY_FOLDER,
        metavar="DIR",
        help=f"Their folder; `build` makes it where it is missing.  [default: {CHECKED_IN} for json; required for the other forms]",
    )
    folder = click.option("--folder", metavar="NAME", help=f"Grafana's folder for them, with configmap and operator.  [default: {FOLDER}]")
    instance = click.option(
        "--instance",
        multiple=True,
        callback=_labels,
        metavar="KEY=VALUE",
        help="Label of the operator's Grafana, with operator; repeatable. It cannot be changed once it is applied.  "
        f"[default: {', '.join('='.join(label) for label in INSTANCE)}]",
    )
    return form(output(folder(instance(function))))


@click.group()
def command() -> None:
    """Grafana dashboards that compare the engines."""


@command.command()
@_options
def build(form: Form, output: Path | None, folder: str | None, instance: dict[str, str]) -> None:
    """Write every dashboard, for Grafana 10.4 and later, in one of the forms in which it is taken.

    Files that an earlier call has written there in this form, and this one does not, are removed; files of others are left alone.
    """
    from dashboards.build import build as built
    from dashboards.build import leftovers

    there = _output(form, output)
    files = built(form=form, delivery=_delivery(form, folder, instance))
    for name, text in files.items():
        file = there / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}; name another folder with --output") from None
        click.echo(f"{file} written")
    for path in leftovers(files, form, there):
        path.unlink()
        click.echo(f"{path} removed")


@command.command()
@_options
def check(form: Form, output: Path | None, folder: str | None, instance: dict[str, str]) -> None:
    """Say what is wrong with the dashboards, and which files are not as `build` would write them; exit with 1 if there is something.

    Each line is `DASHBOARD: PANEL: what is wrong; what to do`. It reads queries with the library of the extra `dashboards`.
    """
    _require_the_extra()
    from dashboards.boards import BOARDS
    from dashboards.build import build as built
    from dashboards.lint.verdict import verdict
    from dashboards.stale import stale

    there = _output(form, output)
    files = built(form=form, delivery=_delivery(form, folder, instance))
    lines = [*map(str, verdict(BOARDS)), *stale(files, form, there)]
    for line in dict.fromkeys(lines):
        click.echo(line, err=True)
    if lines:
        raise SystemExit(1)
    click.echo(f"{there}: up to date")


def _require_the_extra() -> None:
    """Raises `ClickException` where the library is missing that queries are read with."""
    from probes.extras import missing

    if remedy := missing("dashboards"):
        raise click.ClickException(f"this command needs {remedy}")


def _output(form: Form, output: Path | None) -> Path:
    if output is None and form is not Form.JSON:
        raise click.UsageError(f"--form {form} needs a folder; name one with --output")
    return output or CHECKED_IN


def _delivery(form: Form, folder: str | None, instance: dict[str, str]) -> Delivery:
    from dashboards.forms.delivery import Delivery

    if folder is not None and form not in (Form.CONFIG_MAP, Form.OPERATOR):
        raise click.UsageError(f"--folder is for --form {Form.CONFIG_MAP} and --form {Form.OPERATOR}: the others do not name a folder")
    if instance and form is not Form.OPERATOR:
        raise click.UsageError(f"--instance is for --form {Form.OPERATOR}: the others do not name a Grafana")
    return Delivery(folder or FOLDER, tuple(instance.items()) or INSTANCE)

"""`chatprobe results charts`: the charts of a run, as one page that opens offline, or as pictures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from cli.paths import ANY_FOLDER
from cli.results import results_option

if TYPE_CHECKING:
    from bench.report.chart import Chart, Missing
    from bench.report.drawing import Form
    from bench.report.themes import Theme
    from bench.results.reading import Run

FOLDER, PAGE = "charts", "charts.html"
"""Where charts go in a run's folder, and what the page is called."""


@click.command("charts")
@click.argument("run", metavar="RUN")
@click.option("--output", type=ANY_FOLDER, metavar="DIR", help=f"Folder for them; left out: {FOLDER} in that of the run.")
@click.option(
    "--format", "form", type=click.Choice(["html", "png", "svg"]), default="html", show_default=True, help="One page with all, or a picture each."
)
@click.option("--theme", type=click.Choice(["light", "dark"]), help="Left out: a page follows its reader's setting, and pictures are light.")
@click.option("--only", "names", multiple=True, metavar="NAME", help="Only this chart; repeatable.")
@results_option
def command(run: str, output: Path | None, form: str, theme: str | None, names: tuple[str, ...], results: Path) -> None:
    """Draw what a run has measured: waits, load, queues, tokens, and the run as it went.

    A page needs nothing else and no network. Pictures are drawn by Chromium.
    """
    _check_extra(form)
    from bench.results.listing import find_run
    from bench.results.problem import ResultsError

    try:
        found = find_run(results, run)
        charts, missing = _drawn(found, names)
    except ResultsError as error:
        raise click.ClickException(str(error)) from error
    for one in missing:
        click.echo(f"not drawn: {one.name} ({one.title}): {one.why}", err=True)
    if not charts:
        raise click.ClickException(f"{found.name} has no data for any of these charts")
    for path, content in _files(found, charts, missing, form, theme):
        click.echo(_written((output or found.folder / FOLDER) / path, content))


def _check_extra(form: str) -> None:
    """A page needs no more than the library of its charts."""
    from probes.extras import missing

    if (form != "html" or find_spec("plotly") is None) and (lacking := missing("report")) is not None:
        raise click.ClickException(f"it needs {lacking}")


def _drawn(run: Run, names: tuple[str, ...]) -> tuple[list[Chart], list[Missing]]:
    """The charts, and those of which the run has no data. Raises `click.BadParameter` for a name that none has."""
    from bench.report.charts import CHARTS, draw
    from bench.report.seen import see

    unknown = [name for name in names if name not in CHARTS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no chart; there are {', '.join(CHARTS)}", param_hint="--only")
    return draw(see(run), names or tuple(CHARTS))


def _files(run: Run, charts: list[Chart], missing: list[Missing], form: str, theme: str | None) -> list[tuple[str, bytes]]:
    from bench.report.drawing import NoBrowserError, page, pictures

    if form == "html":
        return [(PAGE, page(charts, missing, title=run.name, about=_about(run), theme=cast("Theme | None", theme)).encode())]
    try:
        drawn = pictures(charts, cast("Form", form), cast("Theme", theme or "light"))
    except NoBrowserError as error:
        raise click.ClickException(str(error)) from error
    return [(f"{chart.name}.{form}", picture) for chart, picture in zip(charts, drawn, strict=True)]


def _about(run: Run) -> str:
    """What was measured when, in a line."""
    from probes.wording import listed

    manifest = run.manifest
    told = f"{listed(manifest.about.targets)}, measured on {manifest.begun_at:%d %B %Y} from {manifest.begun_at:%H:%M} UTC"
    return told if run.part is None else f"{told}. This is a part of a run: {run.part}."


def _written(path: Path, content: bytes) -> Path:
    from bench.results.files import put

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}; give another place with --output") from error
    return path

"""`chatprobe results report`: what a run found, as a page for people."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.paths import ANY_FILE
from cli.results import results_option

if TYPE_CHECKING:
    from bench.report.cost import Price
    from bench.report.document import Document
    from bench.report.page import Embedded
    from bench.report.seen import Seen

PAGE = "report.html"


@click.command("report")
@click.argument("run", metavar="RUN")
@click.option("-o", "--output", type=ANY_FILE, metavar="FILE", help=f"File to write; left out: {PAGE} in the run's folder.")
@click.option("--pdf", is_flag=True, help="Print it as PDF too, beside the page; by Chromium.")
@click.option(
    "--summary", is_flag=True, help="One page of Markdown for a mail or a message, in place of the report; without --output on the terminal."
)
@click.option(
    "--price",
    "prices",
    multiple=True,
    metavar="NAME=[GPUSx]PRICE",
    help="What an hour of a target's hardware costs, like vllm=2x1.99USD: two GPUs at 1.99 USD each; repeatable.",
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@results_option
def command(run: str, output: Path | None, pdf: bool, summary: bool, prices: tuple[str, ...], show: bool, results: Path) -> None:
    """Write what a run found as one page, which opens offline and prints: the finding in plain words, what it means, why, and how sure it is."""
    if summary and (pdf or show):
        raise click.UsageError("--summary is Markdown in place of the report; leave --pdf and --open out, or make both one after the other")
    from bench.report.document import document
    from bench.report.seen import see
    from bench.results.listing import find_run
    from bench.results.problem import ResultsError

    try:
        found = find_run(results, run)
        seen = see(found)
        report = document(seen, _prices(prices, seen))
        if summary:
            _summary(report, output)
            return
        charts = _charts(seen)
    except ResultsError as error:
        raise click.ClickException(str(error)) from error
    _report(report, charts, output or found.folder / PAGE, pdf=pdf, show=show)


def _prices(written: tuple[str, ...], seen: Seen) -> list[Price]:
    """Raises `click.BadParameter` for what is no price, or is of no target of the run."""
    from bench.report.cost import read_price

    try:
        prices = [read_price(each) for each in written]
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--price") from error
    for price in prices:
        if price.target not in seen.summary.targets:
            there = ", ".join(seen.summary.targets)
            raise click.BadParameter(f"{price.target} is no target of this run; there are {there}", param_hint="--price")
    return prices


def _summary(report: Document, output: Path | None) -> None:
    from bench.report.brief import brief
    from cli.waterfall import printable

    text = brief(report)
    if output is None:
        click.echo("\n".join(map(printable, text.splitlines())))
    else:
        click.echo(_written(output, text))


def _charts(seen: Seen) -> Embedded:
    """All of the run's, where their library is there; a report without them says how to have them."""
    from bench.report.page import Embedded
    from probes.extras import missing

    if find_spec("plotly") is None and (lacking := missing("report")) is not None:
        click.echo(f"the report has no charts, which need {lacking}", err=True)
        return Embedded(left_out=(("All charts", f"They need {lacking}."),))
    from bench.report.embedding import embedded

    return embedded(seen)


def _report(report: Document, charts: Embedded, path: Path, *, pdf: bool, show: bool) -> None:
    from bench.report.page import page
    from bench.report.pdf import PdfError, printed

    click.echo(_written(path, page(report, charts)))
    shown = path
    if pdf:
        shown = path.with_suffix(".pdf")
        try:
            printed(path, shown)
        except PdfError as error:
            raise click.ClickException(str(error)) from error
        click.echo(shown)
    if show:
        click.launch(str(shown))


def _written(path: Path, text: str) -> Path:
    from cli.outputs import written_whole

    with written_whole(path) as out:
        out.write(text.encode())
    return path

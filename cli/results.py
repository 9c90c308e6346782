"""`chatprobe results`: what benchmark runs left on disk."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from cli.elsewhere import Elsewhere
from cli.outputs import results_folder
from cli.paths import ANY_FILE, READABLE_FILE

ELSEWHERE = {"charts": "cli.results_charts", "report": "cli.results_report"}
"""Commands of the group that are in files of their own."""
results_option = results_folder("Folder of results, in which each run has one of its own.")
_run_argument = click.argument("run", metavar="RUN")


@click.group("results", cls=Elsewhere, elsewhere=ELSEWHERE)
def command() -> None:
    """What benchmark runs left on disk. RUN is a run's folder, its name or a beginning of it that no other has, or latest."""
    from probes.extras import missing

    if (lacking := missing("bench")) is not None:
        raise click.ClickException(f"it needs {lacking}")


@command.command("list")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def _list(results: Path, as_json: bool) -> None:
    """List the runs, the newest first: how far each came, what it measured, and how much room it takes."""
    from bench.results.listing import find_runs
    from cli.results_shown import json_of, show_table

    with _errors():
        found = find_runs(results)
        if as_json:
            click.echo(json_of(found.runs))
        elif found.runs:
            show_table(found.runs)
        else:
            click.echo(f"{results} has no run; chatprobe bench quick makes one")
    for problem in found.unreadable:
        click.echo(problem, err=True)


@command.command("show")
@_run_argument
@results_option
def _show(run: str, results: Path) -> None:
    """Show what a run found: its summary, as it was told at its end."""
    from bench.results.listing import find_run
    from cli.results_shown import show_run

    with _errors():
        show_run(find_run(results, run))


@command.command("clean")
@click.option("--keep", type=click.IntRange(0), required=True, metavar="N", help="Keep the newest N runs.")
@click.option("--dry-run", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@results_option
def _clean(keep: int, dry_run: bool, yes: bool, results: Path) -> None:
    """Delete old runs. Runs that go on, and whatever is no run, stay."""
    from bench.results.cleaning import delete, old_runs, sweep
    from bench.results.listing import size_bytes
    from cli.results_shown import size
    from probes.wording import counted

    with _errors():
        old = old_runs(results, keep)
        for run in old:
            click.echo(f"{run.folder} ({run.state}, {size(size_bytes(run.folder))})")
        if dry_run or not old:
            click.echo(f"{counted(len(old), 'run')} would be deleted" if dry_run else "nothing to delete")
            return
        if not yes:
            click.confirm(f"delete {counted(len(old), 'run')}?", abort=True)
        sweep(results)
        for run in old:
            delete(results, run)
    click.echo(f"{counted(len(old), 'run')} deleted")


@command.command("export")
@_run_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "ndjson", "json", "archive"]),
    required=True,
    help="csv and ndjson: a line a chat; json: one document; archive: all.",
)
@click.option("-o", "--output", type=ANY_FILE, help="File to write; left out: standard output.")
@results_option
def _export(run: str, form: str, output: Path | None, results: Path) -> None:
    """Write a run for other programs: its chats as CSV, as lines of JSON, as one JSON document, or all of it as an archive (.tar.gz)."""
    from bench.results.archive import pack
    from bench.results.exporting import FORMS
    from bench.results.listing import find_run

    with _errors():
        found = find_run(results, run)
        with _written(output, form) as out:
            if form == "archive":
                pack(found, out)
                return
            for part in FORMS[form](found):
                out.write(part)


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=READABLE_FILE, metavar="FILE...")
@click.option("--name", metavar="NAME", help="What the run of records is called; left out: as the first file.")
@results_option
def _import(files: tuple[Path, ...], name: str | None, results: Path) -> None:
    """Bring runs in: archives, each a run; and records of serve --records or probe --output json, all of them one run."""
    from bench.results.archive import is_archive, unpack
    from bench.results.importing import import_records
    from bench.results.names import read_run_name
    from probes.wording import counted

    with _errors():
        archives = [file for file in files if is_archive(file)]
        records = [file for file in files if file not in archives]
        if name is not None and not records:
            raise click.UsageError("--name is for records; an archive's run keeps its own name")
        try:
            run_name = read_run_name(name or (records or files)[0].stem)
        except ValueError as error:
            raise click.BadParameter(f"{name or records[0].stem!r} {error}", param_hint="--name") from None
        for archive in archives:
            click.echo(f"{unpack(archive, results)}: the run of {archive}")
        if records:
            imported = import_records(records, results, run_name)
            twice = f"; {imported.twice} that were in twice were passed over" if imported.twice else ""
            click.echo(
                f"{imported.folder}: {counted(imported.chats, 'chat')}{twice}; chatprobe results reprocess {imported.folder.name} summarises them"
            )


@command.command("reprocess")
@_run_argument
@results_option
def _reprocess(run: str, results: Path) -> None:
    """Make the summary of a run anew from its chats, by this version's statistics; of a killed run, too."""
    import time

    from bench.results.listing import find_run
    from bench.results.reprocessing import reprocess
    from cli.results_shown import show_run

    with _errors():
        show_run(reprocess(find_run(results, run), at=time.time()))


@command.command("replay")
@_run_argument
@results_option
@click.option(
    "--speed", type=click.FloatRange(0.01, 100), default=1.0, show_default=True, metavar="X", help="0.5 is half as fast as it was, 4 four times."
)
@click.option("--chat", "chats", multiple=True, metavar="ID", help="Only the chats whose request_id or pair_id begins so; repeatable.")
@click.option("--count", type=click.IntRange(1), default=5, show_default=True, metavar="N", help="How many answers, or pairs, are shown.")
def _replay(run: str, results: Path, speed: float, chats: tuple[str, ...], count: int) -> None:
    """Show answers of a run as they came, side by side where they were asked at one instant.

    Text is shown where it was recorded (race --records FILE --text); else each token is a block.
    """
    from cli.results_replay import replay

    with _errors():
        raise click.exceptions.Exit(replay(results, run, chats, speed, count))


@command.command("migrate")
@results_option
def _migrate(results: Path) -> None:
    """Bring results of earlier layouts to that of today."""
    from bench.results.migrating import migrate

    with _errors():
        migrated = migrate(results)
    for line in migrated.done:
        click.echo(line)
    for problem in migrated.problems:
        click.echo(problem, err=True)
    if migrated.problems:
        raise click.exceptions.Exit(1)
    if not migrated.done:
        click.echo("nothing to migrate")


@contextmanager
def _errors() -> Iterator[None]:
    from bench.results.problem import ResultsError

    try:
        yield
    except ResultsError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _written(output: Path | None, form: str) -> Iterator[BinaryIO]:
    """Where an export goes."""
    from cli.outputs import written_whole

    if output is None:
        if form == "archive" and sys.stdout.isatty():
            raise click.UsageError("an archive is not for a terminal; give --output FILE.tar.gz")
        yield sys.stdout.buffer
        return
    with written_whole(output) as out:
        yield out

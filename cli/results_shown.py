"""Runs on disk for people: which there are, and what one of them found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click
import orjson
from rich.box import SIMPLE_HEAD
from rich.table import Table

from bench.results.exporting import summary_of
from bench.results.listing import chats_of, size_bytes
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import Run
from bench.summary.table import shown
from bench.summary.writing import from_json
from cli.streams import console_for_people
from cli.waterfall import printable

WIDTH_WITHOUT_TERMINAL = 160


def show_run(run: Run) -> None:
    """Print its summary, with what kind of run it was before it. Raises `ResultsError` where it has none that can be read."""
    written = summary_of(run)
    for line in _head(run):
        click.echo(printable(line))
    if written is None:
        how = "it gets one when it ends" if run.state is State.RUNNING else f"chatprobe results reprocess {run.folder} makes one of its chats"
        raise ResultsError(f"{run.name} has no summary; {how}")
    try:
        lines = shown(from_json(_printable(written)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultsError(f"{run.name}: summary.json: {error}; chatprobe results reprocess {run.folder} makes it anew") from error
    click.echo()
    console_for_people(width_without_terminal=WIDTH_WITHOUT_TERMINAL).print(lines)


def show_table(runs: Sequence[Run]) -> None:
    """Print a line for each run, and what its chats are. Raises `ResultsError`."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    for name in ("run", "begun (UTC)", "state", "targets", "levels"):
        table.add_column(name, overflow="fold")
    for name in ("sent", "size"):
        table.add_column(name, justify="right")
    for run in runs:
        levels = [level.name for level in run.manifest.levels]
        begun = f"{run.manifest.begun_at:%Y-%m-%d %H:%M}"
        targets = ", ".join(run.manifest.about.targets)
        cells = (run.name, begun, _state(run), targets, ", ".join(levels), f"{chats_of(run):,}", size(size_bytes(run.folder)))
        table.add_row(*map(printable, cells))
    console_for_people(width_without_terminal=WIDTH_WITHOUT_TERMINAL).print(table, crop=False)
    click.echo("sent: all chats; reports leave out those of warm-up, and those that were cut off")


def json_of(runs: Sequence[Run]) -> str:
    """The same as JSON. Raises `ResultsError`."""
    return orjson.dumps([_facts(run) for run in runs], option=orjson.OPT_INDENT_2).decode()


def size(bytes_: int) -> str:
    """For people, like `1.2 MB`."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if bytes_ >= unit:
            return f"{bytes_ / unit:.1f} {name}"
    return f"{bytes_} B"


def _head(run: Run) -> Iterator[str]:
    """What kind of run it was, and what is wrong with it."""
    manifest = run.manifest
    yield f"{run.name}: {run.state}, begun {manifest.begun_at:%Y-%m-%d %H:%M} UTC, by chatprobe {manifest.versions.get('chatprobe', '?')}"
    if manifest.summarised_at:
        yield f"summarised anew {manifest.summarised_at:%Y-%m-%d %H:%M} UTC, by chatprobe {manifest.summarised_by.get('chatprobe', '?')}"
    for doubt in run.doubts:
        yield f"not all was kept: {doubt}"


def _state(run: Run) -> str:
    return f"{run.state}, not all kept" if run.doubts else str(run.state)


def _facts(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "run": run.name,
        "folder": str(run.folder),
        "name": manifest.about.name,
        "begun_at": manifest.begun_at,
        "ended_at": manifest.ended_at,
        "state": run.state,
        "whole": run.whole,
        "doubts": run.doubts,
        "targets": manifest.about.targets,
        "levels": [level.name for level in manifest.levels],
        "chats": chats_of(run),
        "size_bytes": size_bytes(run.folder),
    }


def _printable(content: Any) -> Any:
    """The same JSON without what a terminal would take for a command: a run from elsewhere may say anything."""
    match content:
        case str():
            return printable(content)
        case dict():
            return {printable(key): _printable(value) for key, value in content.items()}
        case list():
            return [_printable(value) for value in content]
    return content

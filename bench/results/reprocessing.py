"""Makes the summary of a run anew from its chats, with the statistics of this version."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.results import manifest as manifests
from bench.results.files import put
from bench.results.machine import versions
from bench.results.manifest import State
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run
from bench.results.summary_files import engine_files, split_native, summary_files
from bench.results.writing import ROOMS, Summarise


def reprocess(run: Run, summarise: Summarise, *, at: float) -> Run:
    """Write its summary and its engines' folders anew, `at` so many seconds since the epoch, and give it as it is then.

    What it measured stays as it is.
    Raises `ResultsError`, also for a run that goes on.
    """
    if run.state in (State.RUNNING, State.ELSEWHERE):
        raise ResultsError(f"{run.folder} is a run that goes on; it gets its summary when it ends")
    summarised = summarise(run)
    try:
        for room in ROOMS:
            with suppress(FileNotFoundError):
                (run.folder / room).unlink()
        put_all(run.folder, engine_files(run.manifest))
        put_all(run.folder, summary_files(summarised, run.manifest))
        split_native(run.folder, run.manifest.about.targets)
        manifest = replace(run.manifest, summarised_at=datetime.fromtimestamp(at, UTC), summarised_by=versions())
        manifests.write(run.folder, manifest)
    except OSError as error:
        raise cannot("written", run.folder, error) from error
    return replace(run, manifest=manifest)


def put_all(folder: Path, files: Iterable[tuple[Path, bytes]]) -> None:
    """Have these files in a run's folder. Raises `OSError`."""
    for path, content in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        put(folder / path, content)

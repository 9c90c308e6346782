"""Clears old runs away: whole folders of runs that are over, in the results folder, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from bench.results.listing import find_runs
from bench.results.manifest import GOING_ON
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run, open_run

_GONE = ".gone-"


def old_runs(results: Path, keep: int) -> Sequence[Run]:
    """The runs beyond the newest `keep`, the oldest last. Those that go on are none of them, and do not count."""
    return [run for run in find_runs(results).runs if run.state not in GOING_ON][keep:]


def delete(results: Path, run: Run) -> None:
    """Delete a run of this results folder. It vanishes at once, and whole. Raises `ResultsError`, also of one that goes on."""
    folder = run.folder
    if folder.is_symlink() or folder.resolve().parent != results.resolve():
        raise ResultsError(f"{folder} is not in {results} itself, and is not deleted; delete it by hand, if it is to go")
    if open_run(folder).state in GOING_ON:
        raise ResultsError(f"{folder} is a run that goes on, and is not deleted; end it first")
    gone = folder.with_name(f"{_GONE}{folder.name}")
    try:
        folder.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise cannot("deleted", gone if gone.exists() else folder, error) from error


def sweep(results: Path) -> None:
    """Delete what is left of runs whose deletion was broken off. Raises `ResultsError`."""
    for folder in results.glob(f"{_GONE}*"):
        if folder.is_dir() and not folder.is_symlink():
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise cannot("deleted", folder, error) from error

"""Which runs there are, and which one is meant."""

from __future__ import annotations

import os
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.results.files import count_lines
from bench.results.folders import is_there, run_folders
from bench.results.lines import RECORDS
from bench.results.manifest import MANIFEST
from bench.results.names import LATEST, read_folder_name
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run, open_run

_MOST_TOLD = 5


@dataclass(frozen=True, slots=True)
class Found:
    """The folders in a results folder: runs, the newest first, and what is wrong with each folder of which none can be read."""

    runs: tuple[Run, ...]
    unreadable: tuple[str, ...]


def find_runs(results: Path) -> Found:
    """All runs there. A folder that is neither named as a run nor has a manifest is nobody's business. Raises `ResultsError`."""
    runs: list[Run] = []
    unreadable: list[str] = []
    for folder in run_folders(results):
        if not is_there(folder / MANIFEST) and read_folder_name(folder.name) is None:
            continue
        try:
            runs.append(open_run(folder))
        except ResultsError as error:
            unreadable.append(str(error))
    return Found(tuple(sorted(runs, key=_age, reverse=True)), tuple(unreadable))


def find_run(results: Path, written: str) -> Run:
    """The run that is meant by a folder, its name or the run's, the beginning of one of these, or `latest`.

    Raises `ResultsError` where that is none, or several.
    """
    if is_there(Path(written) / MANIFEST):
        return open_run(Path(written))
    if "/" in written:
        raise ResultsError(f"{written} is no folder with a {MANIFEST} in it; chatprobe results list shows the runs there are")
    if not results.is_dir():
        raise ResultsError(f"{results} is no folder; chatprobe bench quick makes runs below it, --output-dir gives another")
    found = find_runs(results)
    if not found.runs:
        unreadable = "".join(f"\n{problem}" for problem in found.unreadable)
        raise ResultsError(f"{results} has no run; chatprobe bench quick makes one, --output-dir gives another folder{unreadable}")
    if written == LATEST:
        return found.runs[0]
    if is_there(results / written / MANIFEST):
        return open_run(results / written)
    return _meant(results, unicodedata.normalize("NFC", written), found)


def chats_of(run: Run) -> int:
    """How many chats it has on disk that were sent. Raises `ResultsError`."""
    known = run.manifest.files.get(RECORDS)
    try:
        return known.lines if known is not None else count_lines(run.folder / RECORDS)
    except FileNotFoundError:
        return 0  # it was killed before it had one
    except OSError as error:
        raise cannot("read", run.folder / RECORDS, error) from error


def size_bytes(folder: Path) -> int:
    """How much a folder holds. What vanishes meanwhile counts nothing."""
    total = 0
    for within, _, names in os.walk(folder):  # which passes over folders that vanish
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(within, name).lstat().st_size
    return total


def _meant(results: Path, written: str, found: Found) -> Run:
    """The one that is named so; else the one whose name begins so."""
    runs = found.runs
    named = [run for run in runs if written in _names(run)] or [run for run in runs if any(name.startswith(written) for name in _names(run))]
    if len(named) == 1:
        return named[0]
    if not named:
        there = ", ".join(run.name for run in runs[:_MOST_TOLD]) + (", …" if len(runs) > _MOST_TOLD else "")
        unreadable = "".join(f"\n{problem}" for problem in found.unreadable)
        raise ResultsError(f"{results} has no run {written}; there are {there}{unreadable}")
    raise ResultsError(f"{written} may be any of {', '.join(run.name for run in named)}; write more of one, or {LATEST}")


def _names(run: Run) -> tuple[str, ...]:
    """What it is called: its folder's name, with and without `test_`, and its own."""
    folder = unicodedata.normalize("NFC", run.name)
    return folder, folder.removeprefix("test_"), run.manifest.about.name


def _age(run: Run) -> tuple[datetime, int, str]:
    """By the second in which it began; those of one second by their folders' numbers."""
    folder = read_folder_name(run.name)
    return run.manifest.begun_at.replace(microsecond=0), folder.again if folder else 1, run.name

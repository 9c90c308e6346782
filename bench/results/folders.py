"""Folders of runs: where they are, and a new one that nobody else has."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from bench.results.names import FolderName
from bench.results.problem import ResultsError, cannot

_MOST_TRIES = 10_000


def new_folder(results: Path, name: str, begun_at: datetime) -> Path:
    """A new, empty folder for a run, which no other run has, begun in the same second or not. Raises `ResultsError`."""
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultsError(f"{results} cannot be made a folder for results: {error.strerror}; give another with --output-dir") from error
    for again in range(1, _MOST_TRIES):
        folder = results / str(FolderName(name, begun_at, again))
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise ResultsError(f"{folder} cannot be made: {error.strerror}; give another place with --output-dir") from error
        return folder
    raise ResultsError(f"{results} has {_MOST_TRIES} runs of this name and second; give another name with --name")


def is_there(path: Path) -> bool:
    """Whether there is such a file or folder. One whose name is too long for the system, or that lies in a closed folder, is not."""
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises OSError of both


def run_folders(results: Path) -> list[Path]:
    """Every folder there that may be a run's: no link, and none whose name is hidden. Raises `ResultsError`."""
    try:
        with os.scandir(results) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise cannot("read", results, error) from error

"""Brings results of earlier layouts to the layout of today: a step for each number of the layout, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import orjson

from bench.results import manifest as manifests
from bench.results.folders import run_folders
from bench.results.importing import manifest_of_records
from bench.results.lines import RECORDS
from bench.results.manifest import MANIFEST, SCHEMA
from bench.results.names import read_folder_name
from bench.results.problem import ResultsError, cannot

Step = Callable[[Path], None]
"""Brings a run's folder from one layout to the next, the number in its manifest last, so that a step that was broken off is done again."""
STEPS: Mapping[int, Step] = {}
"""By the layout that a step begins with. There is none before layout 1."""


def migrate(results: Path, steps: Mapping[int, Step] = STEPS) -> Iterator[str]:
    """Bring each run to the layout of today; what was done, a sentence for each run of which anything was. Raises `ResultsError`."""
    for folder in run_folders(results):
        if (folder / MANIFEST).exists():
            if done := _stepped(folder, steps):
                yield done
        elif read_folder_name(folder.name) is not None and (folder / RECORDS).exists():
            try:
                manifests.write(folder, manifest_of_records(folder))
            except OSError as error:
                raise cannot("written", folder, error) from error
            yield f"{folder}: had no {MANIFEST}, and has one now, made of its records"


def _stepped(folder: Path, steps: Mapping[int, Step]) -> str | None:
    first = layout = _layout(folder)
    while layout < SCHEMA:
        step = steps.get(layout)
        if step is None:
            raise ResultsError(f"{folder / MANIFEST}: schema: is {layout}, which no chatprobe has written; bring the file back from a copy")
        step(folder)
        if (reached := _layout(folder)) <= layout:
            raise ResultsError(f"{folder}: the step from layout {layout} did not bring it on; nothing more is done with it")
        layout = reached
    return None if layout == first else f"{folder}: brought from layout {first} to {layout}"


def _layout(folder: Path) -> int:
    path = folder / MANIFEST
    try:
        return int(orjson.loads(path.read_bytes())["schema"])
    except OSError as error:
        raise cannot("read", path, error) from error
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{path}: schema: is no number; bring the file back from a copy") from error

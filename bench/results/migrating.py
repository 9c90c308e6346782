"""Brings results of earlier layouts to the layout of today: a step for each number of the layout, one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.results import manifest as manifests
from bench.results.folders import is_there, run_folders
from bench.results.importing import manifest_of_records
from bench.results.lines import RECORDS
from bench.results.manifest import MANIFEST, SCHEMA
from bench.results.names import read_folder_name
from bench.results.problem import ResultsError, cannot

Step = Callable[[Path], None]
"""Brings a run's folder from one layout to the next, the number in its manifest last, so that a step that was broken off is done again."""
STEPS: Mapping[int, Step] = {}
"""By the layout that a step begins with. There is none before layout 1."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was done, and what could not be, a sentence for each run of which there is anything to say."""

    done: tuple[str, ...]
    problems: tuple[str, ...]


def migrate(results: Path, steps: Mapping[int, Step] = STEPS) -> Migrated:
    """Bring each run to the layout of today. Raises `ResultsError` where the results folder cannot be read."""
    done: list[str] = []
    problems: list[str] = []
    for folder in run_folders(results):
        try:
            done += _stepped(folder, steps) if is_there(folder / MANIFEST) else _adopted(folder)
        except ResultsError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(str(cannot("written", folder, error)))
    return Migrated(tuple(done), tuple(problems))


def _adopted(folder: Path) -> Iterator[str]:
    """Gives a run's folder that has records, and no manifest, one of these."""
    if read_folder_name(folder.name) is not None and is_there(folder / RECORDS):
        manifests.write(folder, manifest_of_records(folder))
        yield f"{folder}: had no {MANIFEST}, and has one now, made of its records"


def _stepped(folder: Path, steps: Mapping[int, Step]) -> Iterator[str]:
    first = layout = manifests.layout(folder)
    while layout < SCHEMA:
        step = steps.get(layout)
        if step is None:
            raise ResultsError(f"{folder / MANIFEST}: schema: is {layout}, which no chatprobe has written; bring the file back from a copy")
        step(folder)
        if (reached := manifests.layout(folder)) <= layout:
            raise ResultsError(f"{folder}: the step from layout {layout} did not bring it on; nothing more is done with it")
        layout = reached
    if layout != first:
        yield f"{folder}: brought from layout {first} to {layout}"

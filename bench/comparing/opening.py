"""From what was written on the command line to the runs that are meant: ours, or files of other tools, with a target or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.comparing.own import own, read_summary
from bench.comparing.run import ComparedRun, Side
from bench.foreign.reading import read_foreign
from bench.results.folders import is_there
from bench.results.listing import find_run
from bench.results.manifest import MANIFEST
from bench.results.reading import open_run
from probes.wording import listed


class OpeningError(ValueError):
    """What was written names no run, or a target that it has not. The message says what would be right."""


def open_side(name: str, written: Sequence[str], results: Path) -> Side:
    """One side of a comparison. Raises `OpeningError`, `ForeignError` and `ResultsError`."""
    return Side(name, tuple(run for each in written for run in open_runs(each, results)))


def open_runs(written: str, results: Path) -> tuple[ComparedRun, ...]:
    """The runs of `RUN` or `RUN:TARGET`: a folder, a file, the name of a run or `latest`. Raises as `open_side` does."""
    path = Path(written)
    if is_there(path):
        return _of_path(path)
    run, colon, target = written.rpartition(":")
    if colon and run:
        found = _of_path(Path(run)) if is_there(Path(run)) else (_of_name(run, results),)
        return tuple(_only(one, target) for one in found)
    if path.suffix in (".json", ".jsonl", ".yaml", ".yml") or "/" in written:
        raise OpeningError(f"there is no {written}; give a run's folder or name, latest, or a result file of another tool")
    return (_of_name(written, results),)


def _of_path(path: Path) -> tuple[ComparedRun, ...]:
    if not is_there(path / MANIFEST):
        return read_foreign(path)
    kept = open_run(path)
    return (own(kept, read_summary(kept)),)


def _of_name(written: str, results: Path) -> ComparedRun:
    kept = find_run(results, written)
    return own(kept, read_summary(kept))


def _only(run: ComparedRun, target: str) -> ComparedRun:
    if target not in run.targets:
        raise OpeningError(
            f"{run.source} has no target {target!r}; write {run.source}:NAME with {listed([repr(name) for name in run.targets], 'or')}"
        )
    return replace(run, targets={target: run.targets[target]})

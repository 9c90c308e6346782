"""Makes the summary of a run anew from its chats, with the statistics of this version."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from bench.results import manifest as manifests
from bench.results.files import put
from bench.results.machine import versions
from bench.results.manifest import GOING_ON
from bench.results.problem import ResultsError, cannot
from bench.results.reading import Run
from bench.results.summarising import found_anew
from bench.results.summary_files import engine_files, split_native, summary_files
from bench.results.writing import ROOMS


def reprocess(run: Run, *, at: float) -> Run:
    """Write its summary, its findings and its engines' folders anew, `at` so many seconds since the epoch, and give it as it is then.

    What it measured stays as it is. Raises `ResultsError`, also for a run that goes on.
    """
    if run.state in GOING_ON:
        raise ResultsError(f"{run.folder} is a run that goes on; it gets its summary when it ends")
    found, summarised = found_anew(run)
    manifest = replace(found.manifest, summarised_at=datetime.fromtimestamp(at, UTC), summarised_by=versions())
    try:
        for room in ROOMS:
            with suppress(FileNotFoundError):
                (run.folder / room).unlink()
        for path, content in chain(engine_files(manifest), summary_files(summarised, manifest)):
            (run.folder / path).parent.mkdir(parents=True, exist_ok=True)
            put(run.folder / path, content)
        split_native(run.folder, manifest.about.targets)
        manifests.write(run.folder, manifest)
    except OSError as error:
        raise cannot("written", run.folder, error) from error
    return replace(run, manifest=manifest)

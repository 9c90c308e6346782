"""The summary of a run that is on disk: what it is made of, and the forms in which it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.engine_side.findings import findings
from bench.engine_side.inside import Inside, from_json, insides
from bench.engine_side.notes import Notes
from bench.engine_side.side import read_back
from bench.level import Measured
from bench.results.manifest import MANIFEST, Manifest, State
from bench.results.problem import ResultsError
from bench.results.reading import Run
from bench.results.summary_files import Summarised
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.scope import SCOPES
from bench.summary.writing import to_csv, to_json
from config.bench_slos import ChatSlo

_OTHERWISE = "custom"


def summarised(run: Run) -> Summarised:
    """The summary of the run, with the findings that it has. Raises `ResultsError`."""
    return _summarised(run, run.measured())


def found_anew(run: Run) -> tuple[Run, Summarised]:
    """The run with findings by this version's rules, of what its engines' metrics say, and its summary. Raises `ResultsError`."""
    measured = run.measured()
    found = replace(run, manifest=_with_findings(run, measured))
    return found, _summarised(found, measured)


def given_of(run: Run, measured: Sequence[Measured]) -> Given:
    """The run as the statistics need it. `measured` are its levels. Raises `ResultsError`."""
    about = run.manifest.about
    return Given(
        targets=about.targets,
        measured=measured,
        models=about.models,
        slos=[ChatSlo.of(name, thresholds) for name, thresholds in about.slos.items()],
        unsent=list(run.unsent()),
        caveats=about.caveats,
        paired=run.state is not State.IMPORTED,
        findings=run.manifest.findings,
        insides=_insides(run),
        outcomes=run.manifest.outcomes,
        health=run.manifest.health,
        lost_records=run.lost_chats,
        lacking=run.lacking,
        part=run.part,
    )


def notes_of(run: Run, measured: Sequence[Measured]) -> Notes:
    """What the run tells of its engines' side. `measured` are its levels. Raises `ResultsError`."""
    chats = [chat for one in measured for chat in one.chats]
    try:
        return read_back(run.backends, [one.level for one in measured], run.blocks.values(), chats, run.native(), run.records())
    except (KeyError, TypeError, ValueError) as error:
        raise ResultsError(
            f"{run.folder}: native.ndjson or records.ndjson has a line that is none of a run ({error}); bring it back from a copy"
        ) from error


def _summarised(run: Run, measured: Sequence[Measured]) -> Summarised:
    summary = summarise(given_of(run, measured), SCOPES.get(run.manifest.about.preset or _OTHERWISE, SCOPES[_OTHERWISE]))
    return Summarised(to_json(summary), to_csv(summary))


def _insides(run: Run) -> list[Inside]:
    try:
        return [from_json(one) for one in run.manifest.engine_side]
    except ValueError as error:
        raise ResultsError(f"{run.folder / MANIFEST}: {error}; bring the file back from a copy") from error


def _with_findings(run: Run, measured: Sequence[Measured]) -> Manifest:
    """With what is found in the engines' side. Where nothing is known of an engine, as of records from elsewhere, nothing is."""
    if not run.backends:
        return replace(run.manifest, findings=(), engine_side=())
    notes = notes_of(run, measured)
    return replace(
        run.manifest,
        findings=tuple(finding.to_json() for finding in findings(notes)),
        engine_side=tuple(inside.to_json() for inside in insides(notes)),
    )

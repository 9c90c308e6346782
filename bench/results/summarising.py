"""The summary of a run that is on disk: what it is made of, and the forms in which it is kept."""

from __future__ import annotations

from bench.results.manifest import State
from bench.results.reading import Run
from bench.results.summary_files import Summarised
from bench.summary.given import Given
from bench.summary.looked import LOOKED
from bench.summary.making import summarise
from bench.summary.writing import to_csv, to_json
from config.bench_slos import ChatSlo

_OTHERWISE = "custom"


def given_of(run: Run) -> Given:
    """The run as the statistics need it, all of it in memory. Raises `ResultsError`."""
    about = run.manifest.about
    return Given(
        targets=about.targets,
        measured=run.measured(),
        models=about.models,
        objectives=[ChatSlo(name, limits.get("ttft"), limits.get("tpot"), limits.get("e2e")) for name, limits in about.slos.items()],
        unsent=list(run.unsent()),
        caveats=about.caveats,
        paired=run.state is not State.IMPORTED,
        findings=run.manifest.findings,
        outcomes=run.manifest.outcomes,
        lost_records=run.lost_chats,
        lacking=run.lacking,
        part=run.part,
    )


def summarised(run: Run) -> Summarised:
    """The summary of the run, by this version's statistics. Raises `ResultsError`."""
    summary = summarise(given_of(run), LOOKED.get(run.manifest.about.preset or _OTHERWISE, LOOKED[_OTHERWISE]))
    return Summarised(to_json(summary), to_csv(summary))

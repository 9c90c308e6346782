"""The summary of a run that is on disk: what it is made of, and the forms in which it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bench import slos
from bench.chat import Chat
from bench.results.manifest import State
from bench.results.reading import Run
from bench.results.summary_files import Summarised
from bench.summary.given import Given
from bench.summary.looked import LOOKED
from bench.summary.making import summarise
from bench.summary.writing import to_csv, to_json
from config.bench_slos import ChatSlo

_OTHERWISE = "custom"


@dataclass(frozen=True)
class Objective:
    """What a chat of the run had to keep. `thresholds` are those that are set, in seconds, by `ttft`, `tpot` and `e2e`."""

    name: str
    thresholds: Mapping[str, float]

    def good(self, chat: Chat) -> bool:
        """Whether the chat succeeded and met every threshold."""
        return slos.good(chat, self._slo)

    @cached_property
    def _slo(self) -> ChatSlo:
        limits = self.thresholds
        return ChatSlo(self.name, limits.get("ttft"), limits.get("tpot"), limits.get("e2e"))


def given_of(run: Run) -> Given:
    """The run as the statistics need it, all of it in memory. Raises `ResultsError`."""
    about = run.manifest.about
    return Given(
        targets=about.targets,
        measured=run.measured(),
        models=about.models,
        objectives=[Objective(name, thresholds)._slo for name, thresholds in about.slos.items()],
        unsent=list(run.unsent()),
        caveats=about.caveats,
        paired=run.state is not State.IMPORTED,
        findings=run.manifest.findings,
        lost_records=run.manifest.lost,
        part=run.part,
    )


def summarised(run: Run) -> Summarised:
    """The summary of the run, by this version's statistics. Raises `ResultsError`."""
    summary = summarise(given_of(run), LOOKED.get(run.manifest.about.preset or _OTHERWISE, LOOKED[_OTHERWISE]))
    return Summarised(to_json(summary), to_csv(summary))

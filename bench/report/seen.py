"""What a run's folder holds, loaded once for everything that people look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bench.engine_side.case import Case, cases
from bench.engine_side.notes import rising
from bench.level import Measured
from bench.report.marks import Mark, marks
from bench.results.exporting import summary_of
from bench.results.manifest import State
from bench.results.problem import ResultsError
from bench.results.reading import Run
from bench.results.summarising import notes_of
from bench.summary.sample import Sample, sample
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from bench.summary.writing import from_json
from config.bench_slos import ChatSlo

CARRIED = 0.9
"""An engine carries a level at which this share of its attempts succeeds."""


@dataclass(frozen=True)
class Seen:
    """A run as its charts need it. `backends` are the engines by target; `cases` what they told of themselves."""

    run: Run
    summary: Summary
    measured: tuple[Measured, ...]
    backends: Mapping[str, str]
    cases: Mapping[tuple[str, str], Case] = field(default_factory=dict)
    """By target and level. Empty of records from elsewhere, of which no engine is known."""

    @cached_property
    def marks(self) -> Mapping[str, Mark]:
        """How each target looks."""
        return marks(self.backends)

    @cached_property
    def levels(self) -> Mapping[str, LevelSummary]:
        """The summary of each level that has chats, by name, the lightest first."""
        known = {level.name: level for level in self.summary.levels if level.targets}
        return {name: known[name] for name in rising(one.level for one in self.measured) if name in known}

    @cached_property
    def samples(self) -> Mapping[tuple[str, str], Sample]:
        """The chats that the summary counts, by target and level."""
        by_name = {one.level.name: one for one in self.measured}
        return {
            (target.target, level.name): sample(target.target, by_name[level.name], level.steady.from_seconds)
            for level in self.levels.values()
            for target in level.targets
        }

    @cached_property
    def slo(self) -> ChatSlo | None:
        """What a good chat keeps to: the first of the run's, if it has any."""
        return next((ChatSlo.of(name, thresholds) for name, thresholds in self.summary.slos.items()), None)

    @cached_property
    def shared(self) -> list[LevelSummary]:
        """The levels that most engines had under one load, the lightest first: a search may hold another load with each of them."""
        alike = {one.level.name: len(one.level.loads) for one in self.measured if len({repr(load) for load in one.level.loads.values()}) == 1}
        most = max((alike.get(name, 1) for name in self.levels), default=0)
        return [level for name, level in self.levels.items() if alike.get(name, 1) == most]

    @cached_property
    def focus(self) -> LevelSummary | None:
        """The level that charts of a single one show: of the shared ones the heaviest that all engines carried, else the lightest."""
        carried = [level for level in self.shared if all(_carried(target) for target in level.targets)]
        return carried[-1] if carried else next(iter(self.shared), None)


def see(run: Run) -> Seen:
    """All of a run in memory. Raises `ResultsError` where it has no summary, or a file of it cannot be read."""
    summary = _summary(run)
    measured = tuple(run.measured())
    found = {(case.target, case.level): case for case in cases(notes_of(run, measured))}
    return Seen(run, summary, measured, _backends(run, summary), found)


def _carried(target: TargetAtLevel) -> bool:
    return (target.success.value or 0.0) >= CARRIED


def _summary(run: Run) -> Summary:
    written = summary_of(run)
    if written is None:
        how = "it gets one when it ends" if run.state is State.RUNNING else f"chatprobe results reprocess {run.folder} makes one of its chats"
        raise ResultsError(f"{run.name} has no summary; {how}")
    try:
        return from_json(written)
    except ValueError as error:
        raise ResultsError(f"{run.name}: summary.json: {error}; chatprobe results reprocess {run.folder} makes it anew") from error


def _backends(run: Run, summary: Summary) -> dict[str, str]:
    """Which engine each target has; of records from elsewhere, what these say."""
    if all(target in run.backends for target in summary.targets):
        return {target: run.backends[target] for target in summary.targets}
    of_records = {str(record["target"]): str(record.get("backend")) for record in run.records()}
    return {target: of_records.get(target, "") for target in summary.targets}

"""Everything that failed in a run, with the engine's own words of the first chat of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report.tables import Cell, Table, TableRow
from bench.results.reading import Run
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from catalogue.troubles.failures import FAILURES
from catalogue.troubles.trouble import Trouble
from probes.failure import Reason

_NEITHER = {
    "warm_up": "of the warm-up",
    "unsteady": "before it was steady",
    "cut": "cut off by the run's end",
    "own_fault": "failed by chatprobe's own fault",
    "loading": "waited for their model to be loaded",
}
"""What `counts` has beside attempts, in words."""


@dataclass(frozen=True, slots=True)
class Example:
    """The first chat of a target that failed for a reason: what was said of it, when it began, by which id the engine's log has it."""

    detail: str
    started_at: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The chats of one engine that failed for one reason at one level. `example` is the first of the run; None where none is known."""

    target: str
    level: str
    reason: str
    count: int
    attempts: int
    example: Example | None


@dataclass(frozen=True, slots=True)
class Failures:
    """`rows` count against their engines, `others` are chats that count neither way. `lacking` says what could not be kept, a sentence each."""

    rows: tuple[Failed, ...]
    others: Table
    lacking: tuple[str, ...]

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What each reason that came up means, what it can be, and what to do."""
        return tuple(FAILURES[Reason(name)] for name in dict.fromkeys(row.reason for row in self.rows) if name in FAILURES)


def failures(run: Run, summary: Summary) -> Failures:
    """All of them. Raises `ResultsError`."""
    examples = _examples(run)
    rows = tuple(row for level in summary.levels for target in level.targets for row in _of_target(level, target, examples))
    return Failures(rows, _others(summary.levels), run.doubts)


def _of_target(level: LevelSummary, target: TargetAtLevel, examples: Mapping[tuple[str, str], Example]) -> Iterator[Failed]:
    attempts = target.counts.attempts
    for reason, count in target.failures.items():
        yield Failed(target.target, level.name, reason, count, attempts, examples.get((target.target, reason)))
    if target.counts.unsent:
        yield Failed(target.target, level.name, "not sent, as the engine was dead or hung", target.counts.unsent, attempts, None)


def _others(levels: Sequence[LevelSummary]) -> Table:
    """A column for each kind of which there were some."""
    rows = [(level.name, target, _neither(target)) for level in levels for target in level.targets]
    kinds = list(dict.fromkeys(kind for _, _, counts in rows for kind in counts))
    told = (
        TableRow((level, target.target), tuple(Cell(f"{counts.get(kind, 0):,}") for kind in kinds), target.target) for level, target, counts in rows
    )
    return Table(
        "Chats that count neither for nor against an engine, and chats to be doubted", ("level", "engine", *kinds), tuple(told) if kinds else ()
    )


def _neither(target: TargetAtLevel) -> dict[str, int]:
    counts = {words: getattr(target.counts, name) for name, words in _NEITHER.items()}
    not_sent = {f"not sent: {reason}": count for reason, count in target.not_sent.items()}
    told = {**counts, **not_sent, "doubtful": target.doubtful, "gathered": target.gathered}
    return {kind: count for kind, count in told.items() if count}


def _examples(run: Run) -> Mapping[tuple[str, str], Example]:
    """By target and reason."""
    found: dict[tuple[str, str], Example] = {}
    for failed in run.records_as(_failed):
        if failed is not None:
            found.setdefault(*failed)
    return found


def _failed(line: dict[str, Any]) -> tuple[tuple[str, str], Example] | None:
    if line["reason"] is None:
        return None
    return (str(line["target"]), str(line["reason"])), Example(str(line.get("detail") or ""), str(line["started_at"]), str(line["request_id"]))

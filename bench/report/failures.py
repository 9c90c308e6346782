"""Everything that failed in a run, with the engine's own words of the first chat of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.results.reading import Run
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from probes.wording import counted

NOT_TO_BLAME = {
    "warm_up": "began in a warm-up",
    "unsteady": "began before their block was steady",
    "cut": "were under way when the run cut them off",
    "own_fault": "failed by a fault of chatprobe's own",
    "loading": "waited for their model to be loaded",
}
"""What `counts` has beside attempts, in words: chats that count neither way."""


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
    """`rows` count against their engines; `others` are sentences on chats that count neither way, and on what could not be kept."""

    rows: tuple[Failed, ...]
    others: tuple[str, ...]


def failures(run: Run, summary: Summary) -> Failures:
    """All of them. Raises `ResultsError`."""
    examples = _examples(run)
    rows = tuple(row for level in summary.levels for target in level.targets for row in _of_target(level, target, examples))
    return Failures(rows, (*_others(summary.levels), *run.doubts))


def _of_target(level: LevelSummary, target: TargetAtLevel, examples: Mapping[tuple[str, str], Example]) -> Iterator[Failed]:
    attempts = target.counts.attempts
    for reason, count in target.failures.items():
        yield Failed(target.target, level.name, reason, count, attempts, examples.get((target.target, reason)))
    if target.counts.unsent:
        yield Failed(target.target, level.name, "not sent, as the engine was dead or hung", target.counts.unsent, attempts, None)


def _others(levels: Sequence[LevelSummary]) -> Iterator[str]:
    for level in levels:
        for target in level.targets:
            told = [f"{getattr(target.counts, name):,} {words}" for name, words in NOT_TO_BLAME.items() if getattr(target.counts, name)]
            told += [f"{count:,} were due and not sent ({reason})" for reason, count in target.not_sent.items()]
            if told:
                yield f"{target.target}, {level.name}: of the chats that count neither way, {'; '.join(told)}."
            if target.doubtful:
                yield f"{target.target}, {level.name}: {counted(target.doubtful, 'chat')} doubtful."
            if target.gathered:
                yield f"{target.target}, {level.name}: the tokens of {counted(target.gathered, 'chat')} were gathered."


def _examples(run: Run) -> Mapping[tuple[str, str], Example]:
    """By target and reason."""
    found: dict[tuple[str, str], Example] = {}
    for (target, reason), example in run.records_as(_failed):
        found.setdefault((target, reason), example)
    return found


def _failed(line: dict[str, Any]) -> tuple[tuple[str, str], Example] | None:
    if line["reason"] is None:
        return None
    return (str(line["target"]), str(line["reason"])), Example(str(line.get("detail") or ""), str(line["started_at"]), str(line["request_id"]))

"""The verdict on a comparison, as values. Times are seconds, shares are of 1; the writers beside have their forms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bench.comparing.conditions import Condition
from bench.comparing.facts import Likeness
from bench.question import Question


class Outcome(StrEnum):
    """What can be said, and the exit code for it."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"

    @property
    def exit_code(self) -> int:
        return {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 2}[self]


class Basis(StrEnum):
    """What an interval covers: how much the next one of these would differ."""

    RUNS = "runs"
    ROUNDS = "rounds"
    STRETCHES = "stretches of a run"
    PARTS = "parts of a run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """By how much the candidate differs: over the baseline, or less the baseline where `is_ratio` is False, as for shares.

    `low` and `high` hold for this comparison alone, `low_corrected` and `high_corrected` for all that are looked at
    together. `replicates` is how many runs, rounds or stretches the smaller side has.
    """

    is_ratio: bool
    effect: float
    low: float
    high: float
    low_corrected: float
    high_corrected: float
    basis: Basis
    replicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedChange:
    """One measure of one target at one level: whether the candidate is worse by more than `threshold`.

    `target` and `level` are those of the baseline, or `A → B` where the sides have other names. `baseline` and
    `candidate` are the values themselves, as far as they are known. `definition` is the tool's. `change` is None where
    nothing says how sure it is.
    """

    target: str
    level: str
    question: Question
    threshold: float
    baseline: float | None
    candidate: float | None
    change: Change | None
    outcome: Outcome
    why: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCondition:
    """One condition of `--fail-on` on one target at one level. Bounds as in `Change`, of the value itself."""

    run: str
    target: str
    level: str
    condition: Condition
    value: float | None
    low: float | None
    high: float | None
    basis: Basis | None
    outcome: Outcome
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """How alike the sides were for one target at one level."""

    target: str
    level: str
    likeness: Likeness


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison says. `grounds` are what leaves no verdict on the comparison as a whole, `notes` what must be said with it."""

    baseline: tuple[str, ...]
    candidate: tuple[str, ...]
    confidence: float
    changes: tuple[JudgedChange, ...]
    conditions: tuple[JudgedCondition, ...]
    sorts: tuple[Sort, ...]
    grounds: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Outcome:
        """FAIL where anything surely failed; else INCONCLUSIVE where anything is undecided; else PASS."""
        found = {*(one.outcome for one in self.changes), *(one.outcome for one in self.conditions)}
        if Outcome.FAIL in found:
            return Outcome.FAIL
        return Outcome.INCONCLUSIVE if self.grounds or Outcome.INCONCLUSIVE in found or not found else Outcome.PASS


def count(judged: Iterable[JudgedChange | JudgedCondition], outcome: Outcome) -> int:
    """How many of them have this outcome."""
    return sum(one.outcome is outcome for one in judged)

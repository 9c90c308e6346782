"""Whether a load meets an SLO: by what is known of its goodput after each round, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.courses import flow
from bench.courses.varying import rounds_of
from bench.goodput import Goodput, goodput
from bench.level import Measured
from bench.overload import Overload
from bench.summary.words import exact_percent
from config.bench_slos import ChatSlo
from config.load import OpenLoop


@dataclass(frozen=True, slots=True)
class Goal:
    """What a load has to meet: this share of its chats is good. It is judged for sure at this confidence.

    `rounds` is how many rounds one load gets at most. A verdict is looked for after each of them, so that each look has
    its part of the doubt that the confidence leaves (Bonferroni): many looks make none of them worth less than told.
    """

    slo: ChatSlo
    objective: float = 0.95
    confidence: float = 0.95
    rounds: int = 3

    @property
    def words(self) -> str:
        """The goal, for people."""
        return f"{self.share} of chats within {self.slo.name} ({self.slo.words})"

    @property
    def share(self) -> str:
        """The objective, for people."""
        return exact_percent(self.objective)

    @property
    def look_confidence(self) -> float:
        """The confidence of each look's bound, on one side."""
        return 1 - (1 - self.confidence) / self.rounds


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a load: its goodput in all rounds that it had, and whether it was more than the target can do."""

    goodput: Goodput
    rounds: int
    overload: Overload | None

    def passes(self, goal: Goal) -> bool | None:
        """Whether the load meets the goal; None while more rounds may tell.

        After the last round the share itself decides, though nothing is sure. A load under which chats pile up without
        end fails, whatever became of those that came first.
        """
        sure = self.sure(goal)
        if sure is not None or self.rounds < goal.rounds:
            return sure
        return self.goodput.share is not None and self.goodput.share >= goal.objective

    def sure(self, goal: Goal) -> bool | None:
        """Whether it meets the goal, as far as the bounds tell; None where they leave it open."""
        if self.overload is not None:
            return False
        if self.goodput.above(goal.look_confidence) >= goal.objective:
            return True
        return False if self.goodput.below(goal.look_confidence) < goal.objective else None


def evidence(measured: Sequence[Measured], target: str, slo: ChatSlo) -> Evidence:
    """What these levels, all of one load, tell of a target."""
    counts = [goodput((chat for chat in level.chats if chat.target == target), slo) for level in measured]
    total = Goodput(sum(count.good for count in counts), sum(count.attempts for count in counts))
    open_loops = [level for level in measured if isinstance(level.level.loads.get(target), OpenLoop)]
    seen = next((found for level in open_loops if (found := flow.under_water(level, target)) is not None), None)
    return Evidence(total, sum(rounds_of(level, target) for level in measured), seen)

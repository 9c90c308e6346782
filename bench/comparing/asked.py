"""What is to be judged, and how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bench.comparing.conditions import Condition
from bench.comparing.thresholds import Thresholds
from bench.question import Question, asked
from config.bench_slos import ChatSlo

CONFIDENCE = 0.95
DEFAULT = (
    Question("ttft", 0.5),
    Question("ttft", 0.95),
    Question("tpot", 0.5),
    Question("tpot", 0.95),
    Question("throughput"),
    Question("success"),
)
"""What is looked at where nobody says otherwise. Each more of them makes every interval wider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`expected` are the facts that were to differ. `slo` is that of goodput; None where none was given."""

    thresholds: Thresholds = Thresholds()
    questions: Sequence[Question] = ()
    conditions: Sequence[Condition] = ()
    expected: Collection[str] = frozenset()
    slo: ChatSlo | None = None
    confidence: float = CONFIDENCE

    @property
    def compared(self) -> tuple[Question, ...]:
        """The questions that sides are compared in: those that were asked for, or the usual ones and those with thresholds of their own."""
        return asked(self.questions or DEFAULT, self.thresholds.questions)

    @property
    def by_name(self) -> frozenset[Question]:
        """Those that somebody asked for by name."""
        return frozenset((*self.questions, *self.thresholds.questions))

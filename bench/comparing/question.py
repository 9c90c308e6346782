"""What sides are compared in: a measure, and a quantile of it where it has a value for each chat. Written `ttft.p95`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench.measures import Quality, measures, qualities
from bench.summary.words import named
from probes.wording import listed

QUALITIES = qualities()
WITH_QUANTILES = frozenset(measure.name for measure in measures())
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")


class QuestionError(ValueError):
    """What was written is no question. The message says what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A measure by its name, and the quantile that is meant: None where the measure has one value for all chats."""

    measure: str
    quantile: float | None = None

    @property
    def quality(self) -> Quality:
        """The measure's words, unit and sense."""
        return QUALITIES[self.measure]

    def __str__(self) -> str:
        return self.measure if self.quantile is None else f"{self.measure}.p{self.quantile * 100:.10g}"


DEFAULT = (
    Question("ttft", 0.5),
    Question("ttft", 0.95),
    Question("tpot", 0.5),
    Question("tpot", 0.95),
    Question("throughput"),
    Question("success"),
)
"""What is looked at where nobody says otherwise. Each more of them makes every interval wider."""


def read_question(text: str) -> Question:
    """`ttft.p95`, `success`. Raises `QuestionError`."""
    name, dot, quantile = text.strip().partition(".")
    if name not in QUALITIES:
        raise QuestionError(f"there is no measure {name!r}; write one of {listed(sorted(QUALITIES), 'or')}")
    if name not in WITH_QUANTILES:
        if dot:
            raise QuestionError(f"{name} has one value for all chats, and no quantiles; write {name}")
        return Question(name)
    if not dot:
        raise QuestionError(f"{name} has a value for each chat; say which quantile, like {name}.p95")
    found = _QUANTILE.fullmatch(quantile)
    if found is None or not 0 < float(found[1]) < 100:
        raise QuestionError(f"{quantile!r} is no quantile; write p50, p95, p99 or p99.9, like {name}.p95")
    return Question(name, round(float(found[1]) / 100, 12))


def asked(*more: Iterable[Question]) -> tuple[Question, ...]:
    """Each question once, in the order in which they came."""
    return tuple(dict.fromkeys(question for questions in more for question in questions))


def words(question: Question) -> str:
    """For tables: `TTFT p95`."""
    return named(question.quality.short, question.quantile)

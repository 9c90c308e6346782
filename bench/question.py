"""What is asked of a run: a measure, and a quantile of it where it has a value for each chat. Written `ttft.p95`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from bench.measures import Quality, measures, qualities
from bench.statistics.quantiles import quantile_name
from bench.summary.words import named
from probes.wording import listed

QUALITIES = qualities()
WITH_QUANTILES = tuple(measure.name for measure in measures())
_QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")


class QuestionError(ValueError):
    """What was written is no question. The message says what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class Question:
    """A measure by its name, and the quantile that is meant: None where the measure has one value for all chats.

    `slo` is that of a goodput; None for whichever the run has. Raises `QuestionError` for what nobody could answer.
    """

    measure: str
    quantile: float | None = None
    slo: str | None = None

    def __post_init__(self) -> None:
        if self.measure not in QUALITIES:
            raise QuestionError(f"there is no measure {self.measure!r}; write one of {listed(sorted(QUALITIES), 'or')}")
        if self.measure not in WITH_QUANTILES:
            if self.quantile is not None:
                raise QuestionError(f"{self.measure} has one value for all chats, and no quantiles; write {self.measure}")
        elif self.quantile is None:
            raise QuestionError(f"{self.measure} has a value for each chat; say which quantile, like {self.measure}.p95")
        elif not 0 < self.quantile < 1:
            raise QuestionError(f"{quantile_name(self.quantile)!r} is no quantile; write p50, p95, p99 or p99.9, like {self.measure}.p95")

    @property
    def quality(self) -> Quality:
        """The measure's words, unit and sense."""
        return QUALITIES[self.measure]

    @property
    def words(self) -> str:
        """For tables: `TTFT p95`."""
        return named(self.quality.short, self.quantile, self.slo)

    def __str__(self) -> str:
        return self.measure if self.quantile is None else f"{self.measure}.{quantile_name(self.quantile)}"


def read_question(text: str) -> Question:
    """`ttft.p95`, `success`. Raises `QuestionError`."""
    name, dot, quantile = text.strip().partition(".")
    if not dot or name not in QUALITIES:
        return Question(name)
    found = _QUANTILE.fullmatch(quantile)
    if found is None and name in WITH_QUANTILES:
        raise QuestionError(f"{quantile!r} is no quantile; write p50, p95, p99 or p99.9, like {name}.p95")
    return Question(name, round(float(found[1]) / 100, 12) if found else 0.0)


def asked(*more: Iterable[Question]) -> tuple[Question, ...]:
    """Each question once, in the order in which they came."""
    return tuple(dict.fromkeys(question for questions in more for question in questions))

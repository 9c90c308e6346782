"""How much worse the candidate may be, as `--threshold` has it: `5%`, `ttft.p95=10%`, `success=0.5%`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.question import QUALITIES, Question, QuestionError, read_question
from probes.wording import listed

USUAL = 0.05
USUAL_OF_SHARES = 0.01
"""Success and goodput may be lower by one percentage point: five would be one more chat of twenty that fails."""
_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*%\s*")


class ThresholdError(ValueError):
    """What was written is no threshold. The message says what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """How much worse each measure may be: as a share of the baseline, or of 1 for shares (percentage points)."""

    usual: float = USUAL
    of_measures: Mapping[str, float] = field(default_factory=dict)
    of_questions: Mapping[Question, float] = field(default_factory=dict)

    def of(self, question: Question) -> float:
        """That of the question, else of its measure, else the usual one, which is not that of shares."""
        usual = USUAL_OF_SHARES if question.quality.unit == "share" else self.usual
        return self.of_questions.get(question, self.of_measures.get(question.measure, usual))

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those that have a threshold of their own, and are therefore looked at."""
        whole = [Question(name) for name in self.of_measures if QUALITIES[name].name in ("throughput", "goodput", "success")]
        return (*self.of_questions, *whole)


def read_thresholds(texts: Iterable[str]) -> Thresholds:
    """Later ones hold over earlier ones. Raises `ThresholdError`."""
    usual, of_measures, of_questions = USUAL, {}, {}
    for text in texts:
        name, equals, percent = text.rpartition("=")
        name = name.strip()
        found = _PERCENT.fullmatch(percent)
        if found is None:
            raise ThresholdError(f"{text!r} is no threshold; write a percentage, like 5%, or one of a measure, like ttft.p95=10%")
        share = float(found[1]) / 100
        if not equals:
            usual = share
        elif name in QUALITIES:
            of_measures[name] = share
        elif "." in name:
            try:
                of_questions[read_question(name)] = share
            except QuestionError as error:
                raise ThresholdError(f"{text!r}: {error}") from error
        else:
            raise ThresholdError(f"{text!r}: there is no measure {name!r}; write one of {listed(sorted(QUALITIES), 'or')}")
    return Thresholds(usual, of_measures, of_questions)

"""What fails a run by itself, as `--fail-on` has it: `ttft.p95>100ms`, `goodput<99%`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from bench.question import Question, QuestionError, read_question

_OPERATORS: dict[str, Callable[[float, float], bool]] = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_UNITS = {
    "s": {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0},
    "share": {"%": 1e-2},
    "tokens/s": {"tokens/s": 1.0, "tok/s": 1.0},
}
_CONDITION = re.compile(r"\s*([\w.]+)\s*(>=|<=|>|<)\s*(\d+(?:\.\d+)?|\.\d+)\s*(\S*)\s*")


class ConditionError(ValueError):
    """What was written is no condition. The message says what is wrong, and what would be right."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Fails a run whose value is on this side of the limit: `operator` is one of > >= < <=; `limit` is in seconds, tokens/s or a share."""

    question: Question
    operator: str
    limit: float
    text: str

    @property
    def above(self) -> bool:
        """Whether it fails what is above the limit, not what is below."""
        return self.operator.startswith(">")

    def holds_of(self, value: float) -> bool:
        """Whether a run with this value fails."""
        return _OPERATORS[self.operator](value, self.limit)


def read_condition(text: str) -> Condition:
    """Raises `ConditionError`."""
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ConditionError(f"{text!r} is no condition; write a measure, one of > >= < <= and a value, like 'ttft.p95>100ms' or 'success<99.9%'")
    name, sign, digits, unit = found.groups()
    try:
        question = read_question(name)
    except QuestionError as error:
        raise ConditionError(f"{text!r}: {error}") from error
    units = _UNITS[question.quality.unit]
    if unit not in units and not (question.quality.unit == "tokens/s" and not unit):
        raise ConditionError(f"{text!r}: {question.measure} is in {_unit_words(question)}; write {name}{sign}{digits}{next(iter(reversed(units)))}")
    limit = float(digits) * units.get(unit, 1.0)
    if question.quality.unit == "share" and limit > 1:
        raise ConditionError(f"{text!r}: no share is above 100%; write at most {name}{sign}100%")
    condition = Condition(question, sign, limit, text.strip())
    if condition.above != question.quality.lower_is_better:
        better, right = ("lower", ">") if question.quality.lower_is_better else ("higher", "<")
        raise ConditionError(f"{text!r} would fail a run for being good, as {better} is better; write what fails it, {name}{right}{digits}{unit}")
    return condition


def _unit_words(question: Question) -> str:
    return {"s": "seconds (us, ms or s)", "share": "percent (%)", "tokens/s": "tokens a second (tokens/s)"}[question.quality.unit]

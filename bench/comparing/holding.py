"""Runs judged by their conditions alone: does what fails them surely hold, or surely not?

As with changes, what fails is judged by intervals that hold for all conditions together, what passes by its own.
"""

from __future__ import annotations

import math

from bench.comparing.asked import Asked
from bench.comparing.conditions import Condition
from bench.comparing.estimating import UndecidedError, alone
from bench.comparing.run import ComparedRun, Side, Taken
from bench.comparing.verdict import JudgedCondition, Outcome
from bench.comparing.wording import value
from bench.question import Question
from bench.statistics.estimates import Estimate
from bench.statistics.over_rounds import interval_over_rounds
from bench.statistics.samples import TooFewError
from bench.summary.words import percent


def held(side: Side, what: Asked) -> list[JudgedCondition]:
    """Every condition on every run, target and level of the side."""
    places = [
        (run, target, level, condition)
        for condition in what.conditions
        for run in side.runs
        for target in run.targets.values()
        for level in target.levels
    ]
    return [_condition(run, target.name, level, target.levels[level], condition, what, len(places)) for run, target, level, condition in places]


def _condition(run: ComparedRun, target: str, level: str, one: Taken, condition: Condition, what: Asked, family: int) -> JudgedCondition:
    each = 1 - (1 - what.confidence) / family
    value_known, own, basis = one.told.get(condition.question), None, None
    try:
        if condition.question.measure not in run.definitions:
            raise UndecidedError(f"{run.tool} does not measure {condition.question.measure}")
        found = alone(one, condition.question, what.slo)
        own = _bounds(found.estimate, what.confidence)
        value_known, basis = found.estimate.shown, found.basis
        outcome, why = _held(condition, own, _bounds(found.estimate, each))
    except UndecidedError as error:
        outcome, why = Outcome.INCONCLUSIVE, str(error)
    except TooFewError as error:
        outcome, why = (Outcome.FAIL, failing) if (failing := _too_many_failed(one, condition, each)) else (Outcome.INCONCLUSIVE, str(error))
    if run.distrust:
        outcome, why = Outcome.INCONCLUSIVE, f"{run.name} cannot be trusted"
    return JudgedCondition(
        run=run.name,
        target=target,
        level=level,
        condition=condition,
        value=value_known,
        low=None if own is None else own[0],
        high=None if own is None else own[1],
        basis=basis,
        outcome=outcome,
        why=why,
    )


def _too_many_failed(one: Taken, condition: Condition, confidence: float) -> str | None:
    """Why a quantile is surely beyond any limit: so many chats failed that it lies among them, which are the worst."""
    if condition.question.quantile is None:
        return None
    try:
        _, most = _bounds(alone(one, Question("success"), None).estimate, confidence)
    except (UndecidedError, TooFewError):
        return None
    beyond = condition.question.quantile if condition.above else 1 - condition.question.quantile
    return f"at least {percent(1 - most)} of the chats failed, which are the worst there are" if most < beyond else None


def _bounds(estimate: Estimate, confidence: float) -> tuple[float, float]:
    interval = interval_over_rounds(estimate, confidence)
    if math.isnan(interval.low) or math.isnan(interval.high):
        raise TooFewError("there are too few chats in too few rounds to say how sure it is")
    return interval.low, interval.high


def _held(condition: Condition, own: tuple[float, float], corrected: tuple[float, float]) -> tuple[Outcome, str]:
    question = condition.question
    better, worse = (corrected[0], own[1]) if condition.above else (corrected[1], own[0])
    if condition.holds_of(better):
        return Outcome.FAIL, f"it is {value(question, better)} at best"
    if not condition.holds_of(worse):
        return Outcome.PASS, f"it is {value(question, worse)} at worst"
    return Outcome.INCONCLUSIVE, f"it lies between {value(question, min(better, worse))} and {value(question, max(better, worse))}"

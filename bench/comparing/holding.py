"""Runs judged by their conditions alone: does what fails them surely hold, or surely not?

As with changes, what fails is judged by intervals that hold for all conditions together, what passes by its own.
"""

from __future__ import annotations

import math

from bench.comparing.asked import Asked
from bench.comparing.conditions import Condition
from bench.comparing.estimating import UndecidedError, alone
from bench.comparing.run import Run, Side, Taken
from bench.comparing.verdict import JudgedCondition, Outcome
from bench.comparing.wording import value
from bench.statistics.estimates import Estimate
from bench.statistics.over_rounds import interval_over_rounds
from bench.statistics.samples import TooFewError


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


def _condition(run: Run, target: str, level: str, one: Taken, condition: Condition, what: Asked, family: int) -> JudgedCondition:
    try:
        if condition.question.measure not in run.definitions:
            raise UndecidedError(f"{run.tool} does not measure {condition.question.measure}")
        found = alone(one, condition.question, what.objective)
        own = _clipped(found.estimate, what.confidence)
        corrected = _clipped(found.estimate, 1 - (1 - what.confidence) / family)
    except (UndecidedError, TooFewError) as error:
        known = one.told.get(condition.question)
        return JudgedCondition(
            run=run.name, target=target, level=level, condition=condition, value=known, low=None, high=None, basis=None,
            outcome=Outcome.INCONCLUSIVE, why=str(error),
        )  # fmt: skip
    outcome, why = _held(condition, own, corrected)
    if run.distrust:
        outcome, why = Outcome.INCONCLUSIVE, f"{run.name} cannot be trusted"
    return JudgedCondition(
        run=run.name, target=target, level=level, condition=condition, value=found.estimate.shown, low=own[0], high=own[1], basis=found.basis,
        outcome=outcome, why=why,
    )  # fmt: skip


def _clipped(estimate: Estimate, confidence: float) -> tuple[float, float]:
    interval = interval_over_rounds(estimate, confidence)
    if math.isnan(interval.low) or math.isnan(interval.high):
        raise TooFewError("a single round with too few chats says nothing of how sure it is")
    return (interval.low, interval.high) if estimate.scale == "ratio" else (max(0.0, interval.low), min(1.0, interval.high))


def _held(condition: Condition, own: tuple[float, float], corrected: tuple[float, float]) -> tuple[Outcome, str]:
    question = condition.question
    better, worse = (corrected[0], own[1]) if condition.above else (corrected[1], own[0])
    if condition.holds_of(better):
        return Outcome.FAIL, f"it is surely {'above' if condition.above else 'below'}: {value(question, better)} at best"
    if not condition.holds_of(worse):
        return Outcome.PASS, f"it surely is not: {value(question, worse)} at worst"
    return Outcome.INCONCLUSIVE, f"the limit lies between {value(question, min(better, worse))} and {value(question, max(better, worse))}"

"""How values, changes and their bounds are written for people."""

from __future__ import annotations

from bench.comparing.verdict import Change
from bench.question import Question
from bench.summary.words import exact_percent, exact_points, percent, points, quantity


def value(question: Question, number: float | None) -> str:
    """`83.1 ms`, `99.5 %`, `412 tokens/s`; `–` where it is not known."""
    return "–" if number is None else quantity(number, question.quality.unit)


def share(number: float, question: Question) -> str:
    """How much worse something is: `5.2 %`, of shares `0.5 points`."""
    return points(number) if question.quality.unit == "share" else percent(number)


def allowed(number: float, question: Question) -> str:
    """How much worse something may be, as it was asked for: `12.5 %`, of shares `0.5 points`."""
    return exact_points(number) if question.quality.unit == "share" else exact_percent(number)


def effect(change: Change) -> str:
    """`+7.1 %`, of shares `-0.5 pts`."""
    return f"{_signed(change, change.effect)} {'%' if change.is_ratio else 'pts'}"


def bounds(change: Change) -> str:
    """`+5.2 … +9.0`, in the unit of the effect: those of this comparison alone."""
    return f"{_signed(change, change.low)} … {_signed(change, change.high)}"


def _signed(change: Change, bound: float) -> str:
    """In percent, or points: one figure behind the point, and none from 10 on."""
    number = (bound - 1 if change.is_ratio else bound) * 100
    if abs(number) >= 9.95:
        return f"{number:+,.0f}"
    return f"{number if abs(number) >= 0.05 else 0.0:+.1f}"

"""How values, changes and their bounds are written for people."""

from __future__ import annotations

from bench.comparing.question import Question
from bench.comparing.verdict import Change


def value(question: Question, number: float | None) -> str:
    """`83.1 ms`, `99.50 %`, `412 tokens/s`."""
    if number is None:
        return "–"
    match question.quality.unit:
        case "s":
            return f"{number * 1000:.3g} ms" if number < 1 else f"{number:.3g} s"
        case "share":
            return f"{number * 100:.2f} %"
        case _:
            return f"{number:.4g} tokens/s"


def share(number: float, question: Question) -> str:
    """Of a threshold, or of how much worse something is: `5 %`, of shares `0.5 points`."""
    points = question.quality.unit == "share"
    return f"{number * 100:.3g} points" if points else f"{number * 100:.3g} %"


def effect(change: Change) -> str:
    """`+7.1 %`, or `-0.5 points`."""
    return _signed(change, change.effect)


def bounds(change: Change) -> str:
    """`+5.2 … +9.0 %`: those of this comparison alone."""
    unit = "%" if change.is_ratio else "points"
    return f"{_number(change, change.low):+.1f} … {_number(change, change.high):+.1f} {unit}"


def _signed(change: Change, bound: float) -> str:
    return f"{_number(change, bound):+.1f} {'%' if change.is_ratio else 'points'}"


def _number(change: Change, bound: float) -> float:
    number = (bound - 1 if change.is_ratio else bound) * 100
    return number + 0.0 if abs(number) >= 0.05 else 0.0

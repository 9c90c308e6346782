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
            return f"{number:.3g} tok/s" if number < 1000 else f"{number:,.0f} tok/s"


def share(number: float, question: Question) -> str:
    """Of a threshold, or of how much worse something is: `5 %`, of shares `0.5 points`."""
    if question.quality.unit != "share":
        return f"{number * 100:.3g} %"
    return f"{number * 100:.3g} point{'' if round(number * 100, 2) == 1 else 's'}"


def allowed(number: float, question: Question) -> str:
    """The same in a cell of a table: `5 %`, `0.5 pts`."""
    return f"{number * 100:.3g} {'pts' if question.quality.unit == 'share' else '%'}"


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

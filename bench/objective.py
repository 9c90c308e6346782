"""Whether enough of a run's chats were good: yes, no, or it cannot be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.summary.shape import Known, Summary
from bench.summary.words import exact_percent, quantity

Attainment = Literal["met", "missed", "undecided"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and a sentence for each target and level that was not surely good enough."""

    verdict: Attainment
    why: tuple[str, ...] = ()


def judged(summary: Summary, slo: str, objective: float) -> Judgement:
    """Each target at each level must surely have such a share of good chats, and is missed where one surely has not.

    What is sure is said by the interval over rounds where there is one, else by that within the run. Nothing is where
    chatprobe itself was not well.
    """
    if not summary.verdict.trusted:
        return Judgement("undecided", tuple(summary.verdict.why))
    found = {
        f"{target.target}, {level.name}": (_verdict(known, objective), known)
        for level in summary.levels
        for target in level.targets
        for known in [target.goodput.get(slo)]
        if known is not None
    }
    why = tuple(f"{where}: {_words(known, verdict, objective)}" for where, (verdict, known) in found.items() if verdict != "met")
    verdicts = {verdict for verdict, _ in found.values()}
    if "missed" in verdicts:
        return Judgement("missed", why)
    return Judgement("undecided" if "undecided" in verdicts or not found else "met", why or (() if found else ("no chat was measured",)))


def _bounds(known: Known) -> tuple[float | None, float | None]:
    if known.low_over_rounds is not None and known.high_over_rounds is not None:
        return known.low_over_rounds, known.high_over_rounds
    return known.low, known.high


def _verdict(known: Known, objective: float) -> Attainment:
    low, high = _bounds(known)
    if low is None or high is None:
        return "undecided"
    if high < objective:
        return "missed"
    return "met" if low >= objective else "undecided"


def _words(known: Known, verdict: Attainment, objective: float) -> str:
    low, high = _bounds(known)
    if known.value is None or low is None or high is None:
        return f"its goodput is not known: {known.refused or 'there is no interval'}"
    what = "less than" if verdict == "missed" else "not surely"
    return f"{_share(known.value)} of the chats were good ({_share(low)} to {_share(high)}), {what} {exact_percent(objective)}"


def _share(value: float) -> str:
    return quantity(value, "share")

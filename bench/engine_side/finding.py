"""Findings, and the rules that make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.engine_side.case import Case
from probes.wording import listed

Kind = Literal["cause", "caveat", "unknown"]
"""A `cause` says why an engine is as it was measured. A `caveat` makes what was measured doubtful, or less than it seems.
`unknown` says what could not be told, for want of numbers.
"""
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that an engine's own numbers say, with these numbers.

    `level` is the lightest at which it holds; None where it is of the whole run. `words` are a sentence for people,
    `figures` what was measured at `level`, `by_level` at each level where it holds. `advice` is empty where nothing
    follows.
    """

    rule: str
    kind: Kind
    target: str
    level: str | None
    words: str
    figures: Figures
    advice: str
    by_level: Mapping[str, Figures] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """One of `findings` in `summary.json`."""
        return {
            "rule": self.rule,
            "kind": self.kind,
            "target": self.target,
            "level": self.level,
            "words": self.words,
            "figures": dict(self.figures),
            "by_level": {level: dict(figures) for level, figures in self.by_level.items()},
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a rule saw at one level.

    `words` are a sentence without the level, which is put behind them; `short` is its main figure, as it is told of
    heavier levels.
    """

    words: str
    short: str
    figures: Figures
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`look` gives the fact, if there is one. `known` says whether the engine tells what the rule looks at, `concerns` whether
    it is about such an engine at all.

    `needs` names what it looks at, for people. `fact`, `limit` and `remedy` are its row in `docs/findings.md`.
    """

    name: str
    kind: Kind
    needs: str
    known: Callable[[Case], bool]
    look: Callable[[Case], Fact | None]
    fact: str
    limit: str
    remedy: str
    concerns: Callable[[Case], bool] = lambda _: True


def judged(rule: Rule, case_by_level: Sequence[Case]) -> Finding | None:
    """What the rule finds of one target, whose cases are in the order of rising load."""
    facts = [(case.level, fact) for case in case_by_level if (fact := rule.look(case)) is not None]
    if not facts:
        return None
    level, first = facts[0]
    return Finding(
        rule=rule.name,
        kind=rule.kind,
        target=case_by_level[0].target,
        level=level,
        words=f"{first.words} {_where([level for level, _ in facts], [case.level for case in case_by_level])}{_heavier(facts)}",
        figures=first.figures,
        advice=first.advice,
        by_level={level: fact.figures for level, fact in facts},
    )


def _where(held: Sequence[str], levels: Sequence[str]) -> str:
    if len(held) > 1 and list(held) == list(levels[-len(held) :]):
        return f"from {held[0]} on"
    return f"at {listed(held)}"


def _heavier(facts: Sequence[tuple[str, Fact]]) -> str:
    """The main figure at the heaviest level, where that is another one."""
    level, last = facts[-1]
    return f" ({last.short} at {level})" if last.short != facts[0][1].short else ""

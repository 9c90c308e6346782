"""What follows from a run: each recommendation with the fact that it rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.measures import qualities
from bench.report.board import square
from bench.report.plain import with_level
from bench.summary.shape import Summary
from bench.summary.standings import by_thing
from bench.summary.words import named
from probes.wording import listed


@dataclass(frozen=True, slots=True)
class Advice:
    """`whom` is the engine that it concerns, or chatprobe; `fact` is what was measured."""

    kind: Literal["choice", "change", "measure"]
    whom: str
    words: str
    fact: str


def advice(summary: Summary) -> tuple[Advice, ...]:
    """First which engine for whom, then what to change about each, then what to measure."""
    return (*_choices(summary), *_changes(summary), *_measuring(summary))


def _choices(summary: Summary) -> Iterator[Advice]:
    """For whom an engine is the better one at every level at which the thing was compared."""
    if not summary.verdict.trusted:
        return
    known = qualities(summary.answer_tokens)
    by_best: dict[tuple[str, str], list[str]] = {}
    things: dict[tuple[str, float | None, str | None], list[tuple[str, str | None, str]]] = {}
    for (level, measure, quantile, slo), rows in by_thing(summary.comparisons).items():
        found = square(rows)
        things.setdefault((measure, quantile, slo), []).append((level, found.best, found.words))
    for (measure, quantile, slo), seen in things.items():
        for best in dict.fromkeys(best for _, best, _ in seen if best):
            levels = [level for level, winner, _ in seen if winner == best]
            words = next(words for level, winner, words in reversed(seen) if winner == best)
            where = "at every level" if len(levels) == len(summary.levels) > 1 else listed([with_level(level) for level in levels])
            fact = f"{named(known[measure].short, quantile, slo)} {where}: {words}"
            by_best.setdefault((best, known[measure].for_whom), []).append(fact)
    for (best, whom), facts in by_best.items():
        yield Advice("choice", best, f"Take it for {whom}.", ". ".join(facts))


def _changes(summary: Summary) -> Iterator[Advice]:
    for found in summary.findings:
        if found["advice"]:
            told = str(found["advice"])
            yield Advice("change", str(found["target"]), f"{told[0].upper()}{told[1:]}.", str(found["words"]))


def _measuring(summary: Summary) -> Iterator[Advice]:
    """How to know what this run could not tell."""
    if not summary.verdict.trusted:
        yield Advice("measure", "chatprobe", "Measure again once this is mended; no winner can be named before.", summary.verdict.why[0])
    if len(summary.targets) > 1 and summary.verdict.trusted:
        unseen = [row for row in summary.comparisons if row.winner is None and "more round" in row.why]
        if unseen:
            row = unseen[0]
            name = named(qualities(summary.answer_tokens)[row.measure].short, row.quantile, row.slo)
            yield Advice(
                "measure", "chatprobe", "Measure more rounds where a smaller difference matters.", f"{name} {with_level(row.level)}: {row.why}"
            )
    if any(level.rounds < 3 for level in summary.levels) and len(summary.targets) > 1:
        yield Advice("measure", "chatprobe", "Measure three rounds at least.", "Fewer whole rounds compare nothing.")

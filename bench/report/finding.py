"""The finding of a run in one paragraph that needs no definition: the exact one, with all figures, is the summary's `statement`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isinf

from bench.measures import TTFT
from bench.report.board import PLAIN, Square, square
from bench.report.people import felt_of, first_words, in_words, reading
from bench.report.plain import heaviest, in_seconds, share_of, told_levels, usual, with_level
from bench.summary.shape import LevelSummary, Summary, TargetAtLevel
from bench.summary.standings import by_thing
from probes.wording import listed

_MANY_FAILED = 0.01


def finding(summary: Summary) -> str:
    """The paragraph."""
    return " ".join(_sentences(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    levels = told_levels(summary)
    if summary.part:
        yield f"This is a part of a run: {summary.part}."
    if not levels or not any(level.targets for level in levels):
        yield "No chat was measured."
        return
    if not summary.verdict.trusted:
        if len(summary.targets) == 1:
            yield "These numbers are in doubt, as chatprobe itself was not well while it measured."
        else:
            yield "No winner is named, as chatprobe itself was not well while it measured."
            yield f"{in_words(heaviest(levels).name)}, {_lower(next(first_words([felt_of(target) for target in heaviest(levels).targets], ())))}"
    if len(summary.targets) == 1:
        yield from _alone(levels)
    elif summary.verdict.trusted:
        yield from _first_words(summary, levels)
    yield from reading([felt_of(target) for target in heaviest(levels).targets])
    if len(summary.targets) > 1 and summary.verdict.trusted:
        yield from _rest(summary, heaviest(levels))
    yield from _failed(summary)
    yield from _capacity(summary)


def _alone(levels: Sequence[LevelSummary]) -> Iterator[str]:
    told = [(level, target, wait) for level in levels for target in level.targets if (wait := usual(target, TTFT.name)) is not None]
    if not told:
        yield "No first word came."
        return
    waits = listed([f"after {in_seconds(wait)} {with_level(level.name)}" for level, _, wait in told if not isinf(wait)])
    if waits:
        yield f"{told[0][1].target} gives the first word {waits}."


def _first_words(summary: Summary, levels: Sequence[LevelSummary]) -> Iterator[str]:
    squares = {level.name: found for level in levels if (found := _square(summary, level)) is not None}
    bests = {found.best for found in squares.values()}
    if not squares:
        return
    if len(bests) == 1 and None not in bests:
        best = next(iter(bests)) or ""
        every = " at every load that was measured" if len(summary.levels) > 1 and len(squares) == len(levels) else ""
        yield f"{best} gives the first word soonest{every}: {_told_of(best, levels)}."
        return
    if all(found.kind == "same" for found in squares.values()):
        yield f"In the wait for the first word no difference was seen between {listed(list(summary.targets))}."
        return
    for level in dict.fromkeys((levels[0].name, levels[-1].name)):
        if level in squares:
            yield _at_level(next(one for one in levels if one.name == level), squares[level])


def _told_of(best: str, levels: Sequence[LevelSummary]) -> str:
    """`after 0.054 s with 1 user and 0.12 s with 16 users, where ollama takes 4.7 s`."""
    ends = [levels[0], levels[-1]] if len(levels) > 1 else [levels[0]]
    waits = [f"after {in_seconds(wait)} {with_level(level.name)}" for level in ends if (wait := _wait(level, best)) is not None]
    slowest = _slowest(ends[-1], best)
    return listed(waits) + (f", where {slowest}" if slowest else "")


def _at_level(level: LevelSummary, found: Square) -> str:
    match found.kind:
        case "best":
            best = found.best or ""
            wait, slowest = _wait(level, best), _slowest(level, best)
            after = "" if wait is None else f", after {in_seconds(wait)}"
            return f"{in_words(level.name)}, {best} gives the first word soonest{after}{f', where {slowest}' if slowest else ''}."
        case "some":
            over = "; ".join(f"{win.winner} is ahead: {listed(list(win.over))}" for win in found.wins)
            return f"{in_words(level.name)}, in the wait for the first word {over}."
        case "same":
            return f"{in_words(level.name)}, no difference was seen in the wait for the first word."
    return f"{in_words(level.name)}, the waits for the first word could not be compared: {found.words}."


def _wait(level: LevelSummary, target: str) -> float | None:
    return next((usual(one, TTFT.name) for one in level.targets if one.target == target), None)


def _slowest(level: LevelSummary, best: str) -> str | None:
    """`ollama takes 4.7 s`."""
    waits = [(wait, one.target) for one in level.targets if one.target != best and (wait := usual(one, TTFT.name)) is not None]
    if not waits:
        return None
    wait, target = max(waits)
    return f"{target} fails in more than half of the chats" if isinf(wait) else f"{target} takes {in_seconds(wait)}"


def _rest(summary: Summary, level: LevelSummary) -> Iterator[str]:
    """Who is ahead in everything else, at the heaviest level that was measured."""
    ahead: dict[str, list[str]] = {}
    same: list[str] = []
    for (at, measure, quantile, _), rows in by_thing(summary.comparisons).items():
        if at != level.name or measure == TTFT.name or (quantile or 0.5) != 0.5:
            continue
        found, name = square(rows), _lower(PLAIN[measure])
        if found.best is not None:
            ahead.setdefault(found.best, []).append(name)
        elif found.kind == "same":
            same.append(name)
    for engine, things in ahead.items():
        yield f"{in_words(level.name)}, {engine} is also ahead in {listed(list(dict.fromkeys(things)))}."
    if same:
        yield f"No difference was seen in {listed(list(dict.fromkeys(same)))}."


def _square(summary: Summary, level: LevelSummary) -> Square | None:
    rows = [row for row in summary.comparisons if row.level == level.name and row.measure == TTFT.name and row.quantile == 0.5]
    return square(rows) if rows else None


def _failed(summary: Summary) -> Iterator[str]:
    """The level at which each engine failed most, where that is worth telling."""
    for name in summary.targets:
        seen = [(_missing(target), level, target) for level in summary.levels for target in level.targets if target.target == name]
        if not seen:
            continue
        missing, level, target = max(seen, key=lambda each: each[0])
        counts = target.counts
        if missing > _MANY_FAILED:
            yield f"{in_words(level.name)}, only {share_of(counts.ok, counts.attempts)} of the chats with {name} succeeded."
    if all(target.success.value == 1 for level in summary.levels for target in level.targets):
        yield "All chats succeeded."


def _missing(target: TargetAtLevel) -> float:
    return 0.0 if target.success.value is None else 1 - target.success.value


def _capacity(summary: Summary) -> Iterator[str]:
    carried: dict[str, list[str]] = {}
    for outcome in summary.outcomes:
        figures = outcome.get("figures")
        if outcome.get("kind") == "capacity" and isinstance(figures, dict) and isinstance(figures.get("users"), int | float):
            carried.setdefault(str(figures.get("slo", "")), []).append(f"{outcome['target']} {figures['users']:,.3g}")
    for slo, told in carried.items():
        yield f"So many users at once can be served within the SLO {slo}: {listed(told)}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]

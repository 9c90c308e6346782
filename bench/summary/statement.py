"""What a run found, in one paragraph of plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.measures import qualities
from bench.summary.difference import size
from bench.summary.shape import Cause, Comparison, Known, LevelSummary, Summary, TargetAtLevel
from bench.summary.standings import engines_of
from bench.summary.words import named, percent, quantity
from probes.wording import listed

_LEVELS_TOLD = 3
"""Of more levels than this, only the first and the last are told in words."""
OUTCOMES_TOLD = ("knee", "capacity", "search")
"""What a course was held for."""
_MANY_FAILED = 0.01


def statement(summary: Summary) -> str:
    """The finding. `summary` needs no statement of its own yet."""
    return " ".join(_sentences(summary))


def _sentences(summary: Summary) -> Iterator[str]:
    if summary.part:
        yield f"This is a part of a run: {summary.part}."
    if not summary.verdict.trusted:
        more = len(summary.verdict.why) - 1
        yield f"There is no verdict, as chatprobe itself was not well: {summary.verdict.why[0]}{f' (and {more} more)' if more else ''}."
    elif len(summary.targets) > 1:
        yield from _compared(summary)
    yield from (f"{outcome['target']}: {outcome['words']}." for outcome in summary.outcomes if outcome.get("kind") in OUTCOMES_TOLD)
    for level in _told(summary):
        yield from (_alone(level, target) for target in level.targets if len(summary.targets) == 1)
        yield from (_failed(level, target) for target in level.targets if _many_failed(target.success))
    if summary.caveats:
        count = len(summary.caveats)
        yield f"{'One thing makes' if count == 1 else f'{count} things make'} the comparison unfair: see the caveats."


def _told(summary: Summary) -> list[LevelSummary]:
    levels = list(summary.levels)
    return levels if len(levels) <= _LEVELS_TOLD else [levels[0], levels[-1]]


def _compared(summary: Summary) -> Iterator[str]:
    for level in _told(summary):
        rows = [row for row in summary.comparisons if row.level == level.name]
        won = [row for row in rows if row.winner]
        seen = [row for row in rows if row.ratio is not None]
        if not rows:
            continue
        if not seen:
            yield f"At {level.name} nothing could be compared: {rows[0].why}."
        elif not won:
            yield f"At {level.name} no difference was seen between {listed(engines_of(rows))}{_could_have_shown(seen)}."
        else:
            rest = f" In the other {len(seen) - len(won)} comparisons no difference was seen." if len(seen) > len(won) + 1 else ""
            yield f"At {level.name} {'; '.join(_wins(summary, won))}.{rest}"
            yield from (f"{cause.words}." for cause in _causes(won))


def _wins(summary: Summary, won: list[Comparison]) -> Iterator[str]:
    """`vllm is better than tgi in TTFT p50 (by 31 %) and throughput (20 %)`, for each two engines."""
    known = qualities(summary.answer_tokens)
    for winner, loser in dict.fromkeys((row.winner, row.b if row.winner == row.a else row.a) for row in won):
        rows = [row for row in won if {row.a, row.b} == {winner, loser} and row.winner == winner]
        told = [f"{named(known[row.measure].short, row.quantile, row.slo)} ({size(row)})" for row in rows]
        yield f"{winner} is better than {loser} in {listed(told)}"


def _causes(won: Sequence[Comparison]) -> Iterator[Cause]:
    """The largest cause of each win, once for each two engines and part of them."""
    largest = [(row.a, row.b, row.causes[0]) for row in won if row.causes]
    yield from {(a, b, cause.part): cause for a, b, cause in reversed(largest)}.values()


def _could_have_shown(rows: list[Comparison]) -> str:
    shown = [row for row in rows if row.detectable is not None and row.difference is None]
    if not shown:
        return ""
    largest = max(shown, key=lambda row: row.detectable or 0.0)
    return f"; differences of more than {percent(largest.detectable or 0.0)} would have been"


def _alone(level: LevelSummary, target: TargetAtLevel) -> str:
    told = [
        text
        for text in (
            _p50(target, "ttft", "the first word came after {}"),
            _p50(target, "tpot", "then a token every {}"),
            _number(target.throughput, "{} in all"),
        )
        if text
    ]
    succeeded = f"{target.counts.ok} of {target.counts.attempts} chats succeeded"
    return f"{target.target} at {level.name}: {', '.join([*told, succeeded])}."


def _p50(target: TargetAtLevel, measure: str, words: str) -> str | None:
    spread = target.measures.get(measure)
    middle = spread.quantiles[0.5].value if spread else None
    if middle is None or spread is None:
        return None
    late = spread.quantiles[0.95].value
    return words.format(quantity(middle, spread.unit)) + (f" (p95 {quantity(late, spread.unit)})" if late is not None else "")


def _number(known: Known, words: str) -> str | None:
    return None if known.value is None else words.format(quantity(known.value, "tokens/s"))


def _many_failed(success: Known) -> bool:
    return success.value is not None and success.value < 1 - _MANY_FAILED


def _failed(level: LevelSummary, target: TargetAtLevel) -> str:
    counts = target.counts
    reasons = [f"{count} {reason}" for reason, count in target.failures.items()] + ([f"{counts.unsent} not sent"] if counts.unsent else [])
    share = percent((counts.failed + counts.unsent) / counts.attempts)
    return f"At {level.name}, {share} of the chats with {target.target} failed ({', '.join(reasons)})."

"""Who is better at what: a row for each thing that engines were compared in, a column for each level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from bench.measures import Quality, qualities
from bench.report.plain import times
from bench.summary.shape import Comparison, LevelSummary, Summary
from bench.summary.standings import by_thing, engines_of
from bench.summary.words import named, percent, points
from probes.wording import listed

PLAIN = {
    "ttft": "The wait for the first word",
    "first_content": "The wait for the answer's first word",
    "since_due": "The wait since one has come",
    "tpot": "The pace of the text",
    "itl": "The pace of the text, token by token",
    "stall": "Standing still in mid-sentence",
    "e2e": "The whole answer",
    "answer": "The whole answer",
    "output_rate": "The pace of long answers",
    "throughput": "Text for all users together",
    "goodput": "Chats within the SLO",
    "success": "Chats that succeed",
}
"""Each measure in words that need no definition."""
Kind = Literal["best", "some", "same", "unknown"]
_IN_PERCENT_BELOW = 2.0
"""What takes twice as long, or longer, is told as so many times."""


@dataclass(frozen=True, slots=True)
class Win:
    """One engine that is better than others, with what each of these is beside it."""

    winner: str
    over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Square:
    """One thing at one level. `best` is the engine that is better than all others; of `some`, `wins` has who is better than whom.

    `words` say how much, what could have been seen, or why nothing can be said.
    """

    kind: Kind
    best: str | None
    wins: tuple[Win, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """One thing. `name` is how tables call it. A square is None where the thing was not compared at that level."""

    plain: str
    name: str
    for_whom: str
    squares: tuple[Square | None, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """`levels` are the columns."""

    levels: tuple[str, ...]
    rows: tuple[Row, ...]


def board(summary: Summary, levels: Sequence[LevelSummary]) -> Board:
    """What was compared at these levels; without rows where nothing was."""
    known = qualities(summary.answer_tokens)
    found = by_thing(summary.comparisons)
    names = [level.name for level in levels]
    things = list(dict.fromkeys(thing[1:] for thing in found if thing[0] in names))
    rows = (_row(known[thing[0]], thing, [found.get((name, *thing)) for name in names]) for thing in things)
    return Board(tuple(names), tuple(rows))


def _row(quality: Quality, thing: tuple[str, float | None, str | None], compared: Sequence[list[Comparison] | None]) -> Row:
    _, quantile, slo = thing
    plain = PLAIN[quality.name]
    late = f"{plain}, of the slowest {_of_hundred(quantile)}" if quantile is not None and quantile > 0.5 else plain
    return Row(late, named(quality.short, quantile, slo), quality.for_whom, tuple(None if rows is None else square(rows) for rows in compared))


def _of_hundred(quantile: float) -> str:
    """`5 in 100`, from which on a quantile is."""
    return f"{(1 - quantile) * 100:.3g} in 100"


def square(rows: Sequence[Comparison]) -> Square:
    """What the comparisons of all pairs of engines in one thing say."""
    seen = [row for row in rows if row.ratio is not None or row.winner is not None]
    won = [row for row in rows if row.winner is not None]
    if won:
        best = next((engine for engine in engines_of(rows) if sum(row.winner == engine for row in rows) == len(engines_of(rows)) - 1), None)
        wins = _wins(won)
        if best is not None:
            return Square("best", best, wins, "; ".join(next(win.over for win in wins if win.winner == best)))
        rest = [f"{row.a} and {row.b}" for row in rows if row.winner is None]
        return Square("some", None, wins, f"no difference seen between {', or '.join(rest)}" if rest else "")
    if seen:
        return Square("same", None, (), _could_have_shown(seen))
    return Square("unknown", None, (), listed(list(dict.fromkeys(row.why for row in rows))))


def _wins(won: Sequence[Comparison]) -> tuple[Win, ...]:
    over: dict[str, list[str]] = {}
    for row in won:
        assert row.winner is not None
        loser = row.b if row.winner == row.a else row.a
        over.setdefault(row.winner, []).append(_beside(row, loser))
    return tuple(Win(winner, tuple(told)) for winner, told in over.items())


def _beside(row: Comparison, loser: str) -> str:
    """The loser beside the winner: `tgi takes 17 % longer (15 to 19 %)`, `ollama 38 times as long (36 to 41)`, `tgi has 4.9 points less (3 to 7)`."""
    if row.difference is not None:
        low, high = sorted(min(1.0, abs(bound)) for bound in (row.difference.low, row.difference.high))
        return f"{loser} has {points(abs(row.difference.value))} less ({_range(points(low), points(high))})"
    if not row.ratio or row.low is None or not row.high:
        return f"{loser} is behind"
    low, middle, high = (row.low, row.ratio, row.high) if row.winner == row.a else (1 / row.high, 1 / row.ratio, 1 / row.low if row.low else inf)
    if qualities()[row.measure].unit != "s":
        return f"{loser} has {percent(1 - middle)} less ({_range(percent(1 - high), percent(1 - low))})"
    if middle < _IN_PERCENT_BELOW:
        return f"{loser} takes {percent(middle - 1)} longer ({_range(percent(low - 1), percent(high - 1))})"
    return f"{loser} takes {times(middle)} as long ({_range(times(low), times(high))})"


def _range(low: str, high: str) -> str:
    """`15 to 19 %`, with one unit for both."""
    return f"{low.rpartition(' ')[0]} to {high}"


def _could_have_shown(seen: Sequence[Comparison]) -> str:
    known = [row for row in seen if row.detectable is not None]
    if not known:
        return ""
    least = max(known, key=lambda row: row.detectable or 0.0)
    show = points if least.difference is not None else percent
    return f"differences of more than {show(least.detectable or 0.0)} would have been"

"""Who is better at what, and for whom that matters. There is no score that adds these up: they are unlike things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from bench.measures import qualities
from bench.summary.shape import Comparison, Standing
from bench.summary.words import listed

Thing = tuple[str, str, float, str]


def standings(comparisons: Sequence[Comparison], answer_tokens: int) -> Iterator[Standing]:
    """A row for each thing at each level, in the order in which they were compared."""
    known = qualities(answer_tokens)
    order = {thing: number for number, thing in enumerate(dict.fromkeys(map(_thing, comparisons)))}
    for _, found in groupby(sorted(comparisons, key=lambda one: order[_thing(one)]), key=_thing):
        rows = list(found)
        first = rows[0]
        yield Standing(first.level, first.measure, first.quantile, first.slo, known[first.measure].for_whom, best(rows), _words(rows))


def best(rows: Sequence[Comparison]) -> str | None:
    """The engine that is better than every other one; None where there is none."""
    engines = _engines(rows)
    return next((engine for engine in engines if sum(row.winner == engine for row in rows) == len(engines) - 1), None)


def _words(rows: Sequence[Comparison]) -> str:
    won = [row for row in rows if row.winner is not None]
    if len(rows) == 1:
        return rows[0].why
    if not won:
        return "; ".join(dict.fromkeys(row.why for row in rows)) if _all_refused(rows) else f"no difference seen between {listed(_engines(rows))}"
    open_pairs = [f"{row.a} and {row.b}" for row in rows if row.winner is None]
    told = "; ".join(row.why for row in won)
    return f"{told}; none seen between {listed(open_pairs)}" if open_pairs else told


def _all_refused(rows: Sequence[Comparison]) -> bool:
    return all(row.ratio is None for row in rows)


def _engines(rows: Sequence[Comparison]) -> list[str]:
    return list(dict.fromkeys(engine for row in rows for engine in (row.a, row.b)))


def _thing(one: Comparison) -> Thing:
    return (one.level, one.measure, one.quantile or 0.0, one.slo or "")

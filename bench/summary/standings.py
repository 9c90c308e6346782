"""Who is better at what, and for whom that matters. There is no score that adds these up: they are unlike things."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.measures import qualities
from bench.summary.shape import Comparison, Standing
from probes.wording import listed

Thing = tuple[str, str, float | None, str | None]
"""Level, measure, quantile, and SLO."""


def standings(comparisons: Sequence[Comparison], answer_tokens: int) -> Iterator[Standing]:
    """A row for each thing at each level, in the order in which they were compared."""
    known = qualities(answer_tokens)
    for (level, *_), rows in by_thing(comparisons).items():
        first = rows[0]
        engines = engines_of([row for row in comparisons if row.level == level])
        yield Standing(level, first.measure, first.quantile, first.slo, known[first.measure].for_whom, _best(rows, engines), _words(rows))


def by_thing(comparisons: Sequence[Comparison]) -> dict[Thing, list[Comparison]]:
    """The comparisons of each thing at each level: those of all pairs of engines."""
    found: dict[Thing, list[Comparison]] = {}
    for one in comparisons:
        found.setdefault((one.level, one.measure, one.quantile, one.slo), []).append(one)
    return found


def engines_of(rows: Sequence[Comparison]) -> list[str]:
    """Who is compared in these."""
    return list(dict.fromkeys(engine for row in rows for engine in (row.a, row.b)))


def _best(rows: Sequence[Comparison], engines: Sequence[str]) -> str | None:
    """The engine that is better than every other one of the level; None where there is none."""
    return next((engine for engine in engines if sum(row.winner == engine for row in rows) == len(engines) - 1), None)


def _words(rows: Sequence[Comparison]) -> str:
    if len(rows) == 1:
        return "; ".join(_why(rows[0]))
    won = [words for row in rows if row.winner is not None for words in _why(row)]
    level = [f"{row.a} and {row.b}" for row in rows if row.winner is None and row.ratio is not None]
    refused = [row.why for row in rows if row.ratio is None]
    none_seen = [f"no difference seen between {listed(level)}"] if level else []
    return "; ".join(dict.fromkeys([*won, *none_seen, *refused]))


def _why(row: Comparison) -> list[str]:
    return [row.why, *(cause.words for cause in row.causes)]

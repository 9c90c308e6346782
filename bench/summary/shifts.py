"""The shift function: how far two engines are apart at each decile (Doksum, Annals of Statistics 2, 1974).

It shows whether an engine is slower for all chats or only for the slow ones. No winner is named by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.measures import Measure, measures
from bench.statistics.comparison import LEAST_ROUNDS, Comparison, Contrast, compare
from bench.statistics.samples import TooFewError
from bench.summary.contrasts import pairs
from bench.summary.estimating import only, quantiles_of, whole_rounds
from bench.summary.given import Given
from bench.summary.sample import Sample
from bench.summary.scope import Scope
from bench.summary.shape import CONFIDENCE, Decile, Shift

DECILES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


def shifts(given: Given, scope: Scope, samples: Mapping[str, Sequence[Sample]]) -> Iterator[Shift]:
    """Those of the measures that are looked at so, of all pairs at all levels."""
    chosen = [measure for measure in measures(scope.answer_tokens) if measure.name in scope.shifts]
    for measured in given.measured:
        for a, b in pairs(measured, samples[measured.level.name]):
            rounds = whole_rounds([a, b])
            for measure in chosen:
                yield _shift(measured.level.name, measure, only(a, rounds), only(b, rounds), paired=given.paired)


def _shift(level: str, measure: Measure, a: Sample, b: Sample, *, paired: bool) -> Shift:
    if len(a.rounds) < LEAST_ROUNDS:
        return Shift(level, measure.name, a.target, b.target, (), f"it needs {LEAST_ROUNDS} whole rounds of both; there are {len(a.rounds)}")
    try:
        estimates = zip(DECILES, quantiles_of(a, measure, DECILES), quantiles_of(b, measure, DECILES), strict=True)
    except TooFewError as error:
        return Shift(level, measure.name, a.target, b.target, (), str(error))
    asked = [Contrast(measure.name, decile, a.target, b.target, of_a, of_b) for decile, of_a, of_b in estimates]
    found = compare(asked, paired=paired, confidence=CONFIDENCE)
    return Shift(level, measure.name, a.target, b.target, tuple(map(_decile, asked, found)))


def _decile(asked: Contrast, found: Comparison) -> Decile:
    a, b = asked.of_a.shown, asked.of_b.shown
    return Decile(asked.quantile or 0.0, a, b, b - a, found.effect, found.low, found.high)

"""All pairs of engines at all levels, compared in what is looked at: who is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import inf

from bench.level import Measured
from bench.measures import Quality, qualities
from bench.question import Question
from bench.statistics import comparison
from bench.statistics.comparison import LEAST_ROUNDS, Contrast
from bench.statistics.estimates import Estimate
from bench.statistics.samples import TooFewError
from bench.summary.difference import no_difference, said
from bench.summary.estimating import estimate_of, only, whole_rounds
from bench.summary.given import Given
from bench.summary.sample import Sample
from bench.summary.scope import Scope, alike_in_length, arrivals_at, questions_for
from bench.summary.shape import CONFIDENCE, Comparison, Difference


@dataclass(frozen=True, slots=True)
class _Asked:
    """One comparison that is asked for. `contrast` is the reason in words where it cannot be made."""

    level: str
    question: Question
    a: str
    b: str
    rounds: int
    contrast: Contrast | str


def comparisons(given: Given, scope: Scope, samples: Mapping[str, Sequence[Sample]]) -> tuple[Comparison, ...]:
    """Every comparison of the run. `samples` are those of each level, by its name.

    The levels' chats are independent of each other, so the confidence of all levels is the product of theirs (Šidák,
    JASA 62, 1967). Within a level, `bench.statistics` corrects for what is compared.
    """
    by_level = [list(_asked(given, scope, measured, samples[measured.level.name])) for measured in given.measured]
    families = sum(any(isinstance(one.contrast, Contrast) for one in asked) for asked in by_level)
    confidence = CONFIDENCE ** (1 / max(families, 1))
    known = qualities(scope.answer_tokens)
    return tuple(each for asked in by_level for each in _compared(asked, known, paired=given.paired, confidence=confidence))


def _asked(given: Given, scope: Scope, measured: Measured, samples: Sequence[Sample]) -> Iterator[_Asked]:
    for a, b in pairs(measured, samples):
        rounds = whole_rounds([a, b])
        of_a, of_b = only(a, rounds), only(b, rounds)
        alike = alike_in_length(of_a.attempts, of_b.attempts)
        slos = [slo.name for slo in given.slos]
        for question in questions_for(scope, arrivals=arrivals_at(measured.level, a.target), slos=slos, alike=alike):
            contrast = _contrast(given, scope, question, of_a, of_b)
            yield _Asked(measured.level.name, question, a.target, b.target, len(rounds), contrast)


def pairs(measured: Measured, samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    """All two engines that had the same load at this level.

    None of a level that its course gave fewer rounds than a comparison needs: a search asks of each engine alone.
    """
    loads, rounds = measured.level.loads, measured.level.rounds
    if rounds is not None and rounds < LEAST_ROUNDS:
        return
    yield from ((a, b) for a, b in combinations(samples, 2) if loads.get(a.target) == loads.get(b.target))


def _contrast(given: Given, scope: Scope, question: Question, a: Sample, b: Sample) -> Contrast | str:
    if len(a.rounds) < LEAST_ROUNDS:
        return f"a comparison needs {LEAST_ROUNDS} whole rounds of both; there are {len(a.rounds)}"
    estimates = []
    for sample in (a, b):
        try:
            estimates.append(_estimate(given, scope, question, sample))
        except TooFewError as error:
            return f"{sample.target}: {error}"
    return Contrast(question.measure, question.quantile, a.target, b.target, *estimates)


def _estimate(given: Given, scope: Scope, question: Question, sample: Sample) -> Estimate:
    slo = next((slo for slo in given.slos if slo.name == question.slo), None)
    return estimate_of(sample, qualities(scope.answer_tokens)[question.measure], question.quantile, slo)


def _compared(asked: Sequence[_Asked], known: Mapping[str, Quality], *, paired: bool, confidence: float) -> Iterator[Comparison]:
    """The comparisons of one level."""
    contrasts = [one.contrast for one in asked if isinstance(one.contrast, Contrast)]
    together = iter(comparison.compare(contrasts, paired=paired, confidence=confidence))
    alone = iter(comparison.compare(contrasts, paired=paired, confidence=CONFIDENCE))
    for one in asked:
        if isinstance(one.contrast, str):
            yield _row(one, why=one.contrast)
        else:
            yield _found(one, one.contrast, known[one.question.measure], next(together), next(alone))


def _found(one: _Asked, contrast: Contrast, quality: Quality, together: comparison.Comparison, alone: comparison.Comparison) -> Comparison:
    a, b = contrast.of_a.shown, contrast.of_b.shown
    by_difference = together.scale == "difference"

    def ratio(effect: float) -> float:
        return _of_share(a, effect) if by_difference else effect

    b_is_better = (together.effect < (0.0 if by_difference else 1.0)) is quality.lower_is_better
    row = _row(
        one,
        a_value=a,
        b_value=b,
        ratio=ratio(together.effect),
        low=ratio(together.low),
        high=ratio(together.high),
        low_alone=ratio(alone.low_alone),
        high_alone=ratio(alone.high_alone),
        difference=Difference(together.effect, together.low, together.high) if by_difference else None,
        detectable=together.detectable,
        winner=(one.b if b_is_better else one.a) if together.differs else None,
        why=no_difference(together),
    )
    return replace(row, why=said(quality, row)) if together.differs else row


def _of_share(share: float, difference: float) -> float:
    """What a difference makes of a share, as a ratio to it."""
    if share > 0:
        return max(0.0, (share + difference) / share)
    return 1.0 if difference == 0 else inf if difference > 0 else 0.0


def _row(one: _Asked, *, why: str, **found: object) -> Comparison:
    return Comparison(
        level=one.level, measure=one.question.measure, quantile=one.question.quantile, slo=one.question.slo, a=one.a, b=one.b,
        confidence=CONFIDENCE, rounds=one.rounds, why=why, **found,  # type: ignore[arg-type]
    )  # fmt: skip

"""Makes the summary of a run: the one way from its chats to what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bench.level import Measured
from bench.summary.causes import with_causes
from bench.summary.contrasts import comparisons
from bench.summary.given import Given
from bench.summary.levels import cut_off, target_at_level
from bench.summary.sample import Sample, sample
from bench.summary.scope import SCOPES, Scope, arrivals_at, notes, stationary
from bench.summary.shape import CONFIDENCE, Comparison, LevelSummary, Steady, Summary, Trust
from bench.summary.shifts import shifts
from bench.summary.standings import standings
from bench.summary.statement import statement
from bench.summary.steadiness import changing, steady_part
from bench.summary.trust import trust


def summarise(given: Given, scope: Scope = SCOPES["standard"]) -> Summary:
    """What the run says, from beginning to end without a clock, a file or chance: the same chats, the same summary."""
    steady = {measured.level.name: _steady(measured, _samples(given, measured)) for measured in given.measured}
    samples = {measured.level.name: _samples(given, measured, steady[measured.level.name].from_seconds) for measured in given.measured}
    trusted = trust(given, samples)
    compared = with_causes(_judged(comparisons(given, scope, samples), trusted), given.insides, scope.answer_tokens)
    summary = Summary(
        targets=given.targets,
        confidence=CONFIDENCE,
        answer_tokens=scope.answer_tokens,
        slos={slo.name: dict(slo.thresholds) for slo in given.slos},
        levels=tuple(_level(given, measured, samples[measured.level.name], steady[measured.level.name], scope) for measured in given.measured),
        comparisons=compared,
        shifts=tuple(shifts(given, scope, samples)),
        standings=tuple(standings(compared, scope.answer_tokens)),
        verdict=trusted,
        caveats=tuple(given.caveats),
        findings=tuple(given.findings),
        engine_side=tuple(inside.to_json() for inside in given.insides),
        outcomes=tuple(given.outcomes),
        part=given.part,
        statement="",
    )
    return replace(summary, statement=statement(summary))


def _steady(measured: Measured, samples: Sequence[Sample]) -> Steady:
    return steady_part(samples) if stationary(measured.level) else changing(samples)


def _samples(given: Given, measured: Measured, from_seconds: float | None = None) -> list[Sample]:
    """Those of all targets that were measured at this level."""
    return [sample(target, measured, from_seconds) for target in given.targets if any(target in block.targets for block in measured.blocks)]


def _level(given: Given, measured: Measured, samples: Sequence[Sample], steady: Steady, scope: Scope) -> LevelSummary:
    level = measured.level
    arrivals = {each.target: arrivals_at(level, each.target) for each in samples}
    return LevelSummary(
        name=level.name,
        arrivals=any(arrivals.values()),
        rounds=len({block.round for block in measured.blocks}),
        steady=steady,
        notes=(*notes(scope, samples, arrivals=any(arrivals.values())), *cut_off(samples)),
        targets=tuple(
            target_at_level(each, given, level=level.name, arrivals=arrivals[each.target], answer_tokens=scope.answer_tokens) for each in samples
        ),
    )


def _judged(compared: Sequence[Comparison], trusted: Trust) -> tuple[Comparison, ...]:
    """Without winners, where chatprobe itself was not well."""
    if trusted.trusted:
        return tuple(compared)
    return tuple(replace(one, winner=None, why=f"no verdict, as chatprobe itself was not well: {trusted.why[0]}") for one in compared)

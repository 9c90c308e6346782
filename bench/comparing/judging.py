"""Two sides, or one run, judged: what is compared with what, how alike the sides are, and what the intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.comparing.asked import Asked
from bench.comparing.deciding import decided
from bench.comparing.estimating import Estimated, UndecidedError, enough_runs, estimated, taken
from bench.comparing.facts import Likeness, likeness
from bench.comparing.holding import held
from bench.comparing.pairing import Pair, pairing
from bench.comparing.question import Question
from bench.comparing.run import Definition, Run, Side, Taken
from bench.comparing.verdict import Change, JudgedChange, Outcome, Sort, Verdict
from bench.statistics.comparison import Comparison, Contrast, compare
from bench.summary.given import Objective


@dataclass(frozen=True, slots=True)
class _Place:
    """One question of one pair."""

    pair: Pair
    question: Question
    likeness: Likeness
    definitions: tuple[Definition, ...]


def judge(baseline: Side, candidate: Side, what: Asked) -> Verdict:
    """The candidate beside the baseline, and its own conditions. Raises `PairingError` where they have nothing in common."""
    found = pairing(baseline, candidate)
    alike = {pair: likeness(baseline, candidate, pair.targets, pair.levels, what.expected) for pair in found.pairs}
    places = [_Place(pair, question, alike[pair], _definitions(baseline, candidate, question)) for pair in found.pairs for question in what.compared]
    grounds = (*_distrusted((*baseline.runs, *candidate.runs)), *(() if "load" in what.expected else found.missing))
    return Verdict(
        baseline=tuple(run.source for run in baseline.runs),
        candidate=tuple(run.source for run in candidate.runs),
        confidence=what.confidence,
        changes=tuple(_changes(baseline, candidate, places, what, bool(grounds))),
        conditions=tuple(held(candidate, what)),
        sorts=tuple(Sort(target=pair.target, level=pair.level, likeness=alike[pair]) for pair in found.pairs),
        grounds=grounds,
        notes=(*_notes(baseline, candidate), *(found.missing if "load" in what.expected else ())),
    )


def judge_alone(side: Side, what: Asked) -> Verdict:
    """Runs by their conditions alone."""
    return Verdict(
        baseline=(),
        candidate=tuple(run.source for run in side.runs),
        confidence=what.confidence,
        changes=(),
        conditions=tuple(held(side, what)),
        sorts=(),
        grounds=_distrusted(side.runs),
        notes=tuple(note for run in side.runs for note in run.notes),
    )


def _distrusted(runs: Sequence[Run]) -> tuple[str, ...]:
    return tuple(f"{run.name} cannot be trusted: {why}" for run in dict.fromkeys(runs) for why in run.distrust)


def _definitions(baseline: Side, candidate: Side, question: Question) -> tuple[Definition, ...]:
    """The distinct ones of all runs."""
    return tuple(dict.fromkeys(found for run in (*baseline.runs, *candidate.runs) if (found := run.definitions.get(question.measure)) is not None))


def _changes(baseline: Side, candidate: Side, places: Sequence[_Place], what: Asked, distrusted: bool) -> list[JudgedChange]:
    sides = {
        place: (taken(baseline, place.pair.targets[0], place.pair.levels[0]), taken(candidate, place.pair.targets[1], place.pair.levels[1]))
        for place in places
    }
    measured: dict[_Place, tuple[Estimated, Estimated]] = {}
    refused: dict[_Place, str] = {}
    for place in places:
        try:
            measured[place] = _both(*sides[place], place, what.objective)
        except UndecidedError as error:
            refused[place] = str(error)
    compared = _compared(measured, paired=_same_run(baseline, candidate), confidence=what.confidence)
    judged = []
    for place in places:
        if _asked_in_vain(place, sides[place], what):
            continue
        if place in refused:
            judged.append(_undecided(place, what, refused[place], None))
            continue
        comparison = compared[place]
        change = _change(comparison, *measured[place])
        if place.likeness.unlike:
            reason = "the sides are unlike: " + "; ".join(difference.words for difference in place.likeness.unlike)
            judged.append(_undecided(place, what, reason, change))
        elif distrusted:
            judged.append(_undecided(place, what, "there is no verdict on these runs as a whole", change))
        else:
            outcome, why = decided(place.question, change, comparison, what.thresholds.of(place.question), len(compared))
            judged.append(_judged(place, what, outcome, why, change))
    return judged


def _asked_in_vain(place: _Place, sides: tuple[Sequence[Taken], Sequence[Taken]], what: Asked) -> bool:
    """A usual question that neither side can know, and that nobody asked for by name."""
    if place.question in (*what.questions, *what.thresholds.questions):
        return False
    return not place.definitions or not any(one.told.get(place.question) is not None or one.sample for side in sides for one in side)


def _both(before: Sequence[Taken], after: Sequence[Taken], place: _Place, objective: Objective | None) -> tuple[Estimated, Estimated]:
    quantities = {definition.quantity for definition in place.definitions}
    if not quantities:
        raise UndecidedError(f"none of the tools measures {place.question.measure}")
    if len(quantities) > 1:
        raise UndecidedError("the tools mean other things by it: " + "; or ".join(definition.words for definition in place.definitions))
    over_runs = enough_runs(before, after)
    return estimated(before, place.question, objective, over_runs=over_runs), estimated(after, place.question, objective, over_runs=over_runs)


def _same_run(baseline: Side, candidate: Side) -> bool:
    """Whether both sides are targets of one run, measured in the same rounds."""
    return len(baseline.runs) == len(candidate.runs) == 1 and baseline.runs[0].paired_with(candidate.runs[0])


def _compared(measured: Mapping[_Place, tuple[Estimated, Estimated]], *, paired: bool, confidence: float) -> dict[_Place, Comparison]:
    """All of them as one family."""
    contrasts = [
        Contrast(
            place.question.measure,
            place.question.quantile,
            f"baseline {place.pair.target} {place.pair.level}",
            f"candidate {place.pair.target} {place.pair.level}",
            before.estimate,
            after.estimate,
        )
        for place, (before, after) in measured.items()
    ]
    paired = paired and all(before.estimate.errors.shape == after.estimate.errors.shape for before, after in measured.values())
    return dict(zip(measured, compare(contrasts, paired=paired, confidence=confidence), strict=True))


def _change(comparison: Comparison, before: Estimated, after: Estimated) -> Change:
    return Change(
        is_ratio=comparison.scale == "ratio",
        baseline=before.estimate.shown,
        candidate=after.estimate.shown,
        effect=comparison.effect,
        low=comparison.low_alone,
        high=comparison.high_alone,
        low_corrected=comparison.low,
        high_corrected=comparison.high,
        basis=before.basis if before.replicates <= after.replicates else after.basis,
        replicates=min(before.replicates, after.replicates),
    )


def _undecided(place: _Place, what: Asked, why: str, change: Change | None) -> JudgedChange:
    return _judged(place, what, Outcome.INCONCLUSIVE, why, change)


def _judged(place: _Place, what: Asked, outcome: Outcome, why: str, change: Change | None) -> JudgedChange:
    return JudgedChange(
        target=place.pair.target,
        level=place.pair.level,
        question=place.question,
        threshold=what.thresholds.of(place.question),
        change=change,
        outcome=outcome,
        why=why,
        definition="; or ".join(definition.words for definition in place.definitions),
    )


def _notes(baseline: Side, candidate: Side) -> list[str]:
    notes = [note for run in dict.fromkeys((*baseline.runs, *candidate.runs)) for note in run.notes]
    same = _same_run(baseline, candidate)
    if not same:
        notes.append("the sides were not measured at the same time: what changed between them besides what was to change is in the difference")
    if not enough_runs(baseline.runs, candidate.runs) and not same:
        notes.append(
            f"intervals cover what changes within a run, not from run to run, such as a restart or another node; three runs a side would"
            f" ({_runs(baseline)}, {_runs(candidate)})"
        )
    return notes


def _runs(side: Side) -> str:
    return f"{side.name}: {len(side.runs)} run{'' if len(side.runs) == 1 else 's'}"

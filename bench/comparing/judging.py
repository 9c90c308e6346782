"""Two sides, or one run, judged: what is compared with what, how alike the sides are, and what the intervals say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.comparing.asked import Asked
from bench.comparing.deciding import decided
from bench.comparing.estimating import Estimated, UndecidedError, enough_runs, estimated, taken, value_of
from bench.comparing.facts import Likeness, likeness
from bench.comparing.holding import held
from bench.comparing.pairing import Pair, pairing, refuse_twice
from bench.comparing.run import ComparedRun, Definition, Side, Taken
from bench.comparing.verdict import Change, JudgedChange, Outcome, Sort, Verdict
from bench.measures import GOODPUT
from bench.question import Question
from bench.statistics.comparison import Comparison, Contrast, compare
from bench.summary.estimating import only, whole_rounds
from probes.wording import listed


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """One question of one pair: what each run of either side took there, and what the tools mean by it."""

    pair: Pair
    question: Question
    likeness: Likeness
    definitions: tuple[Definition, ...]
    before: Sequence[Taken]
    after: Sequence[Taken]

    @property
    def unanswerable(self) -> bool:
        """Whether these files cannot answer it, whatever they hold: other tools' tell throughput of a run as a whole only."""
        both = (*self.before, *self.after)
        if not self.definitions or not all(one.told.get(self.question) is not None or one.sample for one in both):
            return True
        untimed = any(one.sample is not None and not one.timed for one in both)
        return self.question.measure == "throughput" and untimed and not enough_runs(self.before, self.after)


def judge(baseline: Side, candidate: Side, what: Asked) -> Verdict:
    """The candidate beside the baseline, and its own conditions. Raises `PairingError` where they have nothing in
    common, or a run is given twice."""
    refuse_twice((*baseline.runs, *candidate.runs))
    found = pairing(baseline, candidate)
    alike = {pair: likeness(baseline, candidate, pair.targets, pair.levels, what.expected) for pair in found.pairs}
    places = [_place(baseline, candidate, pair, alike[pair], question) for pair in found.pairs for question in what.compared]
    # What nobody asked for by name does not leave the rest undecided.
    passed_over = [place for place in places if place.unanswerable and place.question not in what.by_name]
    looked_at = [place for place in places if place not in passed_over]
    missing_expected = "load" in what.expected
    grounds = (*_distrusted((*baseline.runs, *candidate.runs)), *(() if missing_expected else found.missing))
    same = _same_run(baseline, candidate)
    return Verdict(
        baseline=tuple(run.source for run in baseline.runs),
        candidate=tuple(run.source for run in candidate.runs),
        confidence=what.confidence,
        changes=tuple(_changes(looked_at, what, paired=same, doubted=bool(grounds))),
        conditions=tuple(held(candidate, what)),
        sorts=tuple(Sort(target=pair.target, level=pair.level, likeness=alike[pair]) for pair in found.pairs),
        grounds=grounds,
        notes=(
            *_notes(baseline, candidate, same=same),
            *(found.missing if missing_expected else ()),
            *_not_looked_at(passed_over),
            *_kept_to(what, [place.question for place in looked_at]),
        ),
    )


def judge_alone(side: Side, what: Asked) -> Verdict:
    """Runs by their conditions alone. Raises `PairingError` where one is given twice."""
    refuse_twice(side.runs)
    return Verdict(
        baseline=(),
        candidate=tuple(run.source for run in side.runs),
        confidence=what.confidence,
        changes=(),
        conditions=tuple(held(side, what)),
        sorts=(),
        grounds=_distrusted(side.runs),
        notes=(*(note for run in side.runs for note in run.notes), *_kept_to(what, ())),
    )


def _place(baseline: Side, candidate: Side, pair: Pair, alike: Likeness, question: Question) -> _Place:
    runs = (*baseline.runs, *candidate.runs)
    definitions = dict.fromkeys(found for run in runs if (found := run.definitions.get(question.measure)) is not None)
    before, after = taken(baseline, pair.targets[0], pair.levels[0]), taken(candidate, pair.targets[1], pair.levels[1])
    return _Place(pair, question, alike, tuple(definitions), before, after)


def _distrusted(runs: Sequence[ComparedRun]) -> tuple[str, ...]:
    """Each once, though two targets of a run may be on two sides."""
    return tuple(dict.fromkeys(f"{run.name} cannot be trusted: {why}" for run in runs for why in run.distrust))


def _same_run(baseline: Side, candidate: Side) -> bool:
    """Whether both sides are targets of one run, measured in the same rounds."""
    return len(baseline.runs) == len(candidate.runs) == 1 and baseline.runs[0].paired_with(candidate.runs[0])


def _changes(places: Sequence[_Place], what: Asked, *, paired: bool, doubted: bool) -> list[JudgedChange]:
    measured: dict[_Place, tuple[Estimated, Estimated]] = {}
    refused: dict[_Place, str] = {}
    for place in places:
        try:
            measured[place] = _both(place, what, paired=paired)
        except UndecidedError as error:
            refused[place] = str(error)
    compared = _compared(measured, paired=paired, confidence=what.confidence)
    judged = []
    for place in places:
        threshold = what.thresholds.of(place.question)
        if place in refused:
            values, change = _points(place, what), None
            outcome, why = Outcome.INCONCLUSIVE, refused[place]
        else:
            before, after = measured[place]
            values, change = (before.estimate.shown, after.estimate.shown), _change(compared[place], before, after)
            outcome, why = decided(place.question, change, compared[place], threshold, len(compared))
        if place.likeness.unlike:
            outcome, why = Outcome.INCONCLUSIVE, "the sides are unlike: " + "; ".join(difference.words for difference in place.likeness.unlike)
        elif doubted:
            outcome, why = Outcome.INCONCLUSIVE, "there is no verdict on these runs as a whole"
        judged.append(
            JudgedChange(
                target=place.pair.target,
                level=place.pair.level,
                question=place.question,
                threshold=threshold,
                baseline=values[0],
                candidate=values[1],
                change=change,
                outcome=outcome,
                why=why,
                definition="; or ".join(definition.words for definition in place.definitions),
            )
        )
    return judged


def _both(place: _Place, what: Asked, *, paired: bool) -> tuple[Estimated, Estimated]:
    quantities = {definition.quantity for definition in place.definitions}
    if not quantities:
        raise UndecidedError(f"none of the tools measures {place.question.measure}")
    if len(quantities) > 1:
        raise UndecidedError("the tools mean other things by it: " + "; or ".join(definition.words for definition in place.definitions))
    before, after = _in_shared_rounds(place) if paired else (place.before, place.after)
    over_runs = enough_runs(before, after)
    first, second = (estimated(side, place.question, what.slo, over_runs=over_runs) for side in (before, after))
    return first, second


def _in_shared_rounds(place: _Place) -> tuple[Sequence[Taken], Sequence[Taken]]:
    """Of two targets of one run, the rounds in which both were measured to the end."""
    (before,), (after,) = place.before, place.after
    if before.sample is None or after.sample is None:
        return place.before, place.after
    rounds = whole_rounds([before.sample, after.sample])
    return [replace(before, sample=only(before.sample, rounds))], [replace(after, sample=only(after.sample, rounds))]


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
    return dict(zip(measured, compare(contrasts, paired=paired, confidence=confidence), strict=True))


def _change(comparison: Comparison, before: Estimated, after: Estimated) -> Change:
    return Change(
        is_ratio=comparison.scale == "ratio",
        effect=comparison.effect,
        low=comparison.low_alone,
        high=comparison.high_alone,
        low_corrected=comparison.low,
        high_corrected=comparison.high,
        basis=before.basis if before.replicates <= after.replicates else after.basis,
        replicates=min(before.replicates, after.replicates),
    )


def _points(place: _Place, what: Asked) -> tuple[float | None, float | None]:
    """The values of sides with one run each, where nothing says how sure they are."""
    before, after = (value_of(side[0], place.question, what.slo) if len(side) == 1 else None for side in (place.before, place.after))
    return before, after


def _notes(baseline: Side, candidate: Side, *, same: bool) -> list[str]:
    notes = [note for run in dict.fromkeys((*baseline.runs, *candidate.runs)) for note in run.notes]
    if same:
        return notes
    notes.append("the sides were not measured at the same time: what else changed between them is in the difference too")
    if not enough_runs(baseline.runs, candidate.runs):
        runs = f"there are {len(baseline.runs)} and {len(candidate.runs)}"
        notes.append(f"intervals cover what changes within a run, not what a restart or another node changes; three runs a side would ({runs})")
    return notes


def _kept_to(what: Asked, looked_at: Sequence[Question]) -> list[str]:
    """What a good chat keeps to, where goodput is looked at."""
    questions = [*looked_at, *(condition.question for condition in what.conditions)]
    return [f"a good chat keeps to {what.slo.told}"] if what.slo and any(question.measure == GOODPUT.name for question in questions) else []


def _not_looked_at(places: Sequence[_Place]) -> list[str]:
    questions = list(dict.fromkeys(str(place.question) for place in places))
    return [f"not looked at, as runs of these tools do not tell it: {listed(questions)}; --measure asks for it all the same"] if questions else []

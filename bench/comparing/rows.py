"""What tables of a verdict have in their cells, on a terminal and in Markdown alike."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from bench.comparing.verdict import JudgedChange, JudgedCondition, Outcome, Verdict, count
from bench.comparing.wording import allowed, bounds, effect, value
from probes.wording import listed

CHANGES = ("measure", "baseline", "candidate", "change", "between", "allowed", "verdict")
CONDITIONS = ("fails if", "where", "value", "between", "verdict")


def places(verdict: Verdict) -> Iterator[tuple[str, list[JudgedChange]]]:
    """The changes of each target and level, under a title like `vllm at 10 users`."""
    for (target, level), judged in groupby(verdict.changes, key=lambda one: (one.target, one.level)):
        yield place(target, level), list(judged)


def place(target: str, level: str) -> str:
    """A target of another tool's file has no name."""
    return f"{target} at {level}" if target else level


def change_cells(judged: JudgedChange) -> tuple[str, ...]:
    question, change = judged.question, judged.change
    return (
        question.words,
        value(question, judged.baseline),
        value(question, judged.candidate),
        "–" if change is None else effect(change),
        "–" if change is None else bounds(change),
        allowed(judged.threshold, question),
        judged.outcome.upper(),
    )


def condition_cells(judged: JudgedCondition, *, runs: int) -> tuple[str, ...]:
    """`runs` is how many are judged: of several, each is named."""
    question = judged.condition.question
    between = "–" if judged.low is None or judged.high is None else f"{value(question, judged.low)} … {value(question, judged.high)}"
    where = place(judged.target, judged.level)
    where = where if runs == 1 else f"{judged.run}, {where}"
    return judged.condition.text, where, value(question, judged.value), between, judged.outcome.upper()


def statement(verdict: Verdict) -> str:
    """The verdict in a sentence."""
    judged: list[JudgedChange | JudgedCondition] = [*verdict.changes, *verdict.conditions]
    failed, undecided = count(judged, Outcome.FAIL), count(judged, Outcome.INCONCLUSIVE)
    head = verdict.outcome.upper()
    match verdict.outcome:
        case Outcome.FAIL:
            return f"{head}: {failed} of {len(judged)} surely failed" + (f", {undecided} cannot be decided" if undecided else "")
        case Outcome.PASS:
            return f"{head}: {len(judged)} of {len(judged)} surely passed"
    if verdict.grounds:
        return f"{head}: {verdict.grounds[0]}"
    unlike = listed(sorted({difference.fact for sort in verdict.sorts for difference in sort.likeness.unlike}))
    if unlike:
        return f"{head}: the sides are unlike in {unlike}; --expect-change says that this was to be compared"
    return f"{head}: {undecided} of {len(judged)} cannot be decided" if judged else f"{head}: there was nothing to judge"


def reasons(verdict: Verdict) -> Iterator[str]:
    """Why each that did not pass did not, and what makes the sides unlike. What has the same reason stands together."""
    yield from verdict.grounds
    for sort in verdict.sorts:
        yield from (f"{place(sort.target, sort.level)}: {difference.words}" for difference in sort.likeness.unlike)
    unlike = {(sort.target, sort.level) for sort in verdict.sorts if sort.likeness.unlike}
    found: dict[tuple[str, str], list[str]] = {}
    for judged in verdict.changes:
        if judged.outcome is not Outcome.PASS and (judged.target, judged.level) not in unlike and not verdict.grounds:
            found.setdefault((place(judged.target, judged.level), judged.why), []).append(judged.question.words)
    yield from (f"{where}, {listed(questions)}: {why}" for (where, why), questions in found.items())
    for condition in verdict.conditions:
        if condition.outcome is not Outcome.PASS and not verdict.grounds:
            yield f"{condition.condition.text}, {condition.run}, {place(condition.target, condition.level)}: {condition.why}"


def remarks(verdict: Verdict) -> Iterator[str]:
    """What must be said with the numbers: what was expected to change, what is not known, and what the intervals cover."""
    yield from dict.fromkeys(verdict.notes)
    changed = {difference.words for sort in verdict.sorts for difference in sort.likeness.differences if not difference.makes_unlike}
    yield from (f"as expected, {sentence}" for sentence in sorted(changed))
    unchanged = sorted({fact for sort in verdict.sorts for fact in sort.likeness.unchanged})
    if unchanged:
        yield f"{listed(unchanged)} was to change, and is the same on both sides"
    unknown = sorted({fact for sort in verdict.sorts for fact in sort.likeness.unknown})
    if unknown:
        yield f"nobody knows whether these are alike: {listed(unknown)}"
    over = sorted({str(judged.change.basis) for judged in verdict.changes if judged.change is not None})
    if over:
        yield f"intervals of {verdict.confidence:.0%} over {listed(over)}; a measure fails only by one that holds for all measures together"


def definitions(verdict: Verdict) -> Iterator[str]:
    """What each measure that was compared is, by the tool that measured it."""
    told = {judged.question.measure: judged.definition for judged in verdict.changes if judged.definition}
    yield from (f"{measure}: {definition}" for measure, definition in told.items())


def sides(verdict: Verdict) -> Iterator[str]:
    for name, sources in (("baseline", verdict.baseline), ("candidate", verdict.candidate)):
        if sources:
            yield f"{name}: {', '.join(sources)}"

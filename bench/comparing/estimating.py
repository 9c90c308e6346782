"""A side's number for a question, and what it varies by: from run to run, from round to round, or within a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from bench.comparing.run import Side, Taken
from bench.comparing.verdict import Basis
from bench.measures import GOODPUT, Floats
from bench.question import Question
from bench.statistics.comparison import LEAST_ROUNDS
from bench.statistics.estimates import Estimate, value_estimate
from bench.statistics.samples import PARTS, TooFewError
from bench.summary.estimating import estimate_of, only, whole_rounds
from bench.summary.sample import BlockSample, Sample
from config.bench_slos import ChatSlo

STRETCHES = 5
"""Into so many stretches is a run cut that has no rounds."""


class UndecidedError(Exception):
    """There is no number, or nothing that says how sure it is. The message is the reason, for people."""


@dataclass(frozen=True, slots=True)
class Estimated:
    """`replicates` is how many runs, rounds or stretches stand behind the estimate."""

    estimate: Estimate
    basis: Basis
    replicates: int


def taken(side: Side, target: str, level: str) -> list[Taken]:
    """What each run of the side took."""
    return [run.targets[target].levels[level] for run in side.runs]


def enough_runs(*sides: Sequence[object]) -> bool:
    """Whether every side has as many runs as it takes to tell sides from runs."""
    return all(len(side) >= LEAST_ROUNDS for side in sides)


def estimated(side: Sequence[Taken], question: Question, slo: ChatSlo | None, *, over_runs: bool) -> Estimated:
    """The side's number. `over_runs` says that each run counts once: both sides have enough of them.

    Raises `UndecidedError`.
    """
    try:
        if over_runs:
            return _over_runs(side, question, slo)
        samples = _samples(side, question)
        joined, basis = _replicates(samples, burst=any(one.burst for one in side), in_rounds=any(one.timed for one in side))
        return Estimated(_estimate(joined, question, slo), basis, len(joined.rounds))
    except TooFewError as error:
        raise UndecidedError(str(error)) from error


def alone(one: Taken, question: Question, slo: ChatSlo | None) -> Estimated:
    """One run's number, for conditions: over its rounds, or by its parts where it has one. Raises `UndecidedError` and `TooFewError`."""
    (sample,) = _samples([one], question, least="several runs in one comparison")
    if one.burst:
        raise UndecidedError("all requests were sent at once: that is one event, and nothing says how the next one would be")
    whole = only(sample, whole_rounds([sample]))
    return Estimated(_estimate(whole, question, slo), Basis.ROUNDS if len(whole.rounds) > 1 else Basis.PARTS, len(whole.rounds))


def _samples(side: Sequence[Taken], question: Question, least: str = f"{LEAST_ROUNDS} runs a side") -> list[Sample]:
    """The chats of each run that this question is answered by."""
    found = [one.sample for one in side if one.sample is not None and (question.measure != "throughput" or one.timed)]
    if len(found) < len(side):
        raise UndecidedError(f"only the {question.measure} of a run as a whole is known; {least} would say how sure it is (there {_are(len(side))})")
    return found


def _over_runs(side: Sequence[Taken], question: Question, slo: ChatSlo | None) -> Estimated:
    """By all chats of all runs where they are there, else by each run's own value."""
    try:
        joined = _joined([_whole(sample) for sample in _samples(side, question)])
    except UndecidedError:
        values = [value for one in side if (value := value_of(one, question, slo)) is not None]
        if len(values) < len(side):
            raise UndecidedError(f"{len(side) - len(values)} of {len(side)} runs do not tell {question}") from None
        return Estimated(_of_values(np.array(values), question, sum(one.attempts for one in side)), Basis.RUNS, len(values))
    return Estimated(_estimate(joined, question, slo), Basis.RUNS, len(joined.rounds))


def _replicates(samples: Sequence[Sample], *, burst: bool, in_rounds: bool) -> tuple[Sample, Basis]:
    """The rounds of all runs, or the stretches of runs that were not held in rounds."""
    rounds = [one for sample in samples for one in _each_round(only(sample, whole_rounds([sample])))]
    if len(rounds) >= LEAST_ROUNDS:
        return _joined(rounds), Basis.ROUNDS
    if burst:
        raise UndecidedError(
            f"all requests were sent at once: that is one event, however many they are; {LEAST_ROUNDS} runs a side would say how sure it is"
        )
    if in_rounds:
        raise UndecidedError(f"a comparison needs {LEAST_ROUNDS} whole rounds, or {LEAST_ROUNDS} runs, a side; there {_are(len(rounds))}")
    return _joined([stretch for sample in samples for stretch in _stretches(sample)]), Basis.STRETCHES


def _estimate(sample: Sample, question: Question, slo: ChatSlo | None) -> Estimate:
    if question.measure == GOODPUT.name and slo is None:
        raise UndecidedError("goodput needs an SLO, and the runs do not share one; give it with --slo")
    return estimate_of(sample, question.quality, question.quantile, slo)


def value_of(one: Taken, question: Question, slo: ChatSlo | None) -> float | None:
    """One run's own value: of its chats where it has them, else what the file says."""
    if one.sample is not None and (question.measure != "throughput" or one.timed):
        try:
            return _estimate(_joined([_whole(one.sample)]), question, slo).shown
        except (TooFewError, UndecidedError):
            return None
    return one.told.get(question)


def _of_values(values: Floats, question: Question, attempts: int) -> Estimate:
    """Of one value for each run: a logarithm, or a share of so many attempts."""
    if question.quality.unit == "share":
        mean = float(values.mean())
        return Estimate(mean, (values - mean)[:, np.newaxis] / len(values), "difference", attempts)
    if (values <= 0).any():
        raise TooFewError(f"{question} of 0 has no ratio to another")
    return value_estimate(values)


def _whole(sample: Sample) -> Sample:
    """All of a run, as one round."""
    return replace(sample, parts=tuple(_in_round(part, 1) for part in sample.parts))


def _each_round(sample: Sample) -> Iterator[Sample]:
    for parts in sample.rounds.values():
        yield replace(sample, parts=tuple(_in_round(part, 1) for part in parts))


def _joined(rounds: Sequence[Sample]) -> Sample:
    """Samples of one round each as one sample with as many rounds."""
    return Sample(rounds[0].target, tuple(_in_round(part, number) for number, one in enumerate(rounds, 1) for part in one.parts))


def _in_round(part: BlockSample, number: int) -> BlockSample:
    return replace(part, block=replace(part.block, round=number))


def _stretches(sample: Sample) -> Iterator[Sample]:
    """A run cut into stretches with equally many chats, in the order of time."""
    chats = sorted(sample.attempts, key=lambda chat: chat.place.since_seconds)
    if len(chats) < STRETCHES * PARTS:
        raise TooFewError(f"a run without rounds needs {STRETCHES * PARTS} chats; there {_are(len(chats))}")
    edges = [len(chats) * number // STRETCHES for number in range(STRETCHES + 1)]
    (part,) = sample.parts
    for begin, end in pairwise(edges):
        yield Sample(sample.target, (BlockSample(part.block, chats[begin:end], part.from_seconds, part.to_seconds),))


def _are(many: int) -> str:
    return f"is {many}" if many == 1 else f"are {many}"

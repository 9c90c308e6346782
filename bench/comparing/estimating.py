"""A side's number for a question, and what it varies by: from run to run, from round to round, or within a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.chat import Chat
from bench.comparing.question import QUALITIES, Question
from bench.comparing.run import Side, Taken
from bench.comparing.verdict import Basis
from bench.measures import ITL, Measure, values_of
from bench.statistics.comparison import LEAST_ROUNDS
from bench.statistics.estimates import Estimate, quantile_estimate, rate_estimate, share_estimate
from bench.statistics.quantiles import plain_quantile
from bench.statistics.samples import PARTS, Floats, Round, TooFewError

STRETCHES = 5
"""Into so many stretches is a run cut that has no rounds."""
_APART_SECONDS = 1e7
"""By how much the rounds of a run are set apart where they count as one."""

Good = Callable[[Chat], bool]
"""Whether a chat kept the objective of `goodput`."""


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


def estimated(side: Sequence[Taken], question: Question, good: Good | None, *, over_runs: bool) -> Estimated:
    """The side's number. `over_runs` says that each run counts once: both sides have enough of them.

    Raises `UndecidedError`.
    """
    try:
        if over_runs:
            return _over_runs(side, question, good)
        return _over_rounds(side, question, good)
    except TooFewError as error:
        raise UndecidedError(str(error)) from error


def enough_runs(*sides: Sequence[object]) -> bool:
    """Whether every side has as many runs as it takes to tell sides from runs."""
    return all(len(side) >= LEAST_ROUNDS for side in sides)


def known(side: Sequence[Taken], question: Question, good: Good | None) -> bool:
    """Whether every run of the side has an answer, be it without an interval."""
    return all(_run_value(one, question, good) is not None for one in side)


def alone(side: Sequence[Taken], question: Question, good: Good | None) -> Estimated:
    """One run's number, for conditions: over its rounds, or by its parts where it has one. Raises `UndecidedError`."""
    try:
        if question.measure == "throughput":
            return _rates(side)
        rounds = [_values(chats, question, good) for one in side for chats in one.rounds]
        if not sum(len(one.values) for one in rounds):
            raise UndecidedError("there are no values of single chats, so that nothing says how sure it is")
        if any(one.burst for one in side):
            raise UndecidedError("all requests were sent at once: that is one event, and nothing says how the next one would be")
        return Estimated(_estimate(rounds, question), Basis.ROUNDS if len(rounds) > 1 else Basis.PARTS, len(rounds))
    except TooFewError as error:
        raise UndecidedError(str(error)) from error


def _over_runs(side: Sequence[Taken], question: Question, good: Good | None) -> Estimated:
    if question.measure != "throughput" and all(one.rounds for one in side):
        runs = [_joined([_values(chats, question, good) for chats in one.rounds]) for one in side]
        if all(len(run.values) for run in runs):
            return Estimated(_estimate(runs, question), Basis.RUNS, len(runs))
    values = [value for one in side if (value := _run_value(one, question, good)) is not None]
    if len(values) < len(side):
        raise UndecidedError(f"{len(side) - len(values)} of {len(side)} runs have no {question}")
    return Estimated(_of_values(np.array(values), question, sum(one.attempts or one.chats for one in side)), Basis.RUNS, len(values))


def _over_rounds(side: Sequence[Taken], question: Question, good: Good | None) -> Estimated:
    if question.measure == "throughput":
        return _enough(_rates(side), len(side))
    whole = [_values(chats, question, good) for one in side for chats in one.rounds]
    if not sum(len(one.values) for one in whole):
        raise UndecidedError(
            f"the file has only the run's own value; {LEAST_ROUNDS} runs a side would say how sure it is, and there {_are(len(side))} on a side"
        )
    if len(whole) >= LEAST_ROUNDS:
        return Estimated(_estimate(whole, question), Basis.ROUNDS, len(whole))
    if any(one.burst for one in side):
        raise UndecidedError(
            f"all requests were sent at once: that is one event, however many they are; {LEAST_ROUNDS} runs a side would say how sure it is"
        )
    stretches = [stretch for chats in whole for stretch in _stretches(chats)]
    return Estimated(_estimate(stretches, question), Basis.STRETCHES, len(stretches))


def _enough(found: Estimated, runs: int) -> Estimated:
    if found.replicates < LEAST_ROUNDS:
        raise UndecidedError(
            f"a comparison needs {LEAST_ROUNDS} rounds, or {LEAST_ROUNDS} runs, a side; there {_are(found.replicates)} of {runs} runs"
        )
    return found


def _are(many: int) -> str:
    return f"is {many}" if many == 1 else f"are {many}"


def _rates(side: Sequence[Taken]) -> Estimated:
    rates = [rate for one in side for rate in one.tokens_per_second]
    if not rates:
        raise UndecidedError(f"only the throughput of whole runs is known; {LEAST_ROUNDS} runs a side would say how sure it is")
    return Estimated(rate_estimate(np.array(rates)[:, np.newaxis]), Basis.ROUNDS, len(rates))


def _estimate(rounds: Sequence[Round], question: Question) -> Estimate:
    if question.quantile is None:
        return share_estimate(rounds)
    return quantile_estimate(rounds, question.quantile)


def _of_values(values: Floats, question: Question, attempts: int) -> Estimate:
    """Of one value for each run: a logarithm, or a share with the least variance that so many attempts leave."""
    if QUALITIES[question.measure].unit == "share":
        mean = float(values.mean())
        careful = (mean * attempts + 1) / (attempts + 2)
        return Estimate(mean, (values - mean)[:, np.newaxis] / len(values), "difference", careful * (1 - careful) / (attempts + 2))
    if (values <= 0).any():
        raise TooFewError(f"{question} of 0 has no ratio to another")
    logarithms = np.log(values)
    mean = float(logarithms.mean())
    return Estimate(mean, (logarithms - mean)[:, np.newaxis] / len(values))


def _run_value(one: Taken, question: Question, good: Good | None) -> float | None:
    """One run's own value: of its chats where it has them, else what the file says."""
    if question.measure == "throughput" and one.tokens_per_second:
        return float(np.mean(one.tokens_per_second))
    if question.measure != "throughput":
        values = np.concatenate([_values(chats, question, good).values for chats in one.rounds]) if one.rounds else np.empty(0)
        if len(values):
            return float(values.mean()) if question.quantile is None else plain_quantile(np.sort(values), question.quantile)
    return one.told.get(question)


def _values(chats: Sequence[Chat], question: Question, good: Good | None) -> Round:
    """The question's values of these chats: 1 and 0 for shares, else the measure's own, an ITL once for each token."""
    if question.quantile is None:
        if question.measure == "goodput" and good is None:
            raise UndecidedError("goodput needs an objective, which the runs do not share; give one with --slo")
        kept = [chat.outcome == "ok" if good is None or question.measure == "success" else good(chat) for chat in chats]
        return Round(np.array(kept, dtype=np.float64), np.array([chat.place.since_seconds for chat in chats]))
    measure = QUALITIES[question.measure]
    assert isinstance(measure, Measure), f"{question.measure} has no values of chats"
    found = values_of(measure, chats)
    if question.measure != ITL.name:
        return Round(found.values, found.since_seconds)
    times = found.weights.astype(np.int64)
    return Round(np.repeat(found.values, times), np.repeat(found.since_seconds, times), np.repeat(found.chats.astype(np.int64), times))


def _joined(rounds: Sequence[Round]) -> Round:
    """The rounds of a run as one, in their order."""
    numbers, before = [], 0
    for one in rounds:
        own = _numbers(one)
        numbers.append(own + before)
        before += int(own.max(initial=-1)) + 1
    values = np.concatenate([one.values for one in rounds])
    chats = np.concatenate(numbers)
    since = np.concatenate([one.since_seconds + number * _APART_SECONDS for number, one in enumerate(rounds)])
    return Round(values, since, None if len(values) == before else chats)


def _numbers(one: Round) -> NDArray[np.int64]:
    """The chat of each value, from 0 on."""
    return np.arange(len(one.values)) if one.chats is None else np.unique(one.chats, return_inverse=True)[1]


def _stretches(whole: Round) -> list[Round]:
    """A run cut into stretches with equally many chats, in the order of time."""
    numbers = _numbers(whole)
    chats = int(numbers.max(initial=-1)) + 1
    if chats < STRETCHES * PARTS:
        raise TooFewError(f"a run without rounds needs {STRETCHES * PARTS} chats; there {_are(chats)}")
    starts = np.empty(chats)
    starts[numbers] = whole.since_seconds
    rank = np.empty(chats, dtype=np.int64)
    rank[np.argsort(starts, kind="stable")] = np.arange(chats)
    stretch = (rank * STRETCHES // chats)[numbers]
    return [
        Round(
            whole.values[stretch == number], whole.since_seconds[stretch == number], None if whole.chats is None else whole.chats[stretch == number]
        )
        for number in range(STRETCHES)
    ]

"""Which measures and quantiles engines are compared in. All of them are paid for: the more, the wider each interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from bench.chat import Chat
from bench.level import Level
from bench.measures import ANSWER_TOKENS
from bench.question import Question
from bench.summary.sample import Sample
from config.load import ClosedLoop, Every, Trace

LENGTHS_DIFFER = 0.05
"""Answers are alike in length where neither the mean nor the p95 of their tokens differs by more than this share."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run is looked at for. Of `e2e` and `answer`, which both may be named, a pair of engines has one.

    `shifts` are the measures whose whole distributions are put side by side; no winner is named by these.
    """

    questions: tuple[Question, ...]
    shifts: tuple[str, ...] = ("ttft", "tpot")
    answer_tokens: int = ANSWER_TOKENS


_QUICK = (Question("ttft", 0.5), Question("ttft", 0.95), Question("success"))
_STANDARD = (*_QUICK, Question("tpot", 0.5), Question("e2e", 0.5), Question("answer", 0.5), Question("throughput"), Question("goodput"))
SCOPES: Mapping[str, Scope] = {
    "quick": Scope(_QUICK),
    "standard": Scope(_STANDARD),
    "stress": Scope((*_STANDARD, Question("ttft", 0.99), Question("stall", 0.95))),
    "custom": Scope(_STANDARD),
}
"""By the preset of the run."""


def questions_for(scope: Scope, *, arrivals: bool, slos: Sequence[str], alike: bool) -> Iterator[Question]:
    """Those that a pair of engines is compared in at a level.

    Throughput of engines that are all sent the same work at the same instants says nothing of them, so it is looked at
    only where users wait for their answers. `e2e` needs answers that are alike in length; `answer` stands in for it.
    """
    for question in scope.questions:
        if question.measure == "goodput":
            yield from (Question("goodput", slo=slo) for slo in slos if question.slo in (None, slo))
        elif not (
            (question.measure == "throughput" and arrivals)
            or (question.measure == "since_due" and not arrivals)
            or (question.measure == "e2e" and not alike)
            or (question.measure == "answer" and alike and Question("e2e", question.quantile) in scope.questions)
        ):
            yield question


def arrivals_at(level: Level, target: str) -> bool:
    """Whether the target's chats come when they are due at this level, whatever became of those before them."""
    return not isinstance(level.loads.get(target), ClosedLoop)


def stationary(level: Level) -> bool:
    """Whether the load is the same all the time: only then can a beginning be told from the rest."""
    return all(not isinstance(load, Trace) and (isinstance(load, Every) or len(load.stages) == 1) for load in level.loads.values())


def alike_in_length(a: Sequence[Chat], b: Sequence[Chat]) -> bool:
    """Whether the answers of two engines were about equally long: then their E2E compares. True where one has none."""
    one, other = _lengths(a), _lengths(b)
    if one is None or other is None:
        return True
    return all(max(lengths) <= min(lengths) * (1 + LENGTHS_DIFFER) for lengths in zip(one, other, strict=True))


def notes(scope: Scope, samples: Sequence[Sample], *, arrivals: bool) -> Iterator[str]:
    """What is compared in another way than is looked at, as far as these engines of a level go, and why."""
    named = {question.measure for question in scope.questions}
    if arrivals and "throughput" in named and len(samples) > 1:
        yield "throughput is not compared: all engines were sent the same chats at the same instants"
    if "e2e" not in named:
        return
    for a, b in combinations(samples, 2):
        one, other = _lengths(a.attempts), _lengths(b.attempts)
        if one is not None and other is not None and not alike_in_length(a.attempts, b.attempts):
            told = f"E2E of {a.target} and {b.target} is not compared: their answers have {one[0]:.0f} and {other[0]:.0f} tokens on average"
            yield f"{told}; the time of {scope.answer_tokens} tokens is, in its place" if "answer" in named else told


def _lengths(chats: Sequence[Chat]) -> tuple[float, float] | None:
    """The mean and the p95 of the tokens of answers that succeeded; None without any."""
    tokens = [chat.output_tokens for chat in chats if chat.outcome == "ok" and chat.output_tokens is not None]
    return (float(np.mean(tokens)), float(np.quantile(tokens, 0.95))) if tokens else None

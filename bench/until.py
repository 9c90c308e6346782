"""`--until ttft.p95:5%`: a level ends once these numbers are known well enough, of every target."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bench.chat import Chat
from bench.known import known
from bench.measures import measures
from bench.question import Question, read_question
from bench.statistics.samples import TooFewError
from bench.summary.words import percent
from probes.wording import listed

FEWEST_ROUNDS = 3
CONFIDENCE = 0.975
"""Asked for in place of 95 %.

Who looks after each round, and ends at the first look that pleases, ends where the numbers happen to look steadier than
they are. With 97.5 % the number lay within the bound that was asked for in at least 95 % of simulated runs that ended so
(`benchmarks/stopping.py`, `docs/progress.md`); with 95 % it did in as few as 93 %. It takes a quarter to a third more rounds.
"""
_FORM = re.compile(r"(?P<question>(?P<measure>[a-z_0-9]+)\.p[0-9.]+):(?P<percent>[0-9]+(?:\.[0-9]+)?)\s*%")
_MEASURES = {each.name: each for each in measures()}


@dataclass(frozen=True, slots=True)
class Until:
    """A quantile that is to be known to within a share of itself: 0.05 is ±5 %."""

    question: Question
    within: float

    def __str__(self) -> str:
        return f"{self.question}:{self.within * 100:g}%"


def parse(text: str) -> Until:
    """What was written. Raises `ValueError`, whose text says what is wrong and what would be right."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} cannot be read; write MEASURE.QUANTILE:PERCENT, like ttft.p95:5%")
    if found["measure"] not in _MEASURES:
        raise ValueError(f"{found['measure']!r} is no measure of chats; it is one of {listed(list(_MEASURES), 'or')}")
    question, within = read_question(found["question"]), float(found["percent"]) / 100
    if not 0 < within < 1:
        raise ValueError(f"{found['percent']} % is no bound; write one above 0 and below 100, like 5%")
    return Until(question, within)


@dataclass(frozen=True, slots=True)
class WellEnough:
    """An `Enough` of `bench/events.py`: asked after each round of a level with the level's chats so far.

    All of `wanted` must hold, for each target that has chats there, after three rounds at least. Numbers of which there
    are too few chats are not known.
    """

    wanted: tuple[Until, ...]

    def __call__(self, chats: Sequence[Chat]) -> str | None:
        if not self.wanted or len({chat.place.round for chat in chats}) < FEWEST_ROUNDS:
            return None
        by_target = {target: [chat for chat in chats if chat.target == target] for target in dict.fromkeys(chat.target for chat in chats)}
        told = []
        for until in self.wanted:
            worst = max((_known(own, until) for own in by_target.values()), default=float("inf"))
            if worst > until.within:
                return None
            told.append(f"{until.question.words} is known to ±{percent(worst)}")
        return f"{listed(told)}, of {'each target' if len(by_target) > 1 else next(iter(by_target))}"


def _known(chats: Sequence[Chat], until: Until) -> float:
    assert until.question.quantile is not None, "only measures of chats are asked for"
    try:
        return known(chats, _MEASURES[until.question.measure], until.question.quantile, CONFIDENCE)
    except TooFewError:
        return float("inf")

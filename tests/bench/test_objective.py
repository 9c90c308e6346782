from __future__ import annotations

from dataclasses import replace

import pytest

from bench.level import Level
from bench.objective import judged
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.shape import Known, Summary
from config.bench_slos import PRESETS
from config.load import ClosedLoop, UserStage
from tests.bench.engine import Engine, Lab

SLO = PRESETS["interactive"]


def summary(*goodput: Known, trusted: bool = True) -> Summary:
    """One of a level for each of these, with one target."""
    lab = Lab({"a": Engine(slots=4, serves_seconds=1.0)}, rounds=3, seconds=30)
    measured = [lab.measure(Level(f"{number} users", {"a": ClosedLoop((UserStage(number),))})) for number, _ in enumerate(goodput, 1)]
    made = summarise(Given(targets=("a",), measured=measured, slos=(SLO,)))
    levels = tuple(
        replace(level, targets=tuple(replace(target, goodput={SLO.name: known}) for target in level.targets))
        for level, known in zip(made.levels, goodput, strict=True)
    )
    return replace(made, levels=levels, verdict=replace(made.verdict, trusted=trusted, why=() if trusted else ("it was late",)))


SURE, BAD, BETWEEN = Known(0.99, 0.97, 1.0), Known(0.5, 0.4, 0.6), Known(0.95, 0.9, 0.98)


@pytest.mark.parametrize(
    ("goodput", "verdict"),
    [
        ((SURE,), "met"),
        ((SURE, SURE), "met"),
        ((SURE, BAD), "missed"),
        ((BAD, BETWEEN), "missed"),
        ((SURE, BETWEEN), "undecided"),
        ((Known(None, refused="there are none"),), "undecided"),
        ((), "undecided"),
        ((Known(0.99, 0.97, 1.0, 0.9, 1.0),), "undecided"),
        ((Known(0.93, 0.9, 0.97, 0.91, 0.94),), "missed"),
    ],
)
def test_all_must_surely_be_good_enough_and_one_that_surely_is_not_is_enough(goodput: tuple[Known, ...], verdict: str) -> None:
    """The interval over rounds counts where there is one."""
    assert judged(summary(*goodput), SLO.name, 0.95).verdict == verdict


def test_it_says_where_and_how_many() -> None:
    assert judged(summary(SURE, BAD), SLO.name, 0.95).why == ("a, 2 users: 50 % of the chats were good (40 % to 60 %), less than 95 %",)
    assert judged(summary(BETWEEN), SLO.name, 0.95).why == ("a, 1 users: 95 % of the chats were good (90 % to 98 %), not surely 95 %",)


def test_where_chatprobe_was_not_well_nothing_is_decided() -> None:
    judgement = judged(summary(BAD, trusted=False), SLO.name, 0.95)
    assert (judgement.verdict, judgement.why) == ("undecided", ("it was late",))

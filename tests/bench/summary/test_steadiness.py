from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from bench.chat import Chat
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.shape import LevelSummary
from config.load import Arrival, ClosedLoop, Load, OpenLoop, RateStage, Trace, UserStage
from tests.bench.summary.chats import USERS, Engine, level


def cold(chat: Chat) -> Chat:
    """The first 20 s of tgi's blocks are three times as slow."""
    if chat.target != "tgi" or chat.place.since_seconds >= 20 or chat.ttft_seconds is None:
        return chat
    return replace(chat, ttft_seconds=3 * chat.ttft_seconds)


def summarised(load: Load | Trace = USERS, *, shape: object = cold) -> LevelSummary:
    measured = level({"vllm": Engine(tokens=20), "tgi": Engine(tokens=20)}, load=load, shape=shape)  # type: ignore[arg-type]
    return summarise(Given(targets=("vllm", "tgi"), measured=[measured])).levels[0]


def test_a_cold_beginning_is_cut_for_all_engines_alike_and_told() -> None:
    found = summarised()
    assert found.steady.from_seconds == pytest.approx(20, abs=2)
    assert {target.seconds for target in found.targets} == {5 * (65 - found.steady.from_seconds)}
    assert {target.counts.unsteady for target in found.targets} == {found.targets[1].counts.unsteady}
    assert all(target.counts.unsteady > 0 for target in found.targets)
    assert "of what followed the warm-up: there TTFT of tgi was " in found.steady.words


def test_the_numbers_are_those_of_the_steady_part() -> None:
    vllm, tgi = summarised().targets
    assert tgi.measures["ttft"].quantiles[0.95].value == pytest.approx(vllm.measures["ttft"].quantiles[0.95].value, rel=0.1)


def test_noise_is_not_cut() -> None:
    found = summarised(shape=lambda chat: chat)
    assert (found.steady.from_seconds, found.targets[0].counts.unsteady) == (5.0, 0)
    assert found.steady.words == "steady from the end of the warm-up on: nothing more was cut"


@pytest.mark.parametrize(
    "load",
    [
        Trace((Arrival(0.0, 10, 10),)),
        OpenLoop((RateStage(Fraction(1), 30.0), RateStage(Fraction(2), 30.0))),
        ClosedLoop((UserStage(1, 30.0), UserStage(2, 30.0))),
    ],
    ids=["replay", "stages of a rate", "stages of users"],
)
def test_a_load_that_changes_by_itself_is_not_cut(load: Load | Trace) -> None:
    assert summarised(load).steady.from_seconds == 5.0

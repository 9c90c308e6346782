from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import orjson
import pytest

from bench.courses.evidence import Goal
from bench.courses.fidelity import fidelity
from bench.courses.fixed import Fixed
from bench.courses.outcome import CourseOutcome, outcomes
from bench.courses.replay import Replay
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep
from bench.courses.varying import Varying
from bench.level import Block, Course, Level, Measured
from config.bench_slos import PRESETS
from config.load import Arrival, ClosedLoop, OpenLoop, RateStage, Trace, UserStage
from tests.bench.chats import chat
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))
GOAL = Goal(PRESETS["interactive"], objective=0.9)
TRACE = Trace((Arrival(0, 10, 5), Arrival(1, 30, 15)))


def told(course: Course, lab: Lab, goal: Goal | None = None) -> dict[str, CourseOutcome]:
    found = outcomes(course, lab.run(course.next), goal)
    assert all(orjson.loads(orjson.dumps(one.to_json())) == one.to_json() for one in found)
    return {one.kind: one for one in found}


def test_a_sweep_of_rates_tells_its_knee_its_wait_its_overload_and_its_capacity() -> None:
    amounts = tuple(map(Fraction, (1, 2, 4, 8, 16, 32)))
    found = told(Sweep(("vllm",), RATES, amounts), Lab({"vllm": Engine(slots=10)}), GOAL)
    assert set(found) == {"knee", "wait", "overload", "capacity"}
    assert found["knee"].figures["at"] == pytest.approx(10, rel=0.1)
    assert "between 4/s and 8/s" in found["wait"].words
    assert found["overload"].words.startswith("32/s is more than the engine can do: of ")
    assert found["capacity"].figures["users"] == pytest.approx(8, rel=0.1)


def test_a_sweep_of_users_that_reached_no_knee_says_so() -> None:
    found = told(Sweep(("vllm",), USERS, tuple(map(Fraction, (1, 2, 3, 4)))), Lab({"vllm": Engine(slots=10)}))
    assert set(found) == {"knee"}
    assert found["knee"].words.startswith("no knee is named: the sweep did not reach it")


def test_a_search_tells_what_it_found_and_the_capacity() -> None:
    search = Search(("vllm",), USERS, Bounds(Fraction(1), Fraction(64), Fraction(1, 100)), GOAL)
    found = told(search, Lab({"vllm": Engine(slots=7, serves_seconds=8.0)}, seconds=800))
    assert found["search"].words == (
        "7 users is the most with 90 % of chats within interactive (TTFT 450ms, TPOT 40ms) (found); surely 7 users; surely not 8 users"
    )
    assert found["search"].figures["next_higher"] == 8.0
    assert found["capacity"].words.startswith("7 users at once within interactive; 8 are too many")


def test_a_search_that_finds_nothing_says_so() -> None:
    search = Search(("vllm",), USERS, Bounds(Fraction(1), Fraction(64), Fraction(1, 100)), GOAL)
    found = told(search, Lab({"vllm": Engine(ttft_seconds=2.0)}))
    assert found["search"].words.startswith("no amount has 90 % of chats within interactive")
    assert found["capacity"].words.startswith("no capacity is told: already 1 user is too much")


def held(*lags_seconds: float) -> Measured:
    level = Level("trace", {"vllm": TRACE})
    chats = [
        chat(number, level="trace", prompt_id=f"trace/{number + 1}", lag_seconds=lag, input_tokens=11 + 30 * number, output_tokens=5)
        for number, lag in enumerate(lags_seconds)
    ]
    return Measured(level, (Block(1, "trace", 1, ("vllm",), 0.0, 2.0),), chats)


def test_a_replay_tells_how_true_it_was() -> None:
    found = fidelity(held(0.001, 0.004), "vllm")
    assert found is not None
    assert (found.due, found.begun, found.lag_most_seconds) == (2, 2, 0.004)
    assert found.input_ratio == pytest.approx(52 / 40)
    assert found.output_ratio == 0.5
    assert found.words.startswith("2 of 2 chats of the trace were held, late by 3.97 ms (p99) and 4.00 ms at most; prompts had 130 % of")
    (outcome,) = outcomes(Replay(("vllm", "tgi"), TRACE), [held(0.001, 0.004)])
    assert outcome.words == found.words


def test_chats_that_were_not_held_or_not_whole_tell_no_lengths() -> None:
    one = held(0.001)
    assert fidelity(one, "tgi") is None
    failed = replace(one, chats=[replace(each, outcome="failed", input_tokens=None) for each in one.chats])
    found = fidelity(failed, "vllm")
    assert found is not None
    assert (found.due, found.begun, found.input_ratio, found.output_ratio) == (2, 1, None, None)
    assert fidelity(Measured(Level("1 user", {"vllm": USERS.load(Fraction(1))}), (), one.chats), "vllm") is None


def test_levels_of_users_tell_a_capacity_where_a_goal_is_known() -> None:
    levels = tuple(Level(f"{users} users", {"vllm": USERS.load(Fraction(users))}) for users in (2, 6, 12, 24))
    found = told(Fixed(levels), Lab({"vllm": Engine(slots=7, serves_seconds=8.0)}, seconds=800), GOAL)
    assert set(found) == {"capacity"}
    assert found["capacity"].words.startswith("6 users at once within interactive; 12 are too many")
    assert found["capacity"].figures["way"] == "levels"


def test_levels_that_were_known_from_the_start_find_nothing_more() -> None:
    assert outcomes(Fixed(()), []) == ()
    rates = Fixed((Level("1/s", {"vllm": RATES.load(Fraction(1))}),))
    assert outcomes(rates, Lab({"vllm": Engine(slots=10)}).run(rates.next), GOAL) == ()

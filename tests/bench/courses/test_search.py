from __future__ import annotations

from fractions import Fraction

import pytest

from bench.courses.evidence import Evidence, Goal
from bench.courses.search import Bounds, Found, Search
from bench.courses.varying import Varying, amount_of
from bench.goodput import Goodput
from bench.level import Block, Level, Measured
from config.bench_slos import ChatSlo
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from tests.bench.chats import chat
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))
SLO = ChatSlo("own", ttft_seconds=0.3)
GOAL = Goal(SLO, objective=0.9)


def fractions(*numbers: int) -> tuple[Fraction, ...]:
    return tuple(Fraction(number) for number in numbers)


def bounds(lowest: int, highest: int, resolution: str = "0.001", probes: int = 40) -> Bounds:
    return Bounds(Fraction(lowest), Fraction(highest), Fraction(resolution), probes)


def search(lab: Lab, varying: Varying, within: Bounds, goal: Goal = GOAL) -> tuple[Search, list[Measured]]:
    course = Search(tuple(lab.engines), varying, within, goal)
    return course, lab.run(course.next)


def amounts(measured: list[Measured], target: str = "vllm") -> list[int | None]:
    found = [amount_of(level.level, target) for level in measured]
    return [None if amount is None else int(amount) for amount in found]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slots", [1, 5, 12, 37])
def test_users_are_found_to_the_last_one(slots: int, seed: int) -> None:
    """With as many users as slots nobody waits; with one more somebody always does."""
    lab = Lab({"vllm": Engine(slots=slots, serves_seconds=1.0 + slots)}, seconds=120 * (1.0 + slots), seed=seed)
    course, measured = search(lab, USERS, bounds(1, 200))
    found = course.found(measured, "vllm")
    assert found.stopped == "found"
    assert (found.amount, found.next_higher) == fractions(slots, slots + 1)
    assert (found.surely_above, found.surely_below) == fractions(slots, slots + 1)
    assert not found.unsteady


def test_it_doubles_then_halves_and_measures_what_it_found_anew() -> None:
    lab = Lab({"vllm": Engine(slots=11, serves_seconds=12.0)}, seconds=1500)
    _, measured = search(lab, USERS, bounds(1, 200))
    assert amounts(measured) == [1, 2, 4, 8, 16, 12, 10, 11, 11]
    assert [level.level.name for level in measured][-2:] == ["probe 8: 11 users", "probe 9: 11 users"]
    assert all(level.level.rounds == 1 for level in measured)


def test_a_coarser_resolution_takes_fewer_probes() -> None:
    lab = Lab({"vllm": Engine(slots=37, serves_seconds=38.0)}, seconds=4000)
    course, measured = search(lab, USERS, bounds(1, 200, resolution="0.1"))
    found = course.found(measured, "vllm")
    assert found.amount is not None
    assert found.next_higher is not None
    assert found.amount <= 37 < found.next_higher
    assert 1 < found.next_higher - found.amount <= found.amount / 10


@pytest.mark.parametrize("seed", range(3))
def test_the_highest_rate_is_found_within_its_resolution(seed: int) -> None:
    """An engine of 20 slots of a second: somewhat below 20/s more than a tenth of the chats wait too long."""
    lab = Lab({"vllm": Engine(slots=20)}, seconds=120, seed=seed)
    course, measured = search(lab, RATES, bounds(1, 100, resolution="0.1"))
    found = course.found(measured, "vllm")
    assert found.stopped == "found"
    assert found.amount is not None
    assert found.next_higher is not None
    assert 15 < found.amount < 20
    assert found.next_higher <= found.amount * Fraction("1.11")


def test_each_target_has_a_search_of_its_own_and_rests_when_it_is_over() -> None:
    lab = Lab({"small": Engine(slots=2, serves_seconds=3.0), "large": Engine(slots=9, serves_seconds=10.0)}, seconds=1000)
    course, measured = search(lab, USERS, bounds(1, 64))
    assert amounts(measured, "small") == [1, 2, 4, 3, 2] + [None] * (len(measured) - 5)
    assert amounts(measured, "large") == [1, 2, 4, 8, 16, 12, 10, 9, 9]
    assert [course.found(measured, target).amount for target in ("small", "large")] == [2, 9]
    assert measured[2].level.name == "probe 3: 4 users"
    assert measured[3].level.name == "probe 4", "they ask for different amounts"


def test_where_the_lowest_amount_fails_nothing_is_found() -> None:
    course, measured = search(Lab({"vllm": Engine(ttft_seconds=0.5)}), USERS, bounds(2, 64))
    found = course.found(measured, "vllm")
    assert (found.stopped, found.amount) == ("too much from the start", None)
    assert found.next_higher == found.surely_below == Fraction(2)
    assert amounts(measured) == [2]


def test_where_the_highest_amount_passes_that_is_told() -> None:
    course, measured = search(Lab({"vllm": Engine(slots=100)}, seconds=120), USERS, bounds(1, 12))
    found = course.found(measured, "vllm")
    assert (found.stopped, found.amount) == ("meets it all the way", Fraction(12))
    assert found.next_higher is None
    assert found.surely_below is None
    assert amounts(measured) == [1, 2, 4, 8, 12, 12]


def test_it_ends_when_its_probes_are_used_up() -> None:
    lab = Lab({"vllm": Engine(slots=11, serves_seconds=12.0)}, seconds=1500)
    course, measured = search(lab, USERS, bounds(1, 200, probes=6))
    found = course.found(measured, "vllm")
    assert len(measured) == 6
    assert (found.stopped, found.confirmed) == ("out of probes", None)
    assert (found.amount, found.next_higher) == fractions(8, 12)
    assert course.found(measured[:3], "vllm").stopped == "not over"


def test_few_chats_get_more_rounds_until_the_bound_or_the_share_decides() -> None:
    lab = Lab({"vllm": Engine(slots=4, serves_seconds=5.0)}, seconds=60)
    _, measured = search(lab, USERS, bounds(1, 8))
    assert amounts(measured)[:4] == [1, 1, 1, 2], "some 11 chats a round: 33 good ones are no proof of 90 %, and the share decides"


def made_up(amount: int, good: int, bad: int, number: int) -> Measured:
    level = Level(f"probe {number}", {"vllm": USERS.load(Fraction(amount))}, rounds=1)
    chats = [chat(block=number, ttft_seconds=0.1 if each < good else 9.0) for each in range(good + bad)]
    return Measured(level, (Block(number, level.name, 1, ("vllm",), 0.0, 60.0),), chats)


def told(course: Search, *levels: tuple[int, int, int]) -> tuple[list[Measured], Found]:
    """What the search makes of levels, each of which must be the one that it asks for."""
    measured: list[Measured] = []
    for number, (amount, good, bad) in enumerate(levels, 1):
        asked = course.next(measured)
        assert asked is not None
        assert amount_of(asked, "vllm") == amount
        measured.append(made_up(amount, good, bad, number))
    return measured, course.found(measured, "vllm")


def test_what_was_found_by_luck_falls_when_it_is_measured_anew() -> None:
    course = Search(("vllm",), USERS, bounds(1, 4), GOAL)
    lucky = ((1, 200, 0), (2, 200, 0), (4, 0, 200), (3, 200, 0))
    measured, found = told(course, *lucky, (3, 100, 100))
    assert (found.amount, found.next_higher) == fractions(2, 3)
    again = course.next(measured)
    assert again is not None
    assert amount_of(again, "vllm") == 2
    measured, found = told(course, *lucky, (3, 100, 100), (2, 200, 0))
    assert course.next(measured) is None
    assert found.stopped == "found"
    assert (found.amount, found.next_higher) == fractions(2, 3)
    assert found.confirmed == Evidence(Goodput(200, 200), 1, None)


def test_only_what_was_measured_anew_confirms() -> None:
    course = Search(("vllm",), USERS, bounds(1, 2), GOAL)
    _, found = told(course, (1, 200, 0), (2, 0, 200), (1, 30, 0), (1, 25, 0))
    assert found.confirmed == Evidence(Goodput(55, 55), 2, None)


def test_a_target_that_changes_meanwhile_is_told() -> None:
    course = Search(("vllm",), USERS, bounds(1, 2), GOAL)
    _, found = told(course, (1, 200, 0), (2, 200, 0), (2, 100, 100))
    assert found.unsteady
    assert (found.surely_above, found.surely_below) == fractions(1, 2)
    _, found = told(course, (1, 200, 0), (2, 46, 4), (2, 46, 4), (2, 46, 4), (2, 100, 100))
    assert not found.unsteady, "it had only leaned to passing before"


def test_looks_share_the_doubt() -> None:
    assert Goal(SLO, confidence=0.95, rounds=5).look_confidence == pytest.approx(0.99)
    enough_at_once = next(good for good in range(1, 400) if Evidence(Goodput(good, good), 1, None).sure(Goal(SLO, 0.95, rounds=1)))
    enough_in_five = next(good for good in range(1, 400) if Evidence(Goodput(good, good), 1, None).sure(Goal(SLO, 0.95, rounds=5)))
    assert (enough_at_once, enough_in_five) == (52, 103)


def test_no_chat_at_all_is_no_pass() -> None:
    nothing = Evidence(Goodput(0, 0), 3, None)
    assert nothing.passes(GOAL) is False
    assert nothing.sure(GOAL) is None


def test_a_rate_under_which_chats_pile_up_fails_though_the_first_were_good() -> None:
    generous = Goal(ChatSlo("own", ttft_seconds=60.0), objective=0.9)
    lab = Lab({"vllm": Engine(slots=10)}, seconds=60)
    course, measured = search(lab, RATES, bounds(1, 64, resolution="0.2"), generous)
    found = course.found(measured, "vllm")
    assert found.amount is not None
    assert found.amount < 14
    assert any(course.goal.slo == generous.slo and level.level.name.endswith("16/s") for level in measured)

from __future__ import annotations

from fractions import Fraction

import pytest

from bench.courses.capacity import Capacity, NoCapacity, of_search, of_sweep
from bench.courses.evidence import Goal
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep
from bench.courses.varying import Varying
from bench.level import Level, Measured
from config.bench_slos import PRESETS, ChatSlo
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))
GOAL = Goal(PRESETS["interactive"], objective=0.9)


def swept(varying: Varying, lab: Lab, *amounts: int) -> list[Measured]:
    return lab.run(Sweep(tuple(lab.engines), varying, tuple(map(Fraction, amounts))).next)


def test_a_search_over_users_tells_it_outright() -> None:
    lab = Lab({"vllm": Engine(slots=7, serves_seconds=8.0)}, seconds=800)
    search = Search(("vllm",), USERS, Bounds(Fraction(1), Fraction(64), Fraction(1, 100)), GOAL)
    measured = lab.run(search.next)
    found = of_search(search, measured, "vllm")
    assert isinstance(found, Capacity)
    assert (found.users, found.too_many, found.way, found.sure) == (7.0, 8.0, "search", True)
    counted = found.evidence.goodput
    assert found.words == f"7 users at once within interactive; 8 are too many ({counted.good} of {counted.attempts} chats were good)"


def test_a_search_that_found_nothing_or_is_not_over_tells_none() -> None:
    slow = Lab({"vllm": Engine(ttft_seconds=2.0)})
    search = Search(("vllm",), USERS, Bounds(Fraction(1), Fraction(64), Fraction(1, 100)), GOAL)
    assert of_search(search, slow.run(search.next), "vllm") == NoCapacity(
        "vllm", "already 1 user is too much to have 90 % of chats within interactive (TTFT 450ms, TPOT 40ms)"
    )
    begun = Lab({"vllm": Engine()}, rounds=1).run(search.next)[:2]
    told = of_search(search, begun, "vllm")
    assert isinstance(told, NoCapacity)
    assert "was not over" in told.why


def test_a_sweep_of_users_tells_it_between_its_levels() -> None:
    lab = Lab({"vllm": Engine(slots=10)}, seconds=60)
    found = of_sweep(swept(USERS, lab, 2, 8, 20, 40), "vllm", USERS, GOAL)
    assert isinstance(found, Capacity)
    assert (found.users, found.too_many, found.way) == (8.0, 20.0, "sweep")
    highest = of_sweep(swept(USERS, lab, 2, 8), "vllm", USERS, GOAL)
    assert isinstance(highest, Capacity)
    assert (highest.too_many, "more were not tried" in highest.words) == (None, True)


@pytest.mark.parametrize("serves_seconds", [0.5, 2.0])
def test_a_sweep_of_rates_tells_it_by_littles_law(serves_seconds: float) -> None:
    lab = Lab({"vllm": Engine(slots=40, serves_seconds=serves_seconds)}, seconds=240)
    rates = [round(load / serves_seconds) for load in (10, 30, 80)]
    found = of_sweep(swept(RATES, lab, *rates), "vllm", RATES, GOAL)
    assert isinstance(found, Capacity)
    assert found.users == pytest.approx(30, rel=0.1)
    assert found.way == "Little's law"
    assert (found.at_rate, found.too_fast) == (Fraction(rates[1]), Fraction(rates[2]))
    assert found.too_many is None, "at the next rate chats piled up, which is no number of users"
    assert f"; {rates[2]} chats/s are too much (" in found.words
    assert f"by Little's law from {rates[1]} chats/s" in found.words


def test_no_users_are_told_of_a_rate_that_is_not_carried() -> None:
    """Answers so long that hardly any ends within the block: they begin soon enough, and nothing else is known."""
    goal = Goal(ChatSlo("own", ttft_seconds=1.0), objective=0.9)
    lab = Lab({"vllm": Engine(slots=10_000, serves_seconds=40.0)}, seconds=60)
    found = of_sweep([lab.measure(Level("5/s", {"vllm": RATES.load(Fraction(5))}))], "vllm", RATES, goal)
    assert isinstance(found, NoCapacity)
    assert "which is no steady state" in found.why


def test_where_no_level_passes_none_is_told() -> None:
    found = of_sweep(swept(USERS, Lab({"vllm": Engine(slots=1)}), 4, 8), "vllm", USERS, GOAL)
    assert isinstance(found, NoCapacity)
    assert "from the lowest on" in found.why


def test_few_chats_leave_it_unsure() -> None:
    lab = Lab({"vllm": Engine(slots=4, serves_seconds=5.0)}, rounds=1, seconds=30)
    found = of_sweep(swept(USERS, lab, 1, 2), "vllm", USERS, GOAL)
    assert isinstance(found, Capacity)
    assert not found.sure
    assert "too few to be sure of 90 %" in found.words

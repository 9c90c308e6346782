"""What a course has found, as findings, on engines that are computed."""

from __future__ import annotations

from fractions import Fraction

from bench.courses.fixed import Fixed
from bench.courses.search import Bounds, Search
from bench.courses.sweep import Sweep
from bench.courses.varying import Varying
from bench.courses.verdict import Goal
from bench.outcome import outcome
from config.bench_slos import PRESETS
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))
GOAL = Goal(PRESETS["interactive"], objective=0.9)


def test_a_sweep_has_found_knees_and_with_a_goal_capacities() -> None:
    lab = Lab({"a": Engine(slots=8, serves_seconds=2.0), "b": Engine(slots=100, serves_seconds=2.0)}, seconds=300)
    sweep = Sweep(("a", "b"), RATES, tuple(Fraction(amount, 2) for amount in (1, 2, 4, 6, 8, 10, 12)))
    measured = lab.run(sweep.next)
    found = outcome(sweep, measured, None)
    assert [(finding.target, finding.rule, finding.kind) for finding in found] == [("a", "knee", "limit"), ("b", "knee", "unknown")]
    assert found[0].figures["low"] <= 4 <= found[0].figures["high"] + 0.5
    assert "knee" in found[0].words
    with_capacity = outcome(sweep, measured, GOAL)
    assert [finding.rule for finding in with_capacity] == ["knee", "capacity"] * 2


def test_a_search_has_found_capacities() -> None:
    lab = Lab({"a": Engine(slots=7, serves_seconds=8.0)}, seconds=800)
    search = Search(("a",), USERS, Bounds(Fraction(1), Fraction(64), Fraction(1, 100)), GOAL)
    (found,) = outcome(search, lab.run(search.next), GOAL)
    assert (found.rule, found.kind, found.figures) == ("capacity", "limit", {"users": 7.0, "too_many": 8.0})
    assert found.words.startswith("7 users at once within interactive")
    assert found.to_json()["kind"] == "limit"


def test_a_search_that_found_none_says_why() -> None:
    lab = Lab({"a": Engine(slots=1, serves_seconds=8.0)}, seconds=400)
    search = Search(("a",), USERS, Bounds(Fraction(8), Fraction(64), Fraction(1, 100)), GOAL)
    (found,) = outcome(search, lab.run(search.next), GOAL)
    assert (found.rule, found.kind, found.figures) == ("capacity", "unknown", {})
    assert "8 users" in found.words


def test_levels_that_were_asked_for_have_found_nothing_of_the_kind() -> None:
    assert outcome(Fixed(()), [], GOAL) == ()

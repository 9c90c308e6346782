"""How a run is laid out, before anything is sent."""

from __future__ import annotations

from fractions import Fraction

import pytest

from bench.design import Design, DesignError, Hardware, asked_of, designed, limits_for, seconds_of_level, seed_of, warm_up
from bench.level import Level
from config.bench import Bench
from config.load import Arrival, ClosedLoop, Fixed, Load, OpenLoop, RateStage, Trace, UserStage
from config.model import Limits
from config.reader import parse

TEXT = """
targets: {{v: {{backend: vllm, url: http://v}}}}
scenarios: {{chat: {{users: 3, think_time: 2s, ramp_up: 4s}}, plain: {{users: 2, max_tokens: 50, timeout: 20s, prompt: {{input_tokens: 100}}}}}}
bench: {bench}
"""


def bench(written: str = "{}") -> Bench:
    return parse(TEXT.format(bench=written)).config.bench


SCENARIOS = parse(TEXT.format(bench="{}")).config.scenarios
SCENARIO = SCENARIOS["plain"]
USERS = ClosedLoop((UserStage(10),))
RATE = OpenLoop((RateStage(Fraction(4)),), "poisson")
TRACE = Trace((Arrival(0, 10, 1), Arrival(6, 20, 2), Arrival(60, 30, 3)), speed=2.0)


def design(*targets: str, hardware: Hardware = "shared", rounds: int = 3, warm_up_seconds: float | None = None) -> Design:
    return Design(targets, hardware, rounds, 20.0, warm_up_seconds, 10.0, 1.0)


def level(load: Load | Trace, *targets: str, seconds: float | None = None, rounds: int | None = None) -> Level:
    return Level("level", dict.fromkeys(targets, load), rounds, seconds)


def order(laid_out: Design, at: Level, number: int) -> list[tuple[str, ...]]:
    return [part.targets for part in laid_out.parts(at, number)]


def test_who_shares_hardware_is_measured_there_and_back_again_and_another_begins_each_round() -> None:
    both = level(USERS, "a", "b")
    assert order(design("a", "b"), both, 1) == [("a",), ("b",), ("b",), ("a",)]
    assert order(design("a", "b"), both, 2) == [("b",), ("a",), ("a",), ("b",)]
    assert order(design("a", "b"), both, 3) == order(design("a", "b"), both, 1)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_each_of_three_is_as_late_in_the_round_as_the_others(number: int) -> None:
    places = [name for (name,) in order(design("a", "b", "c"), level(USERS, "a", "b", "c"), number)]
    assert {sum(index for index, name in enumerate(places) if name == wanted) for wanted in "abc"} == {5}


def test_the_two_halves_have_a_chance_of_their_own_and_all_targets_the_same() -> None:
    parts = design("a", "b").parts(level(USERS, "a", "b"), 1)
    assert [part.half for part in parts] == [0, 0, 1, 1]
    assert len({seed_of(1, number, half) for number in range(1, 20) for half in (0, 1)}) == 38
    assert seed_of(1, 1, 0) != seed_of(2, 1, 0)
    assert 0 <= seed_of(2**31 - 1, 1000, 1) < 2**31


def test_who_has_hardware_of_its_own_is_measured_at_once_and_another_is_sent_to_first_from_round_to_round() -> None:
    own = design("a", "b", "c", hardware="own")
    orders = [order(own, level(USERS, "a", "b", "c"), number) for number in (1, 2, 3, 4)]
    assert orders == [[("a", "b", "c")], [("b", "c", "a")], [("c", "a", "b")], [("a", "b", "c")]]
    assert order(own, level(USERS), 2) == []
    assert order(design("a", "b"), level(USERS, "b"), 1) == [("b",)]
    assert order(design("a", "b"), level(USERS, "other"), 1) == []


def test_blocks_say_where_they_are_in_the_run() -> None:
    both = level(USERS, "a", "b", seconds=30.0)
    block = design("a", "b").block(both, design("a", "b").parts(both, 2)[0], number=5, round=2)
    assert (block.number, block.level, block.round, block.targets, block.seconds, block.warm_up_seconds) == (5, "level", 2, ("b",), 30.0, 4.5)


@pytest.mark.parametrize(
    ("block_seconds", "stated_seconds", "seconds"),
    [(100, None, 15), (5, None, 2), (3, None, 1.5), (1000, None, 30), (100, 7, 7), (10, 9, 5)],
)
def test_the_warm_up_is_a_share_of_the_block_within_bounds(block_seconds: float, stated_seconds: float | None, seconds: float) -> None:
    assert warm_up(block_seconds, stated_seconds) == seconds


def test_a_trace_says_itself_how_long_its_block_is() -> None:
    assert design("a").seconds_of(level(TRACE, "a")) == pytest.approx(30.5)
    assert design("a").seconds_of(level(TRACE, "a", seconds=7.0)) == 7
    assert design("a").seconds_of(level(USERS, "a")) == 20


@pytest.mark.parametrize(("hardware", "block_seconds"), [("own", 300 / 10 - 2), ("shared", 300 / 40 - 2)])
def test_the_duration_is_divided_among_the_blocks(hardware: Hardware, block_seconds: float) -> None:
    """Two levels in five rounds; a second of pause each, and a chat of 50 tokens takes a second to end."""
    laid_out = designed(bench(), SCENARIO, ("a", "b"), hardware, 2)
    assert laid_out.block_seconds == pytest.approx(block_seconds)
    whole = [seconds_of_level(level(USERS, "a", "b"), laid_out, SCENARIO)] * 2
    assert sum(whole) == pytest.approx(300)


def test_too_short_a_run_is_refused_with_what_would_do() -> None:
    with pytest.raises(DesignError) as refused:
        designed(bench("{duration: 1m, rounds: 3}"), SCENARIO, ("a", "b", "c"), "shared", 1)
    assert str(refused.value) == (
        "1m are too short for 1 level in 3 rounds with 3 targets that share hardware: that is 18 blocks; "
        "write a duration of 2m6s or more, or fewer rounds or levels"
    )
    assert designed(bench("{duration: 2m6s, rounds: 3}"), SCENARIO, ("a", "b", "c"), "shared", 1).block_seconds == pytest.approx(5)


def test_a_warm_up_must_leave_something() -> None:
    with pytest.raises(DesignError, match=r"a warm-up of 1m leaves nothing of blocks of 58\.0 s"):
        designed(bench("{warm_up: 1m}"), SCENARIO, ("a",), "own", 1)


def test_where_nobody_knows_how_many_levels_there_will_be_the_duration_bounds_the_run() -> None:
    laid_out = designed(bench("{duration: 10m}"), SCENARIO, ("a", "b"), "own", None)
    assert (laid_out.block_seconds, laid_out.ends_after_seconds) == (30, 600)
    assert designed(bench("{duration: 10m}"), SCENARIO, ("a",), "own", 1).ends_after_seconds is None
    assert designed(bench("{block: 12s}"), SCENARIO, ("a",), "own", 1).block_seconds == 12


def test_what_is_asked_of_a_target() -> None:
    """Four blocks of each target: two rounds of two halves."""
    twice = design("a", "b", rounds=2)
    at_rate = asked_of("a", level(RATE, "a", "b"), twice, SCENARIO)
    assert (at_rate.chats, at_rate.input_tokens, at_rate.output_tokens) == (4 * 80, 4 * 80 * 100, 4 * 80 * 50)
    by_users = asked_of("a", level(USERS, "a", "b"), twice, SCENARIO)
    assert by_users.chats == pytest.approx(4 * 20 * 10)
    replayed = asked_of("a", level(TRACE, "a", "b", seconds=10.0), twice, SCENARIO)
    assert (replayed.chats, replayed.input_tokens, replayed.output_tokens) == (8, 4 * 30, 4 * 3)
    assert asked_of("c", level(RATE, "a"), twice, SCENARIO).chats == 0


def test_limits_are_raised_to_what_the_load_needs_and_no_bound_on_tokens_holds() -> None:
    limits = Limits(streams=500, streams_per_target=100, tokens_per_hour=1000)
    users = limits_for(limits, SCENARIO, {"a": ClosedLoop((UserStage(300),)), "b": ClosedLoop((UserStage(400),))})
    assert (users.streams, users.streams_per_target, users.tokens_per_hour, users.load_share) == (700, 400, None, None)
    assert limits_for(limits, SCENARIO, {"a": RATE}).streams_per_target == 100
    hanging = limits_for(limits, SCENARIO, {"a": OpenLoop((RateStage(Fraction(900)),))})
    assert hanging.streams_per_target == 10_000
    assert limits_for(limits, SCENARIO, {"a": TRACE}).streams == 500


@pytest.mark.parametrize(
    ("written", "load"),
    [
        ("{users: 10}", ClosedLoop((UserStage(10),), Fixed(2.0), 4.0)),
        ("{stages: [{users: 1, for: 5s}, {users: 2}]}", ClosedLoop((UserStage(1, 5.0), UserStage(2)), Fixed(2.0), 4.0)),
        ("{rate: 30/m}", OpenLoop((RateStage(Fraction(1, 2)),), "poisson")),
        ("{stages: [{rate: 1/s, for: 5s}, {rate: 2/s}]}", OpenLoop((RateStage(Fraction(1), 5.0), RateStage(Fraction(2))), "poisson")),
    ],
)
def test_levels_as_they_are_written(written: str, load: Load) -> None:
    """Users think, and join, as those of the scenario do."""
    found = bench(f"{{levels: [{written}]}}")
    assert found.levels[0].load(SCENARIOS["chat"], found.arrivals) == load


def test_users_beside_a_scenario_without_any_do_not_think() -> None:
    heartbeat = parse("targets: {v: {backend: vllm, url: http://v}}\nscenarios: {beat: {every: 15s}}\n").config.scenarios["beat"]
    assert bench("{levels: [{users: 10}]}").levels[0].load(heartbeat, "constant") == ClosedLoop((UserStage(10),))

"""When chats are due: on grids that never drift, whoever asks and when."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.load import ArrivalKind, Every, OpenLoop, RateStage
from traffic.arrivals import LATE_NS, FixedRate, Growth, arrivals
from traffic.schedule import FIRST_CHAT_WITHIN_NS, SHARES, Arrivals, Due, nanoseconds, share

SECOND_NS = 1_000_000_000
START_NS = 123_456_789
each_kind = pytest.mark.parametrize("kind", ["constant", "poisson"])


def stage(per_second: Fraction | int, seconds: float | None = None) -> RateStage:
    return RateStage(Fraction(per_second), seconds)


def open_loop(*stages: RateStage, kind: ArrivalKind = "constant", target: str = "vllm", seed: int = 1) -> Arrivals:
    return arrivals(OpenLoop(stages, kind), START_NS, target=target, scenario="chat", seed=seed)


def instants(schedule: Arrivals) -> Iterator[int]:
    """Everything that is due, as one sees it who is always there in time, from the start."""
    now_ns = START_NS
    while (due := schedule.next(now_ns)) is not None:
        assert due.missed == 0
        assert due.at_ns >= now_ns
        now_ns = due.at_ns
        yield due.at_ns - START_NS


def until(schedule: Arrivals, seconds: float) -> list[float]:
    """Everything that is due before so many seconds from the start, in seconds."""
    found = []
    for at_ns in instants(schedule):
        if at_ns >= seconds * SECOND_NS:
            break
        found.append(at_ns / SECOND_NS)
    return found


def test_a_hundred_thousand_heartbeats_never_drift() -> None:
    start_ns, interval_ns = 123_456_789, 333_333_333
    arrivals = FixedRate(start_ns, 1 / 3, "vllm", "heartbeat")
    now_ns = start_ns
    instants = []
    for number in range(100_000):
        due = arrivals.next(now_ns)
        assert due.missed == 0
        instants.append(due.at_ns)
        now_ns = due.at_ns + number % 1_000_000  # always somewhat late
    grid_ns = instants[1] - interval_ns
    assert instants[1:] == [grid_ns + number * interval_ns for number in range(1, 100_000)]


@given(st.text(max_size=20), st.text(max_size=20), st.floats(1, 86_400))
def test_the_first_chat_comes_within_the_interval_and_within_five_seconds(target: str, scenario: str, interval_seconds: float) -> None:
    arrivals = FixedRate(0, interval_seconds, target, scenario)
    first, second = arrivals.next(0), arrivals.next(0)
    interval_ns = round(interval_seconds * SECOND_NS)
    assert 0 <= first.at_ns < min(interval_ns, FIRST_CHAT_WITHIN_NS)
    assert interval_ns <= second.at_ns < 2 * interval_ns
    assert second.at_ns - first.at_ns >= interval_ns


def test_phases_are_spread_over_the_interval_and_the_same_in_every_run() -> None:
    phases = []
    for number in range(1_000):
        arrivals, again = FixedRate(0, 60, f"target-{number}", "heartbeat"), FixedRate(0, 60, f"target-{number}", "heartbeat")
        arrivals.next(0), again.next(0)
        grid = arrivals.next(0)
        assert grid == again.next(0)
        phases.append(grid.at_ns - 60 * SECOND_NS)
    for sixth in range(6):
        share = sum(sixth * 10 * SECOND_NS <= phase < (sixth + 1) * 10 * SECOND_NS for phase in phases)
        assert 120 < share < 220  # 167 expected; these bounds are four standard deviations off
    assert FixedRate(0, 60, "ab", "c").next(0) != FixedRate(0, 60, "a", "bc").next(0)


@given(st.lists(st.integers(0, 50 * SECOND_NS), min_size=1, max_size=30))
def test_every_chat_is_given_out_or_counted_as_missed(holdups_ns: list[int]) -> None:
    arrivals = FixedRate(0, 10, "vllm", "heartbeat")
    grid_ns = FixedRate(0, 10, "vllm", "heartbeat")
    grid_ns.next(0)
    phase_ns = grid_ns.next(0).at_ns - 10 * SECOND_NS
    now_ns = given_out = missed = 0
    for holdup_ns in holdups_ns:
        now_ns += holdup_ns
        due = arrivals.next(now_ns)
        given_out, missed = given_out + 1, missed + due.missed
        if due.missed:
            assert now_ns - due.at_ns < 10 * SECOND_NS  # the newest
        number = given_out + missed - 1
        assert due.at_ns == phase_ns + number * 10 * SECOND_NS or number == 0
        now_ns = max(now_ns, due.at_ns)


def test_after_a_hold_up_the_newest_chat_is_late_and_those_before_it_are_missed() -> None:
    start_ns = START_NS + 3600 * SECOND_NS
    arrivals = FixedRate(start_ns, 10, "vllm", "heartbeat")
    arrivals.next(start_ns)
    second = arrivals.next(start_ns)
    assert arrivals.next(second.at_ns + 35 * SECOND_NS) == Due(second.at_ns + 30 * SECOND_NS, missed=2)
    assert arrivals.next(second.at_ns + 35 * SECOND_NS) == Due(second.at_ns + 40 * SECOND_NS)


def test_a_heartbeat_comes_at_a_fixed_rate() -> None:
    schedule, same = arrivals(Every(10.0), START_NS, target="vllm", scenario="chat", seed=1), FixedRate(START_NS, 10.0, "vllm", "chat")
    assert [schedule.next(0) for _ in range(9)] == [same.next(0) for _ in range(9)]


@pytest.mark.parametrize("rate", [Fraction(7, 60), Fraction(997)])
def test_a_hundred_thousand_chats_at_a_rate_are_due_exactly_on_their_grid(rate: Fraction) -> None:
    schedule, lateness = open_loop(stage(rate)), random.Random(1)
    phase = Fraction(share("vllm", "chat"), SHARES)
    now_ns = START_NS
    for number in range(100_000):
        due_ns = START_NS + math.floor((number + phase) / rate * SECOND_NS)
        assert schedule.next(now_ns) == Due(due_ns)
        now_ns = max(now_ns, due_ns + lateness.randrange(LATE_NS // 2))


@each_kind
def test_of_a_hundred_thousand_chats_asked_for_late_none_is_lost_or_moved(kind: ArrivalKind) -> None:
    stages = stage(20, 3.0), stage(0, 2.0), stage(Fraction(1, 3), 0.7)
    undisturbed = list(islice(instants(open_loop(*stages, kind=kind)), 100_000))
    schedule, holdups = open_loop(*stages, kind=kind), random.Random(1)
    now_ns, number, missed_in_all = START_NS, 0, 0
    while number < 99_000:
        due = schedule.next(now_ns)
        assert due is not None
        missed = undisturbed[number : number + due.missed]
        assert all(now_ns - START_NS - at_ns > LATE_NS for at_ns in missed)
        number += due.missed
        assert due.at_ns - START_NS == undisturbed[number]
        assert now_ns - due.at_ns <= LATE_NS
        number += 1
        missed_in_all += due.missed
        now_ns = max(now_ns, due.at_ns) + int(holdups.paretovariate(1.5) * 2_000_000)
    assert 100 < missed_in_all < 50_000


def test_a_chat_one_second_late_is_given_out_and_one_later_than_that_is_missed() -> None:
    first, second = islice(instants(open_loop(stage(5))), 2)
    assert open_loop(stage(5)).next(START_NS + first + LATE_NS) == Due(START_NS + first)
    assert open_loop(stage(5)).next(START_NS + first + LATE_NS + 1) == Due(START_NS + second, missed=1)


def test_after_a_short_hold_up_all_chats_of_that_time_are_given_out_at_once() -> None:
    schedule = open_loop(stage(10))
    now_ns = START_NS + SECOND_NS
    dues = [schedule.next(now_ns) for _ in range(11)]
    assert sum(due.at_ns <= now_ns for due in dues if due) == 10


def test_ten_years_are_caught_up_with_at_once() -> None:
    schedule = open_loop(stage(500, 7.0), stage(0, 3.0))
    years = 10 * 365 * 86_400
    due = schedule.next(START_NS + years * SECOND_NS)
    assert due is not None
    given_before = sum(1 for _ in until(open_loop(stage(500, 7.0), stage(0, 3.0)), 10.0))
    assert due.missed == years // 10 * given_before  # the last second before is part of a pause
    assert due.at_ns >= START_NS + years * SECOND_NS


def test_the_chats_of_several_targets_do_not_come_in_bunches() -> None:
    firsts = [next(instants(open_loop(stage(1), target=f"target-{number}"))) for number in range(1_000)]
    for sixth in range(6):
        count = sum(sixth * SECOND_NS <= 6 * first < (sixth + 1) * SECOND_NS for first in firsts)
        assert 120 < count < 220  # 167 expected; these bounds are four standard deviations off


def test_even_chats_do_not_depend_on_the_seed() -> None:
    assert until(open_loop(stage(3), seed=1), 60) == until(open_loop(stage(3), seed=2), 60)


def test_chats_by_chance_follow_from_seed_target_and_scenario() -> None:
    def told(target: str, scenario: str, seed: int) -> tuple[float, ...]:
        load = OpenLoop((stage(3),), "poisson")
        return tuple(until(arrivals(load, START_NS, target=target, scenario=scenario, seed=seed), 60))

    assert told("vllm", "chat", 1) == told("vllm", "chat", 1)
    assert len({told("vllm", "chat", 1), told("tgi", "chat", 1), told("vllm", "chat", 2), told("vllm", "other", 1)}) == 4


def test_gaps_by_chance_are_exponential() -> None:
    gaps = sorted(later - earlier for earlier, later in pairwise(until(open_loop(stage(20), kind="poisson"), 1_000)))
    assert 19_434 < len(gaps) < 20_566  # 20,000 expected; these bounds are four standard deviations off
    shares = [1 - math.exp(-20 * gap) for gap in gaps]
    distance = max(max(abs(share - place / len(gaps)), abs(share - (place + 1) / len(gaps))) for place, share in enumerate(shares))
    assert distance < 1.95 / math.sqrt(len(gaps))  # Kolmogorov-Smirnov: passed once in a thousand by chance


def test_gaps_by_chance_do_not_hang_together() -> None:
    counts = [0] * 5_000
    for at_seconds in until(open_loop(stage(4), kind="poisson"), 5_000):
        counts[int(at_seconds)] += 1
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert 0.92 < variance / mean < 1.08  # 1 for a Poisson process, standard deviation 0.02


def test_each_stage_has_its_chats_and_the_first_follows_the_last() -> None:
    found = until(open_loop(stage(5, 2.0), stage(0, 3.0), stage(Fraction(1, 2), 4.0)), 90)
    for passes in range(10):
        in_pass = [at - 9 * passes for at in found if 9 * passes <= at < 9 * (passes + 1)]
        assert [sum(begin <= at < end for at in in_pass) for begin, end in ((0, 2), (2, 5), (5, 9))] == [10, 0, 2]


def test_stages_that_hold_whole_chats_begin_in_the_same_phase_each_time() -> None:
    found_ns = list(islice(instants(open_loop(stage(5, 2.0), stage(Fraction(1, 2), 4.0))), 24))
    assert found_ns[12:] == [at_ns + 6 * SECOND_NS for at_ns in found_ns[:12]]


def test_the_last_stage_holds_where_it_has_no_end() -> None:
    found = until(open_loop(stage(10, 5.0), stage(1)), 65)
    assert sum(at < 5 for at in found) == 50
    assert sum(at >= 5 for at in found) == 60


@pytest.mark.parametrize("target", ["vllm", "tgi", "ollama", "other"])
def test_a_stage_too_short_for_a_whole_chat_has_one_every_few_times(target: str) -> None:
    found = until(open_loop(stage(Fraction(1, 60), 15.0), stage(0, 15.0), target=target), 120 * 50)
    assert len(found) == 50
    assert all(at % 30 < 15 for at in found)


def test_stages_by_chance_keep_their_rates_and_pauses() -> None:
    found = until(open_loop(stage(20, 5.0), stage(0, 5.0), stage(2, 10.0), kind="poisson"), 2_000)
    fast, pause, slow = (sum(begin <= at % 20 < end for at in found) for begin, end in ((0, 5), (5, 10), (10, 20)))
    assert 9_600 < fast < 10_400
    assert pause == 0
    assert 1_821 < slow < 2_179


@each_kind
def test_a_load_that_ends_at_nothing_has_no_more_chats(kind: ArrivalKind) -> None:
    schedule = open_loop(stage(5, 4.0), stage(0), kind=kind)
    found = list(instants(schedule))
    assert (len(found) == 20) if kind == "constant" else (5 < len(found) < 40)
    assert all(at_ns < 4 * SECOND_NS for at_ns in found)
    assert schedule.next(START_NS + 9 * SECOND_NS) is None


@each_kind
def test_a_hold_up_beyond_the_end_of_a_load_loses_no_chat(kind: ArrivalKind) -> None:
    found = list(instants(open_loop(stage(5, 4.0), stage(0), kind=kind)))
    schedule = open_loop(stage(5, 4.0), stage(0), kind=kind)
    assert schedule.next(START_NS + 60 * SECOND_NS) == Due(START_NS + found[-1], missed=len(found) - 1)
    assert schedule.next(START_NS + 60 * SECOND_NS) is None


@each_kind
@pytest.mark.parametrize("stages", [(stage(0),), (stage(0, 2.0), stage(0, 3.0))], ids=["for good", "again and again"])
def test_a_load_of_nothing_has_no_chat_at_all(stages: tuple[RateStage, ...], kind: ArrivalKind) -> None:
    assert open_loop(*stages, kind=kind).next(START_NS + 60 * SECOND_NS) is None


def test_nothing_is_called_for_before_the_start() -> None:
    assert Growth([stage(5)], START_NS).chats(START_NS - SECOND_NS) == Growth([stage(5)], START_NS).chats(START_NS) == 0


rates = st.fractions(min_value=0, max_value=1_000, max_denominator=3_600)
lengths = st.integers(1, 10**8).map(lambda microseconds: microseconds / 10**6)
ending = st.lists(st.builds(RateStage, rates, lengths), min_size=1, max_size=5)
holding = st.builds(lambda stages, last: [*stages, last], st.lists(st.builds(RateStage, rates, lengths), max_size=4), st.builds(RateStage, rates))


@given(ending | holding, st.integers(0, 10**9), st.integers(0, SHARES - 1))
def test_a_chat_is_due_in_the_very_nanosecond_in_which_its_number_is_reached(stages: list[RateStage], number: int, phase: int) -> None:
    growth = Growth(stages, START_NS)
    chats = number + Fraction(phase, SHARES)
    at_ns = growth.instant_ns(chats)
    if at_ns is None:
        assert growth.chats(START_NS + 10**9 * SECOND_NS) <= chats
    else:
        assert growth.chats(at_ns) <= chats < growth.chats(at_ns + 1)


@given(ending)
def test_a_pass_through_all_stages_calls_for_rate_times_length(stages: list[RateStage]) -> None:
    growth = Growth(stages, START_NS)
    lengths_ns = [nanoseconds(stage.seconds) for stage in stages if stage.seconds]
    once = sum((stage.per_second * length_ns / SECOND_NS for stage, length_ns in zip(stages, lengths_ns, strict=True)), Fraction())
    assert growth.chats(START_NS + 7_000_000 * sum(lengths_ns)) == 7_000_000 * once

"""When the users of a closed loop are there, and how long they think."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.load import Between, ClosedLoop, Exponential, Fixed, ThinkTime, UserStage
from traffic.schedule import SHARES, nanoseconds, share
from traffic.users import LONGEST_IN_MEANS, Users

SECOND_NS = 1_000_000_000
START_NS = 123_456_789


def users(
    *stages: UserStage, think_time: ThinkTime | None = None, ramp_up_seconds: float | None = None, target: str = "vllm", seed: int = 1
) -> Users:
    return Users(ClosedLoop(stages, think_time, ramp_up_seconds), START_NS, target=target, scenario="chat", seed=seed)


def at(seconds: float) -> int:
    return START_NS + nanoseconds(seconds)


def joined(them: Users, seconds: float) -> list[float | None]:
    """When each user is there first from that time on, in seconds from the start."""
    dues = [them.due_ns(user, at(seconds)) for user in range(them.most)]
    return [None if due_ns is None else (due_ns - START_NS) / SECOND_NS for due_ns in dues]


def phase(target: str = "vllm") -> float:
    return share(target, "chat") / SHARES


def test_users_come_evenly_over_the_ramp_up_and_stay() -> None:
    them = users(UserStage(4), ramp_up_seconds=8.0)
    assert them.most == 4
    assert joined(them, 0) == pytest.approx([(number + phase()) * 2 for number in range(4)], abs=1e-9)
    assert joined(them, 7.9999) == pytest.approx([7.9999, 7.9999, 7.9999, max(7.9999, 6 + 2 * phase())], abs=1e-9)
    assert [them.due_ns(user, 10**18) for user in range(4)] == [10**18] * 4


def test_nobody_is_there_before_the_start() -> None:
    assert users(UserStage(1), ramp_up_seconds=8.0).due_ns(0, 0) == START_NS + math.floor(phase() * 8 * SECOND_NS)


@pytest.mark.parametrize(
    ("think_time", "seconds"),
    [(None, 1), (Fixed(0.2), 1), (Fixed(6.0), 6), (Between(2.0, 4.0), 3), (Exponential(5.0), 5)],
)
def test_a_ramp_up_that_is_not_configured_is_a_mean_think_time_or_a_second(think_time: ThinkTime | None, seconds: int) -> None:
    assert joined(users(UserStage(10), think_time=think_time), 0) == pytest.approx(
        [(number + phase()) * seconds / 10 for number in range(10)], abs=1e-8
    )


def test_the_first_of_users_who_think_long_comes_soon_all_the_same() -> None:
    assert joined(users(UserStage(1), think_time=Fixed(3600.0)), 0) == pytest.approx([phase() * 5])
    assert joined(users(UserStage(3), think_time=Fixed(3600.0)), 0) == pytest.approx([(number + phase()) * 5 for number in range(3)])


def test_the_users_of_several_targets_do_not_come_in_step() -> None:
    firsts = {users(UserStage(1), target=f"target-{number}").due_ns(0, 0) for number in range(100)}
    assert len(firsts) == 100


def test_a_stage_adds_its_users_to_those_that_are_there_and_takes_the_last_ones_away() -> None:
    them = users(UserStage(2, 30.0), UserStage(4, 30.0), UserStage(1), ramp_up_seconds=10.0)
    assert joined(them, 20) == pytest.approx([20, 20, 30 + 5 * phase(), 35 + 5 * phase()], abs=1e-9)
    assert joined(them, 45) == [45, 45, 45, 45]
    assert joined(them, 60) == [60, None, None, None]


def test_a_ramp_up_is_no_longer_than_its_stage() -> None:
    them = users(UserStage(5, 10.0), UserStage(0, 10.0), ramp_up_seconds=60.0)
    assert joined(them, 0) == pytest.approx([(number + phase()) * 2 for number in range(5)], abs=1e-9)


def test_where_the_stages_begin_anew_only_users_that_the_last_one_lacked_join_again() -> None:
    them = users(UserStage(4, 10.0), UserStage(2, 10.0), ramp_up_seconds=4.0)
    assert joined(them, 0) == pytest.approx([number + phase() for number in range(4)], abs=1e-9)
    assert joined(them, 12) == pytest.approx([12, 12, 20 + 2 * phase(), 22 + 2 * phase()], abs=1e-9)
    assert joined(them, 20 * 10**6) == pytest.approx([2e7, 2e7, 2e7 + 2 * phase(), 2e7 + 2 + 2 * phase()], abs=1e-6)


def test_in_a_pause_nobody_is_there_and_all_come_back_after_it() -> None:
    them = users(UserStage(0, 10.0), UserStage(3, 10.0), ramp_up_seconds=3.0)
    back = [10 + number + phase() for number in range(3)]
    assert joined(them, 0) == pytest.approx(back, abs=1e-9)
    assert joined(them, 20) == pytest.approx([20 + seconds for seconds in back], abs=1e-9)


def test_a_pause_that_holds_for_good_is_the_end() -> None:
    them = users(UserStage(3, 10.0), UserStage(0), ramp_up_seconds=3.0)
    assert None not in joined(them, 9.999)
    assert joined(them, 10) == [None] * 3


def test_a_user_whom_no_stage_has_is_never_there() -> None:
    them = users(UserStage(3, 10.0), UserStage(1, 10.0))
    assert them.due_ns(3, START_NS) is None


def presences(counts: list[tuple[int, int]], passes: int, ramp_up_ns: int, user: int) -> Iterator[tuple[int, int]]:
    """From when to when the user is there, written out run by run."""
    begin_ns, before = START_NS, 0
    for count, length_ns in counts * passes:
        if user < before and user < count:
            yield begin_ns, begin_ns + length_ns
        elif user < count:
            place = user - before + Fraction(share("vllm", "chat"), SHARES)
            yield begin_ns + math.floor(place * min(ramp_up_ns, length_ns) / (count - before)), begin_ns + length_ns
        begin_ns, before = begin_ns + length_ns, count


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 30)), min_size=1, max_size=5).filter(lambda stages: any(count for count, _ in stages)),
    st.integers(1, 40),
    st.integers(0, 6),
    st.integers(0, 100 * SECOND_NS),
)
def test_a_user_is_due_when_first_there(stages: list[tuple[int, int]], ramp_up_seconds: int, user: int, since_ns: int) -> None:
    them = users(*(UserStage(count, float(seconds)) for count, seconds in stages), ramp_up_seconds=float(ramp_up_seconds))
    counts = [(count, seconds * SECOND_NS) for count, seconds in stages]
    passes = 102 // sum(seconds for _, seconds in stages) + 2
    earliest_ns = START_NS + since_ns
    expected = (max(begin, earliest_ns) for begin, end in presences(counts, passes, ramp_up_seconds * SECOND_NS, user) if end > earliest_ns)
    assert them.due_ns(user, earliest_ns) == next(expected, None)


def thoughts(think_time: ThinkTime | None, *, count: int = 20_000, user: int = 0, target: str = "vllm", seed: int = 1) -> list[float]:
    them = users(UserStage(user + 1), think_time=think_time, target=target, seed=seed)
    return [them.think_ns(user) / SECOND_NS for _ in range(count)]


def test_without_a_think_time_users_do_not_think() -> None:
    assert set(thoughts(None, count=9)) == {0}


def test_a_fixed_think_time_is_the_same_each_time() -> None:
    assert set(thoughts(Fixed(1.5), count=9)) == {1.5}


def test_a_think_time_between_two_is_as_likely_anywhere() -> None:
    found = thoughts(Between(1.0, 5.0))
    assert 1 <= min(found) < 1.01
    assert 4.99 < max(found) <= 5
    quarters = [int(seconds - 1) for seconds in found]
    assert all(4_755 < quarters.count(quarter) < 5_245 for quarter in range(4))  # 5,000 expected; these bounds are four standard deviations off


def test_exponential_think_times_have_their_mean_and_end_at_ten_of_it() -> None:
    found = sorted(thoughts(Exponential(2.0), count=50_000))
    assert 1.964 < sum(found) / len(found) < 2.036  # four standard deviations of the mean
    assert found[len(found) // 2] == pytest.approx(2 * math.log(2), rel=0.03)
    assert found[-1] == 2 * LONGEST_IN_MEANS
    assert all(seconds >= 0 for seconds in found)


def test_think_times_follow_from_seed_target_and_user_whatever_others_draw() -> None:
    assert thoughts(Exponential(2.0), count=9) == thoughts(Exponential(2.0), count=9)
    others = [{"user": 1}, {"target": "tgi"}, {"seed": 2}]
    found = [thoughts(Exponential(2.0), count=9), *(thoughts(Exponential(2.0), count=9, **other) for other in others)]  # type: ignore[arg-type]
    assert len(set(map(tuple, found))) == 4
    them = users(UserStage(2), think_time=Exponential(2.0))
    between = [(them.think_ns(0), them.think_ns(1)) for _ in range(9)]
    assert [first / SECOND_NS for first, _ in between] == found[0]
    assert [second / SECOND_NS for _, second in between] == found[1]

from __future__ import annotations

from fractions import Fraction

import pytest

from bench.courses import flow
from bench.courses.knee import Knee, NoKnee, knee, rise
from bench.courses.sweep import Sweep, geometric
from bench.courses.varying import Varying, amount_of
from bench.level import Level, Measured
from config.load import ClosedLoop, OpenLoop, RateStage, UserStage
from tests.bench.engine import Engine, Lab

RATES = Varying(OpenLoop((RateStage(Fraction(1)),), "poisson"))
USERS = Varying(ClosedLoop((UserStage(1),)))


def steps(varying: Varying, lowest: float, highest: float, count: int) -> tuple[Fraction, ...]:
    return geometric(varying, Fraction(str(lowest)), Fraction(str(highest)), count)


def fractions(*numbers: float) -> tuple[Fraction, ...]:
    return tuple(Fraction(str(number)) for number in numbers)


def swept(varying: Varying, amounts: tuple[Fraction, ...], lab: Lab) -> list[Measured]:
    return lab.run(Sweep(tuple(lab.engines), varying, amounts).next)


def test_geometric_steps_are_easily_said() -> None:
    assert steps(RATES, 1, 32, 6) == fractions(1, 2, 4, 8, 16, 32)
    assert [RATES.words(amount) for amount in steps(RATES, 0.5, 20, 4)] == ["0.5/s", "1.71/s", "5.85/s", "20/s"]
    assert steps(USERS, 1, 4, 8) == fractions(1, 2, 3, 4)
    assert steps(USERS, 3, 64, 1) == fractions(3)
    assert [USERS.words(amount) for amount in fractions(1, 2)] == ["1 user", "2 users"]


def test_levels_come_from_low_to_high_for_all_targets() -> None:
    lab = Lab({"vllm": Engine(), "tgi": Engine()}, rounds=1, seconds=20)
    levels = [measured.level for measured in swept(USERS, fractions(1, 2, 4), lab)]
    assert [level.name for level in levels] == ["1 user", "2 users", "4 users"]
    assert all(tuple(level.loads) == ("vllm", "tgi") for level in levels)
    assert [amount_of(level, "tgi") for level in levels] == [1, 2, 4]


def test_a_target_that_cannot_follow_is_left_alone_and_the_others_go_on() -> None:
    lab = Lab({"slow": Engine(slots=4), "quick": Engine(slots=1000)}, rounds=1)
    levels = [measured.level for measured in swept(RATES, fractions(1, 2, 8, 16, 32, 64), lab)]
    assert [amount_of(level, "slow") for level in levels] == [1, 2, 8, 16, None, None]
    assert [amount_of(level, "quick") for level in levels] == [1, 2, 8, 16, 32, 64]


def test_where_nobody_can_follow_the_sweep_is_over() -> None:
    lab = Lab({"slow": Engine(slots=2)}, rounds=1)
    assert len(swept(RATES, fractions(1, 8, 16, 32, 64), lab)) == 3


def test_the_flow_of_a_level_is_what_came_what_was_carried_and_what_was_under_way() -> None:
    measured = Lab({"vllm": Engine(slots=100)}, rounds=20).measure(Level("4/s", {"vllm": RATES.load(Fraction(4))}))
    seen = flow.of(measured, "vllm")
    assert seen is not None
    assert seen.offered_per_second == pytest.approx(4, rel=0.05)
    assert seen.carried_per_second == pytest.approx(seen.offered_per_second, rel=0.02)
    assert seen.under_way == pytest.approx(4 * 1.0, rel=0.05), "by Little's law"
    assert flow.of(measured, "tgi") is None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slots", [5, 10, 18])
def test_the_knee_of_a_rate_is_what_the_engine_can_do(slots: int, seed: int) -> None:
    lab = Lab({"vllm": Engine(slots=slots)}, seed=seed)
    found = knee(swept(RATES, steps(RATES, 1, 32, 9), lab), "vllm", RATES)
    assert isinstance(found, Knee)
    assert found.at == pytest.approx(slots, rel=0.1)
    assert 0.95 * slots < found.high
    assert found.low < 1.05 * slots
    assert found.high / found.low < 1.5


@pytest.mark.parametrize("slots", [6, 12])
def test_the_knee_of_users_is_where_the_slots_are_full(slots: int) -> None:
    lab = Lab({"vllm": Engine(slots=slots)})
    found = knee(swept(USERS, steps(USERS, 1, 48, 9), lab), "vllm", USERS)
    assert isinstance(found, Knee)
    assert found.at == pytest.approx(slots, rel=0.1)
    assert found.carried_per_second == pytest.approx(slots / 1.0, rel=0.1)
    assert "users" in found.words(USERS)


def test_no_knee_is_named_that_the_sweep_did_not_reach() -> None:
    found = knee(swept(RATES, fractions(1, 2, 4, 8), Lab({"vllm": Engine(slots=20)})), "vllm", RATES)
    assert isinstance(found, NoKnee)
    assert "did not reach" in found.why


def test_no_knee_is_named_where_the_sweep_begins_above_it() -> None:
    found = knee(swept(USERS, fractions(8, 16, 32, 64), Lab({"vllm": Engine(slots=3)})), "vllm", USERS)
    assert isinstance(found, NoKnee)
    assert "begins too high" in found.why


def test_few_levels_name_no_knee() -> None:
    found = knee(swept(RATES, fractions(1, 4, 16), Lab({"vllm": Engine(slots=4)})), "vllm", RATES)
    assert found == NoKnee("vllm", "3 levels have enough chats; a knee takes 4 at least")


def test_lines_that_do_not_fit_give_a_bracket_alone() -> None:
    """An engine that breaks down under load carries less and less: there is no second line that is level."""

    def measured(users: int, slots: int) -> Measured:
        return Lab({"vllm": Engine(slots=slots)}).measure(Level(f"{users} users", {"vllm": USERS.load(Fraction(users))}), number=users)

    found = knee([measured(users, slots) for users, slots in ((2, 64), (4, 64), (8, 64), (16, 4), (32, 2), (64, 1))], "vllm", USERS)
    assert isinstance(found, Knee)
    assert (found.low, found.high, found.at) == (8.0, 16.0, None)
    assert found.words(USERS) == "the knee lies between 8 users, which is followed, and 16 users, which is not"


def test_the_wait_leaves_its_level_between_two_that_were_measured() -> None:
    lab = Lab({"vllm": Engine(slots=8), "tgi": Engine(slots=100)})
    measured = swept(USERS, fractions(2, 4, 8, 16, 32), lab)
    found = rise(measured, "vllm")
    assert found is not None
    assert (found.low, found.high) == fractions(8, 16)
    assert rise(measured, "tgi") is None
    assert rise(measured[:1], "vllm") is None

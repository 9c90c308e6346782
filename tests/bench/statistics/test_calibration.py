"""The method held to what `docs/statistics.md` says of it, by a few of its rows with fewer trials and fixed seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.calibration import SHARES, _kept, family, measured, other, shares, worst
from benchmarks.calibration_tables import coverage_table, power_table, share_table
from benchmarks.worlds import Attempts, World, waves


@pytest.mark.parametrize("world", [World("lognormal"), World("alike", shared_rounds=0.15), World("own", own_waves=0.3)], ids=lambda one: one.name)
def test_intervals_hold_the_truth_as_often_as_they_say(world: World) -> None:
    row = measured(world, 3, 300)
    assert row.held.min() > 0.915
    assert row.held.max() < 0.985
    assert row.own_held.min() > 0.915
    assert row.own_held.max() < 0.985
    assert row.false < 0.07


def test_more_is_told_than_by_whole_runs_and_less_of_it_is_false() -> None:
    row = measured(World("alike", shared_rounds=0.1), 3, 200)
    assert row.found.mean() > 1.5 * row.welch_found.mean()
    assert row.family_found.mean() > row.welch_corrected_found.mean()
    plain = measured(World("lognormal"), 5, 200)
    assert plain.found.mean() > 0.95 * plain.welch_found.mean()
    assert plain.false < 0.07 < plain.welch_false


def test_p99_of_one_engine_holds_though_its_rounds_differ() -> None:
    row = measured(World("own", own_rounds=0.15), 10, 200)
    assert 0.915 < row.own_held.min() <= row.own_held.max() < 0.985


def test_the_narrower_of_two_intervals_is_right_whatever_rounds_share() -> None:
    for rounds in (3, 10):
        found = worst(rounds, 0.05, 300)
        assert found.least > 0.91
        assert found.most < 0.99


def test_no_winner_is_named_among_many_comparisons_of_the_same() -> None:
    assert family(8, 3, 0.0, 100) < 0.07
    assert family(2, 5, 1.0, 150) < 0.08


def test_one_engine_that_drifts_is_known_about_as_well_as_its_intervals_say() -> None:
    row = measured(World("drift", drift=0.3), 5, 300)
    assert 0.92 < row.own_held.min() <= row.own_held.max() < 0.985


def test_shares_hold_where_attempts_depend_on_each_other_too() -> None:
    alike, apart = (shares(one, 5, 300) for one in (Attempts("alike", 0.98), Attempts("apart", 0.98, own_rounds=0.7)))
    assert all(0.92 < held < 0.98 for held in (alike.held, alike.score_held, alike.newcombe_held, alike.own_held, alike.wilson_held))
    assert min(apart.held, apart.own_held) > 0.905
    assert max(apart.score_held, apart.newcombe_held, apart.wilson_held) < 0.9


def test_the_share_of_attempts_that_could_be_is_less_than_in_usual_times() -> None:
    assert Attempts("steady", 0.9).truth() == pytest.approx(0.9)
    assert 0.95 < Attempts("rounds", 0.98, own_rounds=0.7).truth() < 0.98


def test_rates_hold_too() -> None:
    assert 0.92 < other("throughput, rounds ±10 % alike", 3, 300) < 0.985


def test_a_row_that_was_kept_is_not_simulated_again(tmp_path: Path) -> None:
    asked = []

    def row() -> str:
        asked.append(1)
        return "a row"

    assert [_kept(tmp_path, "rounds ±15 %, 3", row) for _ in range(2)] == ["a row"] * 2
    assert _kept(None, "rounds ±15 %, 3", row) == "a row"
    assert len(asked) == 2


def test_tables_have_a_line_for_each_row() -> None:
    rows = [measured(World("small", chats=40), 3, 20)]
    assert coverage_table(rows).count("\n| small | 3 |") == 1
    assert power_table(rows).count("\n| small | 3 |") == 1
    assert share_table([shares(SHARES[0], 3, 20)]).count("\n| 90 % | 3 |") == 1


def test_waves_have_a_variance_of_one_and_are_alike_near_each_other() -> None:
    found = waves(np.random.default_rng(1), (4000, 100), 0.1)
    assert found.var() == pytest.approx(1, abs=0.03)
    assert float((found[:, 1:] * found[:, :-1]).mean()) == pytest.approx(np.exp(-0.1), abs=0.03)

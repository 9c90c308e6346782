"""What a run found, in plain words, against what its summary says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measures import qualities
from bench.report.board import PLAIN, board
from bench.report.finding import finding
from bench.report.people import ANSWER_TOKENS, felt
from bench.report.plain import in_seconds, usual
from bench.report.seen import Seen, see
from bench.summary.shape import Summary, TargetAtLevel, Trust
from tests.bench.report.computed import Modelled, Plan, computed_run


def at(summary: Summary, level: str, target: str) -> TargetAtLevel:
    return next(one for each in summary.levels if each.name == level for one in each.targets if one.target == target)


def test_the_paragraph_says_who_is_first_and_when(compared: Seen) -> None:
    told = finding(compared.summary)
    alone, crowd = (in_seconds(usual(at(compared.summary, level, "vllm"), "ttft") or 0) for level in ("1 user", "16 users"))
    slowest = in_seconds(usual(at(compared.summary, "16 users", "ollama"), "ttft") or 0)
    assert told.startswith(
        f"vllm gives the first word soonest at every load that was measured: after {alone} with 1 user and after {crowd} with 16 users, "
        f"where ollama takes {slowest}."
    )
    counts = at(compared.summary, "16 users", "tgi").counts
    assert f"only {counts.ok / counts.attempts * 100:.0f} % of the chats with tgi succeeded" in told


def test_without_trust_no_winner_is_named(compared: Seen) -> None:
    verdict = Trust(False, ("the worker was late",), ())
    undecided = tuple(replace(row, winner=None) for row in compared.summary.comparisons)
    told = finding(replace(compared.summary, verdict=verdict, comparisons=undecided))
    assert told.startswith("No winner is named, as chatprobe itself was not well while it measured. With 16 users, the first word comes after ")
    assert not re.search(r"soonest|ahead|instead of|no difference", told)


def test_engines_that_are_alike_are_told_so(tmp_path: Path) -> None:
    twin = Modelled("vllm", 45, 17, 64)
    summary = see(computed_run(tmp_path, Plan(engines={"one": twin, "other": twin}, users=(4,), rounds=3, tokens=8))).summary
    told = finding(summary)
    assert told.startswith("In the wait for the first word no difference was seen between one and other.")
    assert all(square is None or square.kind in ("same", "unknown") for row in board(summary, summary.levels).rows for square in row.squares)


def test_one_engine_is_told_of_alone(tmp_path: Path) -> None:
    summary = see(computed_run(tmp_path, Plan(engines={"mine": Modelled("vllm", 45, 200, 64)}, users=(1, 4), rounds=3, tokens=8))).summary
    told = finding(summary)
    assert re.match(
        r"mine gives the first word after [\d.]+ s with 1 user and after [\d.]+ s with 4 users\. With mine people wait for the text", told
    )
    assert told.endswith("All chats succeeded.")


def test_a_person_waits_as_long_as_the_percentiles_say(compared: Seen) -> None:
    for level in felt(compared.summary):
        for engine in level.engines:
            target = at(compared.summary, level.level, engine.target)
            first, token = usual(target, "ttft"), usual(target, "tpot")
            assert first is not None
            assert token is not None
            assert engine.answer_seconds == pytest.approx(first + (ANSWER_TOKENS - 1) * token)
            assert engine.words_a_minute == pytest.approx(60 / token * 0.75)


def test_the_board_names_a_winner_exactly_where_a_comparison_does(compared: Seen) -> None:
    found = board(compared.summary, compared.summary.levels)
    won = {(row.level, name, row.winner) for row in compared.summary.comparisons if row.winner for name in [(row.measure, row.quantile)]}
    told = {
        (level, win.winner) for row in found.rows for level, square in zip(found.levels, row.squares, strict=True) if square for win in square.wins
    }
    assert told == {(level, winner) for level, _, winner in won}
    assert told


def test_every_measure_has_words_that_need_no_definition() -> None:
    assert PLAIN.keys() == qualities().keys()


def test_a_loser_is_beside_the_winner_as_the_ratio_says(compared: Seen) -> None:
    row = next(row for row in compared.summary.comparisons if (row.level, row.measure, row.quantile, row.b) == ("16 users", "ttft", 0.5, "ollama"))
    square = board(compared.summary, compared.summary.levels).rows[0].squares[-1]
    assert square is not None
    assert row.ratio is not None
    assert square.best == "vllm"
    assert f"ollama takes {row.ratio:.1f} times as long" in square.words

"""`chatprobe explain`, as somebody types it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from cli.explained.topics import topics
from cli.main import main


def explain(*words: str) -> Result:
    return CliRunner().invoke(main, ["explain", *words])


def test_what_is_piped_is_markdown() -> None:
    told = explain("stalled")
    assert told.exit_code == 0
    assert told.stdout.startswith("# stalled\n\n*reason of failure*\n\nAn answer began, and then no token came")
    assert "| It can be | Do |" in told.stdout
    assert "\x1b" not in told.stdout


def test_on_a_terminal_it_is_set_for_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    told = explain("stalled").stdout
    assert "\x1b[" in told
    assert "| It can be |" not in told
    assert "It can be" in told
    assert max(map(len, told.splitlines())) < 200


def test_several_things_of_one_name_are_all_told() -> None:
    told = explain("timeout").stdout
    assert told.count("\n*reason of") == 3


def test_a_verdict_is_explained_as_it_is_printed() -> None:
    told = explain("INCONCLUSIVE").stdout
    assert told.startswith("# INCONCLUSIVE\n\n*verdict of a comparison*")
    assert "**Exit code:** 2" in told


def test_a_name_of_two_words_needs_no_quotes() -> None:
    assert explain("output", "rate").stdout == explain("output rate").stdout


def test_without_a_name_everything_is_listed() -> None:
    listed = explain().stdout
    for kind in {topic.kind for topic in topics()}:
        assert f"**{kind}:** " in listed
    assert "`chatprobe_ttft_seconds`" in listed
    assert "`tgi_*` (" in listed
    assert len(listed) < 12_000


def test_a_pattern_lists_what_matches() -> None:
    assert "`LLMBudgetBurnFast`, `LLMBudgetBurnSlow`" in explain("LLMBudget*").stdout
    assert explain("qqq*").exit_code == 1


def test_an_unknown_name_is_an_error_with_the_nearest() -> None:
    refused = explain("stalld")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is nothing called 'stalld'; did you mean stalled, " in refused.stderr
    assert "chatprobe explain lists everything" in explain("qqqqqqqq").stderr

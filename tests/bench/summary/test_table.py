from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.caveat import Caveat
from bench.engine_side.finding import Finding
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.shape import Summary
from bench.summary.table import shown
from config.bench_slos import PRESETS
from tests.bench.summary.chats import Engine, level


def printed(summary: Summary, width: int = 80) -> str:
    out = io.StringIO()
    Console(width=width, file=out).print(shown(summary))
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def summary() -> Summary:
    engines = {"vllm": Engine(tokens=10), "tgi": Engine(ttft=0.3, failing=0.03, tokens=10)}
    caveat = Caveat("vllm has a context of 4,096 tokens, tgi one of 8,192")
    return summarise(Given(targets=tuple(engines), measured=[level(engines, chats=60)], slos=[PRESETS["instant"]], caveats=[caveat]))


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits(summary: Summary, width: int) -> None:
    text = printed(summary, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    assert "…" not in text


def test_it_begins_with_the_finding_in_words(summary: Summary) -> None:
    text = flat(printed(summary))
    assert text.startswith(summary.statement)
    assert summary.statement.startswith("At 10 users vllm is better than tgi in TTFT p50 (")
    assert "of the chats with tgi failed (" in summary.statement
    assert summary.statement.endswith("One thing makes the comparison unfair: see the caveats.")
    assert "vllm has a context of 4,096 tokens" in text


def test_it_says_who_is_better_for_whom_and_by_how_much(summary: Summary) -> None:
    text = printed(summary, 120)
    first = next(row for row in summary.comparisons if row.winner == "vllm")
    assert first.ratio is not None
    assert f"vllm over tgi: {(first.ratio - 1) * 100:.0f} % (" in text
    assert "people who wait for the first word" in flat(text)
    assert "no difference seen; this run could have shown one of" in flat(text)


def test_it_says_for_whom_an_engine_is_slower(summary: Summary) -> None:
    lines = printed(summary, 80).splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("How far apart, from fast"))
    assert lines[begin + 1].split() == ["b", "over", "a", "p10", "p30", "p50", "p70", "p90"]
    ttft = next(line for line in lines[begin:] if line.split()[:4] == ["TTFT", "tgi", "/", "vllm"])
    shown = [int(cell) for cell in ttft.split()[4::2]]
    shift = next(shift for shift in summary.shifts if shift.measure == "ttft")
    assert shown == [round((decile.ratio - 1) * 100) for decile in shift.deciles if decile.quantile in (0.1, 0.3, 0.5, 0.7, 0.9)]


def test_refused_quantiles_have_their_reason_and_failures_a_row(summary: Summary) -> None:
    text = flat(printed(summary, 120))
    assert "-: p99 needs 368 chats; there are 300" in text
    assert "TTFT ms (with failed) tgi" in text
    assert "tgi failed: " in text


def test_without_a_verdict_it_says_why_first() -> None:
    measured = level({"vllm": Engine(tokens=10), "tgi": Engine(ttft=0.3, tokens=10)}, rounds=3)
    text = flat(printed(summarise(Given(targets=("vllm", "tgi"), measured=[measured], lost_records=2))))
    assert text.startswith("There is no verdict, as chatprobe itself was not well: 2 records could not be kept.")
    assert "Who is better" not in text


def test_what_a_course_was_held_for_is_told_in_the_finding_and_the_rest_below() -> None:
    told = (("capacity", "38 users at once"), ("wait", "rises from 4/s on"))
    outcomes = [{"kind": kind, "target": "vllm", "words": words, "figures": {}} for kind, words in told]
    summary = summarise(Given(targets=("vllm",), measured=[level({"vllm": Engine(tokens=10)}, rounds=1)], outcomes=outcomes))
    assert summary.statement.startswith("vllm: 38 users at once. ")
    assert "What else was found: - vllm: rises from 4/s on" in flat(printed(summary))


def test_of_one_engine_there_are_its_numbers() -> None:
    summary = summarise(Given(targets=("vllm",), measured=[level({"vllm": Engine(tokens=10)}, rounds=3)]))
    assert summary.statement.startswith("vllm at 10 users: the first word came after ")
    assert "Who is better" not in printed(summary)


def test_of_many_levels_all_are_told_in_one_table_and_the_ends_in_full() -> None:
    levels = [level({"vllm": Engine(tokens=10)}, rounds=1, chats=80, name=f"{users} users") for users in (1, 2, 4, 8)]
    text = printed(summarise(Given(targets=("vllm",), measured=levels)))
    assert text.count("What became of the chats") == 2
    assert all(f"{users} users" in text.split("What became")[0] for users in (1, 2, 4, 8))


def test_findings_are_told_with_what_follows() -> None:
    queue = Finding(rule="queue", kind="cause", target="vllm", level="10 users", words="the queue makes 63 %", figures={}, advice="more replicas")
    cached = Finding(rule="cached", kind="caveat", target="vllm", level=None, words="prompts were cached", figures={}, advice="")
    findings = [queue.to_json(), cached.to_json()]
    text = flat(printed(summarise(Given(targets=("vllm",), measured=[level({"vllm": Engine(tokens=10)}, rounds=1)], findings=findings))))
    assert "Why, by the engines' own metrics: - vllm: the queue makes 63 %: more replicas" in text
    assert "What these make doubtful: - vllm: prompts were cached" in text

"""The report in one page of Markdown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bench.report.brief import brief
from bench.report.cost import read_price
from bench.report.document import document
from bench.report.seen import Seen, see
from tests.bench.report.computed import ENGINES, Plan, computed_run

FITS_CHARACTERS = 4_000
"""What Slack advises for a message at most (chat.postMessage, `text`)."""


def test_it_has_the_finding_who_is_better_and_whether_that_can_be_trusted(compared: Seen) -> None:
    report = document(compared, [read_price("vllm=2x1.99USD")])
    told = brief(report)
    assert told.startswith(f"# vllm, tgi and ollama compared\n\n{report.finding}\n\n**These numbers can be trusted.**")
    assert "- The wait for the first word (TTFT p50): **vllm**; tgi takes " in told
    assert "- vllm: " in told.split("**What it costs**")[1]
    assert "USD a million tokens, with 16 users" in told
    assert "- tgi, 16 users: " in told.split("**What failed most**")[1]
    assert told.endswith(f"`chatprobe results report {compared.run.name}`\n")


def test_it_fits_into_a_message(compared: Seen) -> None:
    told = brief(document(compared, [read_price(f"{target}=2x1.99USD") for target in ENGINES]))
    assert len(told) < FITS_CHARACTERS
    assert len(told.splitlines()) < 50


def test_without_trust_it_says_why_and_names_nobody(compared: Seen) -> None:
    verdict = replace(compared.summary.verdict, trusted=False, why=("chats started late", "b", "c", "d", "e"))
    told = brief(document(replace(compared, summary=replace(compared.summary, verdict=verdict))))
    assert "**Not for a verdict.**" in told
    assert "- chats started late\n- b\n- c\n- and 2 more in the report\n" in told
    assert "Who is better" not in told


def test_names_are_no_markup(tmp_path: Path) -> None:
    hostile = "[x](http://evil)<img>*_`"
    run = computed_run(tmp_path, Plan(engines={hostile: ENGINES["vllm"]}, users=(1,), rounds=1, tokens=4))
    told = brief(document(see(run)))
    assert hostile not in told
    assert "# \\[x\\](http://evil)\\<img\\>\\*\\_\\` measured\n" in told

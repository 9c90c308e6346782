from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.goodput import Goodput, good, goodput
from config.bench_slos import PRESETS, ChatSlo, read_slo, write_slo
from probes.failure import Reason
from tests.bench.chats import chat

INTERACTIVE = PRESETS["interactive"]


def test_presets_have_the_values_and_the_sources_that_they_are_named_for() -> None:
    assert {name: (slo.ttft_seconds, slo.tpot_seconds) for name, slo in PRESETS.items()} == {
        "instant": (0.2, 0.025),
        "interactive": (0.45, 0.04),
        "conversational": (2.0, 0.2),
        "reading": (1.0, 0.15),
    }
    assert all(slo.source != ChatSlo("own").source for slo in PRESETS.values())
    assert INTERACTIVE.words == "TTFT 450ms, TPOT 40ms"


@pytest.mark.parametrize("written", [*PRESETS, {"ttft": "500ms"}, {"ttft": "500ms", "tpot": "50ms", "e2e": "10s"}])
def test_what_is_written_reads_back(written: object) -> None:
    assert write_slo(read_slo(written)) == written


def test_a_good_chat_meets_every_threshold() -> None:
    slo = ChatSlo("own", 0.5, 0.05, 10.0)
    assert good(chat(ttft_seconds=0.5, tpot_seconds=0.05, e2e_seconds=10.0), slo)
    assert not good(chat(ttft_seconds=0.51, tpot_seconds=0.05, e2e_seconds=10.0), slo)
    assert not good(chat(ttft_seconds=0.5, tpot_seconds=0.051, e2e_seconds=10.0), slo)
    assert not good(chat(ttft_seconds=0.5, tpot_seconds=0.05, e2e_seconds=10.1), slo)
    assert not good(chat(outcome="failed", ttft_seconds=0.1, tpot_seconds=0.01, e2e_seconds=1.0), slo)


def test_a_threshold_on_tpot_does_not_apply_to_an_answer_of_one_token() -> None:
    assert good(chat(tpot_seconds=None), INTERACTIVE)


def test_attempts_are_all_that_were_due_but_for_the_warm_up_the_cut_off_and_our_own_faults() -> None:
    chats = [
        chat(tpot_seconds=0.01),
        chat(tpot_seconds=0.5),
        chat(outcome="failed", reason=Reason.OVERLOADED),
        chat(outcome="unsent", ttft_seconds=None, e2e_seconds=None),
        chat(warm_up=True),
        chat(outcome="cut"),
        chat(outcome="failed", reason=Reason.INTERNAL),
    ]
    assert goodput(chats, INTERACTIVE) == Goodput(1, 4)


def test_bounds_are_wilsons() -> None:
    """Against the formula as it is printed (Wilson, 1927), with z of 95 % on one side."""
    z, n, p = 1.6448536269514722, 120, 0.95
    middle, half = (p + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    assert Goodput(114, 120).above(0.95) == pytest.approx(middle - half)
    assert Goodput(114, 120).below(0.95) == pytest.approx(middle + half)
    assert (Goodput(0, 0).above(0.95), Goodput(0, 0).below(0.95), Goodput(0, 0).share) == (0.0, 1.0, None)


def test_the_page_has_every_preset_with_its_thresholds() -> None:
    page = (Path(__file__).parents[2] / "docs" / "courses.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+ \| [^|]+) \|", page, re.MULTILINE))
    told = {slo.name: " | ".join(_written(slo.thresholds[key]) for key in ("ttft", "tpot")) for slo in PRESETS.values()}
    assert {name: rows.get(name) for name in told} == told
    assert all(source in page.replace(". TPOT:", "; TPOT:") for source in (slo.source for slo in PRESETS.values()))


def _written(seconds: float) -> str:
    return f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"

from __future__ import annotations

import json
import re
from math import inf

import numpy as np
import pytest

from bench.chat import Chat
from bench.measures import (
    E2E,
    FAILURES_WORST,
    ITL,
    OUTPUT_RATE,
    SINCE_DUE,
    STALL,
    TPOT,
    TTFT,
    Measure,
    answer,
    attempt,
    measures,
    qualities,
    values_of,
    values_with_failures,
)
from tests.bench.summary.chats import chat, failed
from tests.docs.pages import ROOT


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (TTFT, 0.2),
        (SINCE_DUE, 0.26),
        (TPOT, 0.02),
        (STALL, 0.02),
        (E2E, 2.19),
        (answer(51), 1.2),
        (OUTPUT_RATE, 100 / 2.19),
    ],
    ids=lambda given: given.name if isinstance(given, Measure) else "",
)
def test_a_chats_value(measure: Measure, value: float) -> None:
    assert measure.of(chat(lag_seconds=0.05)) == pytest.approx(value)


def test_one_that_timed_out_has_waited_so_long() -> None:
    waited = failed(reason="first_token_timeout", waited_seconds=30.0, e2e_seconds=30.01, lag_seconds=0.1)
    assert TTFT.of(waited) == 30.0
    assert SINCE_DUE.of(waited) == pytest.approx(30.11)
    assert TTFT.of(failed()) is None


def test_how_soon_a_chat_failed_is_no_e2e_and_no_rate() -> None:
    broken = chat(outcome="failed", reason="truncated")
    assert E2E.of(broken) is None
    assert OUTPUT_RATE.of(broken) is None
    assert TTFT.of(broken) == 0.2


def test_an_itl_counts_once_for_each_token_of_its_chunk() -> None:
    late, early = (
        chat(since=20.0, gaps_seconds=np.array([0.03]), gap_tokens=np.array([1.0])),
        chat(since=10.0, gaps_seconds=np.array([0.06, 0.02]), gap_tokens=np.array([3.0, 1.0])),
    )
    found = values_of(ITL, [late, early])
    assert found.values.tolist() == [0.02, 0.02, 0.02, 0.02, 0.03]
    assert found.chats.tolist() == [0, 0, 0, 0, 1]
    assert found.since_seconds.tolist() == [10.0, 10.0, 10.0, 10.0, 20.0]


def test_values_stand_in_the_order_in_which_chats_began() -> None:
    found = values_of(TTFT, [chat(since=9.0, ttft_seconds=0.9), failed(since=7.0), chat(since=8.0, ttft_seconds=0.8)])
    assert found.values.tolist() == [0.8, 0.9]
    assert found.chats.tolist() == [1, 2]


@pytest.mark.parametrize(("measure", "worst"), [(TTFT, inf), (OUTPUT_RATE, 0.0)])
def test_failed_and_unsent_chats_count_as_the_worst(measure: Measure, worst: float) -> None:
    chats = [chat(since=1.0), failed(since=2.0), failed(since=3.0, outcome="unsent", reason="breaker"), chat(since=4.0)]
    assert values_with_failures(measure, chats).values.tolist() == [measure.of(chats[0]), worst, worst, measure.of(chats[3])]


def test_a_chat_that_failed_after_its_first_token_is_the_worst_too() -> None:
    assert values_with_failures(TTFT, [chat(outcome="failed", reason="stalled")]).values.tolist() == [inf]


def test_a_short_answer_without_a_tpot_is_no_failure() -> None:
    assert len(values_with_failures(TPOT, [chat(tpot_seconds=None)])) == 0


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (chat(), True),
        (failed(), True),
        (chat(outcome="unsent"), True),
        (chat(outcome="cut"), False),
        (chat(warm_up=True), False),
        (failed(reason="internal"), False),
        (chat(loaded=True), False),
        (failed(loaded=True, reason="model_load"), True),
    ],
)
def test_what_is_an_attempt(given: Chat, counts: bool) -> None:
    assert attempt(given) is counts


def test_names_are_those_of_the_contract() -> None:
    assert set(qualities()) == {
        "ttft", "first_content", "since_due", "tpot", "itl", "e2e", "answer", "stall", "output_rate", "throughput", "goodput", "success",
    }  # fmt: skip
    assert [each.name for each in qualities().values() if not each.lower_is_better] == ["output_rate", "throughput", "goodput", "success"]
    assert next(each for each in measures(7) if each.name == "answer").of(chat()) == pytest.approx(0.2 + 6 * 0.02)


def test_the_page_and_the_schema_have_all_of_them() -> None:
    page = (ROOT / "docs" / "summary.md").read_text()
    rows = page.split("| Measure | Meaning | Of which chats | For whom |")[1].split("\n\n")[0].splitlines()[2:]
    cells = [row.strip("| ").split(" | ") for row in rows]
    found = qualities()
    assert {cell[0].strip("`"): cell[-1] for cell in cells} == {name: each.for_whom for name, each in found.items()}
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text())["$defs"]
    assert set(schema["comparison"]["properties"]["measure"]["enum"]) == set(found)
    (pattern,) = schema["target"]["properties"]["measures"]["patternProperties"]
    assert all(re.search(pattern, each.name) and re.search(pattern, each.name + FAILURES_WORST) for each in measures())

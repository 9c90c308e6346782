from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.chat import Chat
from bench.events import Unsent
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.sample import sample
from bench.summary.shape import Check, Summary, Trust
from bench.summary.trust import LATE, LIMITS, trust
from config.load import Load
from tests.bench.summary.chats import RATE, USERS, Engine, level
from tests.docs.pages import ROOT
from traffic.events import SkipReason


def every(number: int, change: Callable[[Chat], Chat], target: str = "tgi") -> Callable[[Chat], Chat]:
    """Every so many-th measured chat of the target, changed."""
    seen = iter(range(10**6))

    def shape(chat: Chat) -> Chat:
        return change(chat) if chat.target == target and not chat.place.warm_up and next(seen) % number == 0 else chat

    return shape


def health(*, lag: float = 0.002, steps: int = 0) -> dict[str, object]:
    return {"seconds": 400.0, "loop_lag_seconds": {"p50": 0.0001, "p99": lag, "max": 3.0}, "clock_steps": steps}


def given(shape: Callable[[Chat], Chat], **changes: Any) -> Given:
    measured = level({"vllm": Engine(tokens=20), "tgi": Engine(ttft=0.3, tokens=20)}, rounds=3, chats=100, shape=shape)
    known = Given(targets=("vllm", "tgi"), measured=[measured], models={"vllm": "tiny", "tgi": "tiny"}, health=health())
    return replace(known, **changes)


def summary(shape: Callable[[Chat], Chat] = lambda chat: chat, **changes: Any) -> Summary:
    return summarise(given(shape, **changes))


def judged(shape: Callable[[Chat], Chat] = lambda chat: chat, **changes: Any) -> Trust:
    run = given(shape, **changes)
    measured = run.measured[0]
    return trust(run, {measured.level.name: [sample(target, measured) for target in run.targets]})


def check(found: Trust, name: str, target: str | None = "tgi") -> Check:
    return next(each for each in found.checks if (each.name, each.target) == (name, target))


def test_where_chatprobe_was_well_there_is_a_verdict_and_every_check_is_told() -> None:
    found = summary()
    assert found.verdict.trusted
    assert found.verdict.why == ()
    assert {each.name for each in found.verdict.checks} == {limit.name for limit in LIMITS}
    assert all(each.well for each in found.verdict.checks)
    assert {each.winner for each in found.comparisons} >= {"vllm"}


def test_where_it_was_not_no_winner_is_named_and_numbers_stay() -> None:
    well, unwell = summary(), summary(every(10, lambda chat: replace(chat, doubtful=True)))
    assert not unwell.verdict.trusted
    assert {each.winner for each in unwell.comparisons} == {None}
    assert {each.best for each in unwell.standings} == {None}
    assert [each.ratio for each in unwell.comparisons] == [each.ratio for each in well.comparisons]
    assert all(each.why.startswith("no verdict, as chatprobe itself was not well: tgi at 10 users: 10 % (30 of 300)") for each in unwell.comparisons)
    assert unwell.statement.startswith("There is no verdict, as chatprobe itself was not well: tgi at 10 users: 10 %")


@pytest.mark.parametrize(
    ("name", "change", "allowed", "too_often"),
    [
        ("doubtful", lambda chat: replace(chat, doubtful=True), 20, 19),
        ("gathered", lambda chat: replace(chat, gathered=True), 20, 19),
        ("user_clock", lambda chat: replace(chat, clock="user"), 100, 99),
        ("own_fault", lambda chat: replace(chat, outcome="failed", reason="internal"), 100, 99),
        ("late_starts", lambda chat: replace(chat, lag_seconds=0.5), 150, 60),
        ("other_model", lambda chat: replace(chat, model="larger"), None, 300),
        ("token_sources", lambda chat: replace(chat, token_source="chunks"), 25, 15),
    ],
)  # fmt: skip
def test_each_limit(name: str, change: Callable[[Chat], Chat], allowed: int | None, too_often: int | None) -> None:
    target = None if name == "token_sources" else "tgi"
    if allowed is not None:
        found = check(judged(every(allowed, change)), name, target if name != "other_model" else "tgi")
        assert found.well, found
    if too_often is not None:
        spoilt = judged(every(too_often, change))
        found = check(spoilt, name, target)
        assert not found.well
        assert found.value > found.limit
        assert not spoilt.trusted


@pytest.mark.parametrize(
    ("load", "ttft", "tpot", "limit"),
    [(RATE, 1.0, 0.02, 0.1), (RATE, 0.1, 0.02, 0.02), (USERS, 0.2, 0.05, 0.115), (USERS, 0.001, 0.001, 0.02)],
    ids=["a tenth of TTFT", "never below 20 ms", "a tenth of E2E", "never below 20 ms there"],
)
def test_lateness_is_judged_beside_what_it_can_spoil(load: Load, ttft: float, tpot: float, limit: float) -> None:
    """By the faster engine's median, for both."""
    engines = {"vllm": Engine(ttft=ttft, tpot=tpot, tokens=20), "tgi": Engine(ttft=5.0, tokens=20)}
    measured = level(engines, load=load, rounds=1)
    samples = [sample(target, measured) for target in engines]
    found = trust(Given(targets=tuple(engines), measured=[measured]), {"10 users": samples})
    assert {each.target: each.limit for each in found.checks if each.name == "late_starts"} == {
        "vllm": pytest.approx(limit, rel=0.1), "tgi": pytest.approx(limit, rel=0.1),
    }  # fmt: skip


def test_engines_whose_tokens_are_counted_otherwise_do_not_compare() -> None:
    found = judged(every(1, lambda chat: replace(chat, token_source="chunks")))
    assert found.why == ("the engines' tokens were not counted alike (vllm: usage; tgi: chunks), so that what is made of them does not compare",)


def test_the_model_that_was_asked_counts_not_the_commonest() -> None:
    found = judged(models={"vllm": "tiny", "tgi": "small"})
    assert found.why == ("300 chats with tgi were with another model (tiny) than small",)


def test_chats_that_were_not_sent_for_no_fault_of_the_engines() -> None:
    block = level({"tgi": Engine()}, rounds=1, chats=1).blocks[0]
    few, many = (Unsent("tgi", block, SkipReason.MISSED, count, 0.0) for count in (3, 4))
    assert check(judged(unsent=[few]), "not_sent").well
    assert not check(judged(unsent=[many]), "not_sent").well


def test_lost_records_and_whatever_else_the_results_lack() -> None:
    assert judged(lost_records=1).why == ("1 record could not be kept",)
    assert judged(lacking=["records.ndjson is shorter than it was"]).why == ("records.ndjson is shorter than it was",)


def test_an_engine_that_fails_or_is_dead_is_no_ill_health_of_ours() -> None:
    dead = judged(every(1, lambda chat: replace(chat, outcome="unsent", reason="breaker", until_first_token_seconds=None, token_source=None)))
    assert dead.trusted


def test_the_page_lists_all_limits() -> None:
    page = (ROOT / "docs" / "summary.md").read_text()
    rows = [row.split(" | ") for row in page.split("| Check | Limit | What is counted |")[1].split("\n\n")[0].splitlines()[2:]]
    assert [(row[0].strip("| `"), row[2].removesuffix(" |")) for row in rows] == [(limit.name, limit.counted) for limit in LIMITS]
    shares = [f"{limit.most * 100:.0f} %" for limit in LIMITS if 0 < limit.most < LATE]
    assert [row[1] for row in rows if "%" in row[1] and "at least" not in row[1]] == shares


def test_a_late_event_loop_is_borne_up_to_a_tenth_of_the_shortest_chats() -> None:
    assert check(judged(health=health(lag=0.055)), "loop_lag", None).well
    late = check(judged(health=health(lag=0.07)), "loop_lag", None)
    assert not late.well
    assert late.words.startswith("chatprobe's own event loop was late: p99 70.0 ms, limit ")


def test_steps_of_the_clock_are_borne_while_few_chats_were_under_way_at_one() -> None:
    assert check(judged(health=health(steps=3)), "clock_steps", None).well
    stepped = check(judged(health=health(steps=8)), "clock_steps", None)
    assert not stepped.well
    assert stepped.words.startswith("the machine's clock was set 8 times while it measured: 1.4 % of the chats were under way then, limit 1 %")


def test_of_a_run_that_nobody_looked_after_nothing_of_its_health_is_checked() -> None:
    assert {"loop_lag", "clock_steps"}.isdisjoint(each.name for each in judged(health={}).checks)

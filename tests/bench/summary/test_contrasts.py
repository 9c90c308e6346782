from __future__ import annotations

import re
from dataclasses import replace

import pytest

from bench.level import Level, Measured
from bench.question import Question
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.scope import SCOPES, Scope
from bench.summary.shape import Comparison, Summary
from config.bench_slos import ChatSlo
from config.load import ClosedLoop, UserStage
from tests.bench.summary.chats import RATE, Engine, level

TTFT_ONLY = Scope((Question("ttft", 0.5),), shifts=())
SLO = ChatSlo("mine", ttft_seconds=0.25)


def compared(*measured: Measured, scope: Scope = SCOPES["standard"], **changes: object) -> Summary:
    targets = tuple(dict.fromkeys(target for each in measured for target in each.level.loads))
    return summarise(Given(targets=targets, measured=measured, **changes), scope)  # type: ignore[arg-type]


def row(summary: Summary, measure: str, quantile: float | None = None) -> Comparison:
    return next(each for each in summary.comparisons if (each.measure, each.quantile) == (measure, quantile))


def excludes_one(one: Comparison) -> bool:
    return one.low is not None and one.high is not None and not one.low <= 1 <= one.high


def test_the_faster_engine_wins_and_the_interval_holds_the_truth() -> None:
    found = row(compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.26)})), "ttft", 0.5)
    assert found.winner == "vllm"
    assert found.low is not None
    assert found.high is not None
    assert 1 < found.low < 1.3 < found.high
    assert found.why.startswith("TTFT p50 of tgi is ")
    assert "% longer than that of vllm (" in found.why


def test_a_and_b_may_stand_either_way() -> None:
    found = row(compared(level({"tgi": Engine(ttft=0.26), "vllm": Engine()})), "ttft", 0.5)
    assert (found.a, found.b, found.winner) == ("tgi", "vllm", "vllm")
    assert found.ratio is not None
    assert found.ratio < 1
    assert "shorter" in found.why


def test_more_tokens_a_second_are_better() -> None:
    found = row(compared(level({"vllm": Engine(), "tgi": Engine(tokens=200)})), "throughput")
    assert found.winner == "tgi"
    assert found.ratio == pytest.approx(2, rel=0.05)
    assert "higher" in found.why


def test_a_winner_is_named_exactly_where_the_interval_excludes_one() -> None:
    names = set()
    for seed, ttft in enumerate((0.2, 0.205, 0.21, 0.22, 0.23)):
        summary = compared(level({"vllm": Engine(), "tgi": Engine(ttft=ttft, failing=0.02 * seed)}, seed=seed, rounds=4), slos=[SLO])
        names |= {each.winner for each in summary.comparisons}
        assert [each for each in summary.comparisons if (each.winner is not None) != excludes_one(each)] == []
    assert names == {"vllm", None}


def test_of_an_engine_beside_itself_it_says_what_it_could_have_shown() -> None:
    summary = compared(level({"vllm": Engine(), "again": Engine()}), scope=SCOPES["quick"])
    assert [each.winner for each in summary.comparisons] == [None] * 3
    assert all(each.why.startswith("no difference seen; this run could have shown one of ") for each in summary.comparisons)
    assert summary.statement.startswith("At 10 users no difference was seen between vllm and again; differences of more than ")


def test_more_rounds_are_advised_only_where_they_would_show_more() -> None:
    short = row(compared(level({"vllm": Engine(tokens=10), "again": Engine(tokens=10)}, rounds=3), scope=TTFT_ONLY), "ttft", 0.5)
    words = re.fullmatch(r"no difference seen; this run could have shown one of (\S+) %; (\d+) more rounds? would show (\S+) %", short.why)
    assert words is not None
    assert float(words[3]) < float(words[1])
    assert 1 <= int(words[2]) <= 17


def test_corrected_intervals_are_never_narrower_than_those_alone() -> None:
    for each in compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.22), "ollama": Engine(tpot=0.03)}, rounds=3)).comparisons:
        assert each.low <= each.low_alone <= each.ratio <= each.high_alone <= each.high  # type: ignore[operator]


def test_more_levels_make_each_interval_wider() -> None:
    one = level({"vllm": Engine(), "tgi": Engine()})
    other = level({"vllm": Engine(), "tgi": Engine()}, name="20 users", seed=2)
    alone, among = row(compared(one, scope=TTFT_ONLY), "ttft", 0.5), row(compared(one, other, scope=TTFT_ONLY), "ttft", 0.5)
    assert alone.high is not None
    assert among.high is not None
    assert among.high > alone.high
    assert among.high_alone == alone.high_alone
    assert (alone.confidence, among.confidence) == (0.95, 0.95)


def test_two_rounds_are_too_few() -> None:
    found = compared(level({"vllm": Engine(), "tgi": Engine(ttft=1.0)}, rounds=2)).comparisons
    assert {(each.winner, each.ratio) for each in found} == {(None, None)}
    assert found[0].why == "a comparison needs 3 whole rounds of both; there are 2"


def test_a_round_that_was_cut_short_is_compared_in_none() -> None:
    measured = level({"vllm": Engine(), "tgi": Engine()}, rounds=4)
    kept = [chat for chat in measured.chats if chat.place.round < 4 or chat.place.since_seconds < 20]
    ended = [replace(chat, outcome="cut") if chat.place.round == 4 and chat.place.since_seconds > 18 else chat for chat in kept]
    assert {each.rounds for each in compared(replace(measured, chats=ended)).comparisons} == {3}
    assert {each.rounds for each in compared(measured).comparisons} == {4}


def test_a_level_that_was_to_have_fewer_rounds_compares_nobody() -> None:
    measured = level({"vllm": Engine(tokens=10), "tgi": Engine(tokens=10)}, rounds=1)
    found = compared(replace(measured, level=replace(measured.level, rounds=1)))
    assert (found.comparisons, found.shifts) == ((), ())


def test_engines_with_other_loads_are_not_compared() -> None:
    measured = level({"vllm": Engine(), "tgi": Engine(ttft=1.0), "ollama": Engine()})
    loads = {**measured.level.loads, "tgi": ClosedLoop((UserStage(20),))}
    found = compared(replace(measured, level=Level("10 users", loads)))
    assert {(each.a, each.b) for each in found.comparisons} == {("vllm", "ollama")}
    assert {(each.a, each.b) for each in found.shifts} == {("vllm", "ollama")}


def test_a_dead_engine_is_not_fast() -> None:
    summary = compared(level({"vllm": Engine(), "tgi": Engine(failing=1.0)}), slos=[SLO])
    assert row(summary, "success").winner == "vllm"
    assert row(summary, "goodput").winner == "vllm"
    ttft = row(summary, "ttft", 0.95)
    assert (ttft.winner, ttft.ratio) == (None, None)
    assert "compare their success instead" in ttft.why


def test_an_engine_that_fails_fast_does_not_win_by_it() -> None:
    """Failed chats stand at the bad end: where a tenth of them fails, its p95 is no number that could win."""
    summary = compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.1, failing=0.1)}))
    assert row(summary, "ttft", 0.5).winner == "tgi"
    assert row(summary, "ttft", 0.95).winner is None
    assert row(summary, "success").winner == "vllm"


def test_all_failing_is_a_difference_too() -> None:
    summary = compared(level({"dead": Engine(failing=1.0), "vllm": Engine()}))
    found = row(summary, "success")
    assert (found.winner, found.ratio, found.low) == ("vllm", float("inf"), float("inf"))
    assert found.difference is not None
    assert found.difference.value == 1.0


def test_e2e_is_compared_only_where_answers_are_alike_in_length() -> None:
    alike = compared(level({"vllm": Engine(), "tgi": Engine(tokens=104)}))
    unlike = compared(level({"vllm": Engine(), "tgi": Engine(tokens=150)}))
    assert {each.measure for each in alike.comparisons} & {"e2e", "answer"} == {"e2e"}
    assert {each.measure for each in unlike.comparisons} & {"e2e", "answer"} == {"answer"}
    assert row(unlike, "answer", 0.5).winner is None
    assert unlike.levels[0].notes == (
        "E2E of vllm and tgi is not compared: their answers have 100 and 150 tokens on average; the time of 100 tokens is, in its place",
    )


def test_throughput_is_compared_only_where_users_wait_for_answers() -> None:
    users, arrivals = level({"vllm": Engine(), "tgi": Engine()}), level({"vllm": Engine(), "tgi": Engine()}, load=RATE)
    assert "throughput" in {each.measure for each in compared(users).comparisons}
    found = compared(arrivals)
    assert "throughput" not in {each.measure for each in found.comparisons}
    assert "all engines were sent the same chats" in found.levels[0].notes[0]


def test_goodput_is_compared_for_each_objective() -> None:
    other = ChatSlo("other", ttft_seconds=1.0)
    found = [each for each in compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.26)}), slos=[SLO, other]).comparisons if each.slo]
    assert [(each.slo, each.winner) for each in found] == [("mine", "vllm"), ("other", None)]


def test_a_rate_of_chats_may_be_looked_at() -> None:
    scope = Scope((Question("output_rate", 0.5),), shifts=())
    found = row(compared(level({"vllm": Engine(), "tgi": Engine(tpot=0.03)}), scope=scope), "output_rate", 0.5)
    assert found.winner == "vllm"
    assert found.a_value == pytest.approx(100 / 2.19, rel=0.03)
    assert found.ratio is not None
    assert found.ratio < 1


def test_itl_may_be_looked_at() -> None:
    scope = Scope((Question("itl", 0.5),), shifts=())
    assert row(compared(level({"vllm": Engine(), "tgi": Engine(tpot=0.03)}), scope=scope), "itl", 0.5).winner == "vllm"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("speed", 0.5), "there is no measure"),
        (("ttft", None), "say which quantile"),
        (("ttft", 1.0), "is no quantile"),
        (("success", 0.5), "and no quantiles"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(question: tuple[str, float | None], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Question(*question)


def test_the_shift_function_says_where_engines_differ() -> None:
    shift = next(each for each in compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.26)})).shifts if each.measure == "ttft")
    assert [decile.quantile for decile in shift.deciles] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert all(decile.low < 1.3 < decile.high for decile in shift.deciles)
    assert all(decile.difference == pytest.approx(decile.b_value - decile.a_value) for decile in shift.deciles)


def test_a_shift_function_of_too_little_is_refused() -> None:
    assert compared(level({"vllm": Engine(), "tgi": Engine()}, rounds=2)).shifts[0].refused == "it needs 3 whole rounds of both; there are 2"
    assert "lies among the failed chats" in str(compared(level({"vllm": Engine(), "tgi": Engine(failing=0.5)})).shifts[0].refused)


def test_who_is_better_and_for_whom() -> None:
    summary = compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.3), "ollama": Engine(ttft=0.3, tpot=0.03)}))
    ttft, tpot = (next(each for each in summary.standings if each.measure == name) for name in ("ttft", "tpot"))
    assert (ttft.best, ttft.for_whom) == ("vllm", "people who wait for the first word")
    assert "no difference seen between tgi and ollama" in ttft.words
    assert tpot.best is None, "two are better than the third"
    assert tpot.words.count("longer") == 2


def test_one_that_was_compared_with_some_only_is_not_the_best() -> None:
    """E2E of the third does not compare, so nobody knows who has the best."""
    summary = compared(level({"vllm": Engine(), "tgi": Engine(ttft=0.6), "ollama": Engine(tokens=200)}))
    assert row(summary, "e2e", 0.5).winner == "vllm"
    assert next(each for each in summary.standings if each.measure == "e2e").best is None


def test_a_single_engine_is_compared_with_nobody() -> None:
    summary = compared(level({"vllm": Engine()}))
    assert (summary.comparisons, summary.shifts, summary.standings) == ((), (), ())

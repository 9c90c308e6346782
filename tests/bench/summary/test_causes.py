"""Beside a winner stands what the engines' own metrics explain of it, and nothing that they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.engine_side.inside import Inside, PhaseTimes
from bench.summary.causes import with_causes
from bench.summary.given import Given
from bench.summary.making import summarise
from bench.summary.shape import Cause, Comparison, Difference, Summary
from tests.bench.summary.chats import Engine, level
from tests.bench.summary.test_table import flat, printed

WON = Comparison(
    level="10 users", measure="ttft", quantile=0.95, slo=None, a="vllm", b="tgi", a_value=0.05, b_value=0.38, ratio=7.6,
    confidence=0.95, rounds=5, winner="vllm", why="TTFT p95 of tgi is longer",
)  # fmt: skip


def inside(target: str, ttft: float = 0.05, **changes: object) -> Inside:
    return Inside(target=target, level="10 users", ttft_seconds_mean=ttft, **changes)  # type: ignore[arg-type]


def times(mean: float, *, p95: tuple[float, float] | None = None) -> PhaseTimes:
    return PhaseTimes(mean, {} if p95 is None else {0.95: p95})


def causes(one: Comparison, *insides: Inside) -> tuple[Cause, ...]:
    (found,) = with_causes([one], insides, 100)
    return found.causes


FAST = inside("vllm", phases={"queue": times(0.004, p95=(0.004, 0.004))})
SLOW = inside("tgi", 0.3, phases={"queue": times(0.24, p95=(0.31, 0.31))})


def test_the_part_of_the_difference_is_told_at_the_quantile_where_it_is_known_there() -> None:
    (cause,) = causes(WON, FAST, SLOW)
    assert cause.words == "tgi waits 310 ms in its queue at p95 where vllm waits 4.00 ms: 93 % of the difference"
    assert cause.part == "queue"
    assert cause.share_low == pytest.approx(0.306 / 0.33)
    assert cause.figures["difference_seconds"] == pytest.approx(0.33)


def test_it_makes_no_difference_which_engine_is_named_first() -> None:
    turned = replace(WON, a="tgi", b="vllm", a_value=0.38, b_value=0.05, ratio=1 / 7.6)
    assert causes(turned, FAST, SLOW) == causes(WON, FAST, SLOW)


def test_between_the_bounds_of_buckets_it_lies_between_two_shares() -> None:
    fast, slow = replace(FAST, phases={"queue": times(0.004, p95=(0.0, 0.01))}), replace(SLOW, phases={"queue": times(0.2, p95=(0.25, 0.33))})
    (cause,) = causes(WON, fast, slow)
    assert cause.words == "tgi waits 250 ms to 330 ms in its queue at p95 where vllm waits at most 10.0 ms: 73 to 100 % of the difference"


def test_where_buckets_are_too_wide_the_means_are_told() -> None:
    slow = inside("tgi", 0.3, phases={"queue": times(0.24, p95=(0.0, 0.3))})
    (cause,) = causes(WON, FAST, slow)
    assert cause.words == ("tgi waits 240 ms in its queue on average where vllm waits 4.00 ms: 94 % of the difference of the means, 250 ms")


@pytest.mark.parametrize(
    ("fast", "slow"),
    [
        (FAST, inside("tgi", 0.3, phases={"queue": times(0.03)})),
        (FAST, inside("tgi", 0.3)),
        (inside("vllm"), SLOW),
        (inside("vllm", 0.29, phases={"queue": times(0.004)}), inside("tgi", 0.3, phases={"queue": times(0.24)})),
        (inside("vllm", 0.4, phases={"queue": times(0.004)}), inside("tgi", 0.3, phases={"queue": times(0.24)})),
        (inside("vllm", 0.05, phases={"queue": times(0.004)}), inside("tgi", 3.0, phases={"queue": times(2.9)})),
    ],
    ids=["too small a part", "untold of the slower", "untold of the faster", "means alike", "the mean of the other is longer", "means far apart"],
)  # fmt: skip
def test_what_does_not_explain_it_is_not_said(fast: Inside, slow: Inside) -> None:
    assert causes(WON, fast, slow) == ()


def test_without_a_winner_there_is_no_cause() -> None:
    assert causes(replace(WON, winner=None), FAST, SLOW) == ()


def test_the_largest_part_comes_first_and_a_part_may_be_more_than_all() -> None:
    fast = inside("vllm", phases={"queue": times(0.01), "prefill": times(0.2)})
    slow = inside("tgi", 0.3, phases={"queue": times(0.1), "prefill": times(0.5)})
    found = causes(WON, fast, slow)
    assert [cause.part for cause in found] == ["prefill", "queue"]
    assert "more than the whole of the difference of the means" in found[0].words


def test_what_goes_with_a_part_is_told_with_it() -> None:
    fast = inside("vllm", phases={"queue": times(0.0), "prefill": times(0.02)}, cache_full_share=0.0, cache_hit_ratio=0.8)
    slow = inside("tgi", 0.3, phases={"queue": times(0.12), "prefill": times(0.15)}, cache_full_share=0.4, cache_hit_ratio=0.05)
    words = {cause.part: cause.words for cause in causes(WON, fast, slow)}
    assert words["queue"].endswith("; its KV cache was nearly full in 40 % of the looks, that of vllm in 0 %")
    assert words["prefill"].endswith("; 5 % of its prompt tokens were in its prefix cache, of those of vllm 80 %")


def test_the_rhythm_of_tokens_is_told_with_the_batches() -> None:
    won = replace(WON, measure="tpot", quantile=0.5, a_value=0.02, b_value=0.025, ratio=1.25)
    fast = inside("vllm", tpot_seconds_mean=0.02, phases={"token": times(0.02)}, running_mean=4.0, preemptions_per_chat=0.0)
    slow = inside("tgi", tpot_seconds_mean=0.025, phases={"token": times(0.0249)}, running_mean=8.5, preemptions_per_chat=0.5)
    (cause,) = causes(won, fast, slow)
    assert cause.words == (
        "tgi takes 24.9 ms for each token by its own account on average where vllm takes 20.0 ms: 98 % of the difference of the means, 5.00 ms; "
        "8.5 requests were in its batch on average, in that of vllm 4; it put requests back and computed them again 0.5 times a chat"
    )


def test_a_whole_answer_has_its_tokens_as_often_as_it_has_them() -> None:
    won = replace(WON, measure="answer", quantile=0.5, a_value=2.0, b_value=2.6, ratio=1.3)
    fast = inside("vllm", tpot_seconds_mean=0.02, phases={"token": times(0.02), "queue": times(0.0)})
    slow = inside("tgi", tpot_seconds_mean=0.026, phases={"token": times(0.026), "queue": times(0.0)})
    (cause,) = causes(won, fast, slow)
    assert cause.part == "token"
    assert cause.share_low == pytest.approx(1.0)


def test_chats_that_were_turned_away_explain_a_lower_success() -> None:
    won = replace(WON, measure="success", quantile=None, a_value=1.0, b_value=0.9, ratio=0.9, difference=Difference(-0.1, -0.12, -0.08))
    (cause,) = causes(won, inside("vllm", refused_share=0.0), inside("tgi", refused_share=0.08))
    assert cause.words == "tgi refused 8 % of its chats because too many others were there, vllm 0 %: 80 % of the difference"


@pytest.fixture(scope="module")
def summary() -> Summary:
    engines = {"vllm": Engine(tokens=10), "tgi": Engine(ttft=0.5, tokens=10)}
    insides = [
        inside("vllm", 0.2, phases={"queue": times(0.01)}),
        inside("tgi", 0.5, phases={"queue": times(0.25), "prefill": times(0.1)}),
    ]
    return summarise(Given(targets=tuple(engines), measured=[level(engines, chats=60)], insides=insides))


def test_a_summary_says_it_wherever_it_names_the_winner(summary: Summary) -> None:
    said = "tgi waits 250 ms in its queue on average where vllm waits 10.0 ms: 80 % of the difference of the means, 300 ms"
    assert {row.measure for row in summary.comparisons if row.causes} == {"ttft"}
    assert summary.statement.count(said) == 1
    assert all(said in standing.words for standing in summary.standings if standing.measure == "ttft")
    assert flat(printed(summary, 120)).count("tgi waits 250 ms") == 3


def test_it_fits_into_80_columns(summary: Summary) -> None:
    assert max(len(line.rstrip()) for line in printed(summary, 80).splitlines()) <= 80


def test_where_there_is_no_verdict_nothing_is_explained() -> None:
    engines = {"vllm": Engine(tokens=10), "tgi": Engine(ttft=0.5, tokens=10)}
    given = Given(targets=tuple(engines), measured=[level(engines, chats=60)], insides=[FAST, SLOW], lost_records=1)
    assert all(not row.causes for row in summarise(given).comparisons)

"""`--until`: what can be asked, and when it is enough."""

from __future__ import annotations

import numpy as np
import pytest

from bench.chat import Chat, Place
from bench.known import known
from bench.measures import ITL, OUTPUT_RATE, TTFT
from bench.question import Question
from bench.statistics.estimates import quantile_estimate
from bench.statistics.over_rounds import known_to
from bench.statistics.samples import Round, TooFewError
from bench.until import CONFIDENCE, WellEnough, parse


def chats(target: str, rounds: int, spread: float = 0.3, each: int = 80, seed: int = 1, block: int = 1) -> list[Chat]:
    random = np.random.default_rng(seed)
    return [
        Chat(
            target=target,
            place=Place("10 users", number, number * 2 + block, float(place), warm_up=False),
            outcome="ok",
            ttft_seconds=float(random.lognormal(-3, spread)),
            e2e_seconds=float(random.lognormal(0, spread)),
            output_tokens=50,
            gaps_seconds=random.lognormal(-4, spread, 5),
            gap_tokens=np.ones(5),
        )
        for number in range(1, rounds + 1)
        for place in range(each)
    ]


def test_what_is_written_is_read() -> None:
    until = parse(" ttft.p95:5% ")
    assert (until.question, until.within) == (Question("ttft", 0.95), 0.05)
    assert str(parse("e2e.p99.9:2.5 %")) == "e2e.p99.9:2.5%"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("ttft", "'ttft' cannot be read; write MEASURE.QUANTILE:PERCENT, like ttft.p95:5%"),
        ("ttft.p95:5", "'ttft.p95:5' cannot be read; write MEASURE.QUANTILE:PERCENT, like ttft.p95:5%"),
        ("ttft.p95:-5%", "'ttft.p95:-5%' cannot be read; write MEASURE.QUANTILE:PERCENT, like ttft.p95:5%"),
        (
            "throughput.p50:5%",
            "'throughput' is no measure of chats; it is one of ttft, first_content, since_due, tpot, itl, stall, e2e, answer or output_rate",
        ),
        ("ttft.p0:5%", "'p0' is no quantile; write p50, p95, p99 or p99.9, like ttft.p95"),
        ("ttft.p95:0%", "0 % is no bound; write one above 0 and below 100, like 5%"),
        ("ttft.p95:200%", "200 % is no bound; write one above 0 and below 100, like 5%"),
    ],
)
def test_what_cannot_be_asked_says_what_would_be_right(text: str, error: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse(text)
    assert str(raised.value) == error


def test_it_is_known_as_over_rounds() -> None:
    of = chats("a", 4)
    rounds = [Round(np.array([chat.ttft_seconds for chat in of if chat.place.round == number]), np.arange(80.0)) for number in (1, 2, 3, 4)]
    assert known(of, TTFT, 0.95) == pytest.approx(known_to(quantile_estimate(rounds, 0.95)))


def test_two_blocks_of_a_round_are_one_round() -> None:
    halves = chats("a", 3, each=40, block=0) + chats("a", 3, each=40, seed=2, block=1)
    assert 0 < known(halves, TTFT, 0.5) < 1
    assert known(halves, ITL, 0.5) > 0


def test_a_failed_chat_is_the_worst_of_a_time_and_of_a_rate() -> None:
    of = chats("a", 3)
    failed = [Chat(target="a", place=chat.place, outcome="failed", reason="connect") for chat in of[::10]]
    for measure, quantile in ((TTFT, 0.95), (OUTPUT_RATE, 0.05)):
        assert known(of, measure, quantile) > 0
        with pytest.raises(TooFewError, match="lies among the failed chats"):
            known([*of, *failed], measure, quantile)


def test_it_is_enough_when_all_that_was_asked_is_known_of_every_target() -> None:
    narrow, wide = chats("a", 4, spread=0.05), chats("b", 4, spread=1.0)
    enough = WellEnough((parse("ttft.p50:5%"), parse("ttft.p95:10%")))
    told = enough(narrow)
    assert told is not None
    assert told.startswith("TTFT p50 is known to ±")
    assert " and TTFT p95 is known to ±" in told
    assert told.endswith(", of a")
    assert enough([*narrow, *wide]) is None, "of one target it is not known"
    assert WellEnough((parse("ttft.p50:5%"), parse("ttft.p95:0.1%")))(narrow) is None, "one of the two is not known"
    both = enough([*narrow, *chats("b", 4, spread=0.05, seed=3)])
    assert both is not None
    assert both.endswith("of each target")


def test_two_rounds_are_never_enough_and_neither_are_too_few_chats() -> None:
    enough = WellEnough((parse("ttft.p50:50%"),))
    assert enough(chats("a", 2, spread=0.01)) is None
    assert enough(chats("a", 3, spread=0.01)) is not None
    assert enough(chats("a", 3, spread=0.01, each=1)) is None
    assert WellEnough(())(chats("a", 9)) is None


def test_who_looks_again_and_again_is_asked_for_more() -> None:
    of = chats("a", 4, spread=0.1)
    plain, asked = known(of, TTFT, 0.5), known(of, TTFT, 0.5, CONFIDENCE)
    assert plain < asked
    between = parse(f"ttft.p50:{(plain + asked) * 50:.6f}%")
    assert WellEnough((between,))(of) is None

"""Loads that are too much, for an engine that is computed and can do 10 chats a second."""

from __future__ import annotations

import random

import pytest

from bench.chat import Chat
from bench.overload import SECONDS_AT_LEAST, OverloadWatch, overload
from tests.bench.chats import chat
from tests.bench.engine import Engine


def queue(per_second: float, *, slots: int = 10, serves_seconds: float = 1.0, seconds: float = 120.0, seed: int = 1) -> list[Chat]:
    return Engine(slots, serves_seconds, spread=0.5).open_loop(per_second, seconds, random.Random(seed))


@pytest.mark.parametrize("per_second", [13.0, 20.0, 40.0])
def test_a_rate_that_is_too_much_is_found(per_second: float) -> None:
    found = overload(queue(per_second))
    assert found is not None
    share = 1 - 10 / per_second
    assert found.piled / found.arrivals == pytest.approx(share, abs=0.1)
    assert found.ttft_after_seconds > 2 * found.ttft_before_seconds
    assert "piled up" in found.words


@pytest.mark.parametrize("per_second", [2.0, 8.0, 9.5])
@pytest.mark.parametrize("seed", range(20))
def test_a_rate_that_the_engine_can_do_is_not(per_second: float, seed: int) -> None:
    assert overload(queue(per_second, seed=seed)) is None


@pytest.mark.parametrize("seed", range(20))
def test_an_engine_that_fills_up_with_long_chats_is_not_overloaded(seed: int) -> None:
    """Nothing ends before half of the time is over, so that chats pile up, but nobody waits."""
    assert overload(queue(2.0, slots=500, serves_seconds=60.0, seed=seed)) is None


def test_waits_that_grow_without_a_pile_are_no_overload() -> None:
    chats = [chat(at, ttft_seconds=0.05 + at / 100, e2e_seconds=1.0 + at / 100) for at in range(120)]
    assert overload(chats) is None


def test_it_is_found_live_long_before_the_end_and_not_in_the_first_seconds() -> None:
    chats = queue(20.0)
    watch = OverloadWatch()
    told = sorted(
        [(one.place.since_seconds, True, one) for one in chats] + [(one.place.since_seconds + (one.e2e_seconds or 0), False, one) for one in chats],
        key=lambda event: event[0],
    )
    seen = None
    for at, begins, one in told:
        seen = watch.look(at)
        if seen is not None:
            break
        if begins:
            watch.begun(at)
        else:
            watch.ended(one)
    assert seen is not None
    assert SECONDS_AT_LEAST <= seen.to_seconds < 40


def test_nothing_is_said_of_no_chats_and_of_chats_that_were_not_sent() -> None:
    assert overload([]) is None
    assert overload([chat(at / 10, outcome="unsent", ttft_seconds=None, e2e_seconds=None) for at in range(1000)]) is None
    assert OverloadWatch().look(60.0) is None

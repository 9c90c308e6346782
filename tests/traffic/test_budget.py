from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.failure import Reason
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from tests.traffic.fakes import SECOND_NS, FakeClock
from traffic.budget import TokenBudget, spent
from traffic.events import SkipReason

MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
TOLD_NOTHING: dict[str, Any] = {"input_tokens": None, "output_tokens": None, "token_source": None}


@pytest.mark.parametrize(
    ("record", "cost"),
    [
        (chat(tokens=30), 42),
        (chat(tokens=30, input_tokens=None), 30),
        (chat(tokens=30, output_tokens=None, token_source=None), 12),
        (chat(tokens=30, input_tokens=None, token_source="chunks"), 500),
        (failed(Reason.FIRST_TOKEN_TIMEOUT, **TOLD_NOTHING), 500),
        (failed(Reason.UNAVAILABLE, **TOLD_NOTHING), 500),
        (failed(Reason.CONNECT, sent_ns=None, **TOLD_NOTHING), 0),
        (failed(Reason.OVERLOADED, **TOLD_NOTHING), 0),
        (failed(Reason.AUTH, **TOLD_NOTHING), 0),
        (failed(Reason.OVERLOADED, chunks=chat().chunks, **TOLD_NOTHING), 500),
        (chat(tokens=0, outcome="cancelled", sent_ns=None, **TOLD_NOTHING), 0),
        (chat(tokens=3, outcome="cancelled", **{**TOLD_NOTHING, "output_tokens": 3, "token_source": "chunks"}), 500),
        (failed(Reason.STALLED, input_tokens=12, output_tokens=3, token_source="chunks", chunks=chat().chunks), 15),
    ],
)
def test_what_a_chat_costs(record: ChatRecord, cost: int) -> None:
    assert spent(record, reserved=500) == cost


def test_chats_that_are_open_count_with_what_they_may_cost() -> None:
    budget = TokenBudget(100, FakeClock())
    assert budget.refusal(100) is None
    assert budget.refusal(101) is SkipReason.TOKEN_BUDGET
    budget.reserve(60)
    assert (budget.refusal(40), budget.refusal(41)) == (None, SkipReason.TOKEN_BUDGET)
    budget.settle(60, 10)
    assert (budget.refusal(90), budget.refusal(91)) == (None, SkipReason.TOKEN_BUDGET)


def test_what_was_spent_is_free_again_after_an_hour_and_at_most_a_minute() -> None:
    clock = FakeClock(now_ns=90 * SECOND_NS)
    budget = TokenBudget(100, clock)
    budget.settle(0, 100)
    clock.now_ns += HOUR_NS
    assert budget.refusal(1) is SkipReason.TOKEN_BUDGET
    clock.now_ns += MINUTE_NS
    assert budget.refusal(100) is None


def test_no_bound_refuses_nothing_and_one_that_comes_later_knows_what_was_spent() -> None:
    budget = TokenBudget(None, FakeClock())
    assert budget.refusal(10**15) is None
    budget.reserve(30)
    budget.settle(0, 50)
    budget.configure(100)
    assert (budget.refusal(20), budget.refusal(21)) == (None, SkipReason.TOKEN_BUDGET)
    budget.configure(None)
    assert budget.refusal(10**15) is None


@given(st.data())
def test_no_hour_sees_more_than_the_budget(data: st.DataObject) -> None:
    """Chats of any length, each of whose tokens come at the worst moment: in the hour that is looked at, if they can."""
    clock = FakeClock(now_ns=data.draw(st.integers(0, MINUTE_NS)))
    budget = TokenBudget(1_000, clock)
    open_chats: list[tuple[int, int]] = []
    chats: list[tuple[int, int, int]] = []  # from, to, tokens
    for _ in range(data.draw(st.integers(1, 60))):
        clock.now_ns += data.draw(st.integers(0, 20 * MINUTE_NS))
        if data.draw(st.booleans()) and open_chats:
            started_ns, tokens = open_chats.pop(data.draw(st.integers(0, len(open_chats) - 1)))
            cost = data.draw(st.integers(0, tokens))
            budget.settle(tokens, cost)
            chats.append((started_ns, clock.now_ns, cost))
        tokens = data.draw(st.integers(1, 600))
        if budget.refusal(tokens) is None:
            budget.reserve(tokens)
            open_chats.append((clock.now_ns, tokens))
    chats += [(started_ns, clock.now_ns, tokens) for started_ns, tokens in open_chats]
    for _, begin_ns, _ in chats:
        within = sum(tokens for started_ns, ended_ns, tokens in chats if ended_ns >= begin_ns and started_ns <= begin_ns + HOUR_NS)
        assert within <= 1_000

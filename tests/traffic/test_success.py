from __future__ import annotations

import pytest

from probes.failure import Reason
from tests.exporter.chats import chat, failed
from traffic.events import Side, SkipReason
from traffic.success import chat_succeeded, side_succeeded, skip_succeeded


@pytest.mark.parametrize("reason", Reason)
def test_every_failure_counts_but_our_own(reason: Reason) -> None:
    assert chat_succeeded(failed(reason)) is (None if reason is Reason.INTERNAL else False)


def test_a_cancelled_chat_counts_neither_way() -> None:
    assert chat_succeeded(chat(outcome="cancelled", finished_ns=None)) is None
    assert chat_succeeded(chat()) is True


@pytest.mark.parametrize("reason", SkipReason)
def test_a_chat_that_was_not_sent_counts_where_its_target_is_why(reason: SkipReason) -> None:
    expected = False if reason in ("breaker", "target_busy", "load_failed") else None
    assert skip_succeeded(reason) is expected
    assert side_succeeded(Side("a", None, reason)) is expected


def test_a_side_that_was_sent_is_what_its_chat_was() -> None:
    assert side_succeeded(Side("a", chat(), None)) is True
    assert side_succeeded(Side("a", failed(Reason.STALLED), None)) is False
    assert side_succeeded(Side("a", failed(Reason.INTERNAL), None)) is None

from __future__ import annotations

from dataclasses import replace

import pytest

from catalogue import own
from exporter.assembly import Metrics
from exporter.metrics.last_words import HELD_SECONDS, LONGEST, LastWords, shown
from probes.failure import Failure, Reason
from probes.record import ChatRecord
from tests.exporter.chats import chat, failed
from tests.exporter.scrape import config, scrape
from traffic.roster import roster


def saying(words: str, reason: Reason = Reason.SERVER_ERROR, at: float = 0.0) -> ChatRecord:
    record = failed(reason)
    assert record.failure is not None
    return replace(record, started_at=1_000_000 + at, failure=Failure(reason, words, record.failure.at_ns))


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("CUDA out of memory", "CUDA out of memory"),
        ("request 1a2b3c4d-5e6f-7a8b-9c0d-1e2f3a4b5c6d failed", "request … failed"),
        ("not finished within 12.5 s", "not finished within … s"),
        ("HTTP 503, empty body", "HTTP 503, empty body"),
        ("accepted deadbeef words", "accepted deadbeef words"),
        ("x" * 500, "x" * LONGEST),
    ],
)
def test_what_is_another_in_each_chat_is_left_out(detail: str, words: str) -> None:
    assert shown(detail) == words


def test_words_stand_for_a_minute_unless_the_reason_is_another() -> None:
    words = LastWords()
    assert words.of(chat()) is None
    assert words.of(saying("one")) == ("server_error", "one")
    assert words.of(saying("two", at=HELD_SECONDS - 1)) == ("server_error", "one")
    assert words.of(saying("three", Reason.STALLED, at=HELD_SECONDS - 1)) == ("stalled", "three")
    assert words.of(saying("four", Reason.STALLED, at=2 * HELD_SECONDS)) == ("stalled", "four")
    assert words.of(saying("ours", Reason.INTERNAL, at=3 * HELD_SECONDS)) is None


def test_one_series_tells_of_the_last_failure() -> None:
    metrics = Metrics(roster(config()), {})
    assert scrape(metrics).value(own.LAST_FAILURE.name) is None
    metrics.recording(saying("one"))
    metrics.recording(saying("two", Reason.STALLED, at=5))
    (labels,) = scrape(metrics).labels(own.LAST_FAILURE.name)
    assert (labels["reason"], labels["detail"]) == ("stalled", "two")

from __future__ import annotations

from collections.abc import Sequence

import pytest

from exporter.native.scrape import Scraped
from exporter.native.windows import CHATS_KEPT, Window, Windows, look
from probes.failure import Reason
from probes.numbers.number import Number
from probes.record import ChatRecord
from tests.exporter.chats import failed
from tests.exporter.native.expositions import by_hand
from tests.exporter.native.windows import SECOND_NS, scrape, talk


def told(*events: Scraped | ChatRecord) -> list[Window | None]:
    """What each scrape brings, of scrapes and chats in the order in which they become known."""
    windows = Windows()
    found = []
    for event in events:
        if isinstance(event, ChatRecord):
            windows.add_chat(event)
        else:
            newest = look(event)
            assert newest is not None
            found.append(windows.add_look(newest))
    return found


def window(*between: ChatRecord, first: Scraped | None = None, last: Scraped) -> Window | None:
    """What is told of the window from 0 s to 15 s, in which these chats end."""
    return told(first or scrape(0, 10, 5.0), *between, last, scrape(30, 99, 99.0))[-1]


def test_all_requests_were_ours() -> None:
    chats = [talk(2, 0.25), talk(8, 0.5), talk(8, 0.375)]
    assert window(*chats, last=scrape(15, 13, 6.0)) == Window("tiny", 3, 1.125, 1.0)


def test_a_window_is_told_at_the_scrape_after_it_and_once() -> None:
    assert told(
        scrape(0, 10, 5.0),
        talk(2, 0.25),
        scrape(15, 11, 5.125),
        talk(17, 0.5),
        scrape(30, 12, 5.5),
        scrape(45, 12, 5.5),
        scrape(60, 12, 5.5),
    ) == [None, None, Window("tiny", 1, 0.25, 0.125), Window("tiny", 1, 0.5, 0.375), None]


def test_a_record_may_come_after_the_scrape_that_ends_its_window() -> None:
    found = told(scrape(0, 10, 5.0), scrape(15, 11, 5.125), talk(2, 0.25), scrape(30, 11, 5.125))
    assert found == [None, None, Window("tiny", 1, 0.25, 0.125)]


def test_a_client_that_was_sooner_than_the_engine_says_counts_as_it_is() -> None:
    assert window(talk(2, 0.25), last=scrape(15, 11, 5.5)) == Window("tiny", 1, 0.25, 0.5)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param([], id="none of it was ours"),
        pytest.param([talk(2, 0.25)], id="another one's beside ours"),
        pytest.param([talk(2, 0.25), talk(3, 0.25), talk(4, 0.25)], id="one of ours that it did not count"),
    ],
)
def test_counts_that_differ_tell_nothing(between: Sequence[ChatRecord]) -> None:
    assert window(*between, last=scrape(15, 12, 6.0)) is None


def test_a_chat_without_a_first_token_is_not_counted_by_the_engine() -> None:
    hung = failed(Reason.FIRST_TOKEN_TIMEOUT, started_ns=3 * SECOND_NS, sent_ns=3 * SECOND_NS, ended_ns=9 * SECOND_NS)
    assert window(talk(2, 0.25), hung, last=scrape(15, 11, 5.125)) == Window("tiny", 1, 0.25, 0.125)


@pytest.mark.parametrize(
    ("chat", "which"),
    [
        pytest.param(talk(14.5, 0.25), "last", id="over the last scrape"),
        pytest.param(talk(14.5, 0.51, lasts=0.52), "last", id="until within the last scrape"),
        pytest.param(talk(15.01, 0.25), "last", id="from within the last scrape"),
        pytest.param(talk(14, 0.25, lasts=0.95), "last", id="hardly over at the last scrape"),
        pytest.param(talk(-0.5, 0.75), "first", id="over the first scrape"),
        pytest.param(talk(-1, 0.25, lasts=0.95), "first", id="hardly over at the first scrape"),
    ],
)
def test_a_chat_that_is_open_at_a_scrape_spoils_the_window(chat: ChatRecord, which: str) -> None:
    """Even where the number is right: another's request may stand for a chat that the engine counted on the other side."""
    assert window(talk(2, 0.25), chat, last=scrape(15, 12, 5.5)) is None
    assert window(talk(2, 0.25), chat, last=scrape(15, 11, 5.25)) is None


def test_a_chat_that_is_well_over_at_a_scrape_does_not() -> None:
    assert window(talk(13.8, 0.25), last=scrape(15, 11, 5.125)) is not None
    assert window(talk(-1.2, 0.25), talk(13.8, 0.25), last=scrape(15, 11, 5.125)) is not None
    assert window(talk(15.03, 0.25), talk(13.8, 0.25), last=scrape(15, 11, 5.125)) is not None


def test_a_chat_over_a_scrape_spoils_both_windows_and_no_other() -> None:
    found = told(
        scrape(0, 0, 0.0),
        talk(1, 0.25),
        scrape(15, 1, 0.125),
        talk(14, 0.25, lasts=4),
        scrape(30, 2, 0.25),
        talk(31, 0.25),
        scrape(45, 3, 0.5),
        scrape(60, 3, 0.5),
    )
    assert found == [None, None, None, None, Window("tiny", 1, 0.25, 0.25)]


@pytest.mark.parametrize("busy", [{"running": 1}, {"waiting": 1}, {"running": float("nan")}])
def test_an_engine_that_is_busy_at_a_scrape_tells_nothing(busy: dict[str, float]) -> None:
    assert window(talk(2, 0.25), last=scrape(15, 11, 5.125, **busy)) is None
    assert window(talk(2, 0.25), first=scrape(0, 10, 5.0, **busy), last=scrape(15, 11, 5.125)) is None


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(scrape(15, 11, 5.125, start=8), id="another start"),
        pytest.param(scrape(15, 11, 5.125, start=None), id="no start any more"),
        pytest.param(scrape(15, 1, 0.125, start=7), id="counters from 0"),
        pytest.param(scrape(15, 11, 4.875, start=7), id="a sum that fell"),
    ],
)
def test_counters_that_begin_anew_tell_nothing(last: Scraped) -> None:
    assert window(talk(2, 0.25), last=last) is None


def test_processes_without_a_start_time_tell_nothing() -> None:
    """vLLM with several API servers does not say when it started: that its counters began anew might not show."""
    first, last = scrape(0, 10, 5.0, start=None), scrape(15, 11, 5.125, start=None)
    assert window(talk(2, 0.25), first=first, last=last) is None


def test_chats_with_different_models_tell_nothing() -> None:
    assert window(talk(2, 0.25), talk(3, 0.25, model="other"), last=scrape(15, 12, 5.5)) is None


def test_more_chats_than_are_kept_tell_nothing() -> None:
    many = [talk(2, 0.25) for _ in range(CHATS_KEPT + 1)]
    assert window(*many, last=scrape(15, 10 + len(many), 5000.0)) is None
    assert window(*many[1:], last=scrape(15, 9 + len(many), 5000.0)) is not None


def test_chats_of_long_ago_are_forgotten() -> None:
    windows = Windows()
    for minute in range(50):
        newest = look(scrape(60 * minute, 0, 0.0))
        assert newest is not None
        windows.add_look(newest)
        for second in range(10):
            windows.add_chat(talk(60 * minute + 10 + second, 0.25))
    assert len(windows._chats) <= 20


def test_an_engine_that_counts_no_first_tokens_cannot_be_looked_at() -> None:
    assert look(Scraped(by_hand("tgi_queue_size 0\n"), {Number.REQUESTS_WAITING: 0.0}, 0, 1)) is None
    assert look(scrape(0, float("nan"), 5.0)) is None

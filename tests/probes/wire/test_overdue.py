"""A timeout that runs out while bytes wait that may have come in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from probes.ask import Timeouts
from probes.backends import form
from probes.failure import Reason
from probes.wire import connection
from probes.wire.exchange import READS_AN_EVENT, Exchange
from probes.wire.loop import Loop
from probes.wire.order import Address, Ending, Order
from tests.answers import DONE, END, chunk, head, token

if TYPE_CHECKING:
    from tests.probes.wire.conftest import Lines

SECOND_NS = 1_000_000_000
TOTAL_SECONDS = 60
POLLS = 50
"""So many at least does it take to read what waits, once time has run out."""


@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
def test_it_is_judged_once_when_all_was_read_that_waited(line: Lines, monkeypatch: pytest.MonkeyPatch, finished: bool) -> None:
    """A worker that is behind with its reads looks no more at each chat than it must: or else it would be further behind."""
    monkeypatch.setattr(connection, "READ_SIZE", 100)
    judged, polls, ahead_ns = 0, 0, 0
    endings: list[Ending] = []
    loop = Loop(lambda: time.monotonic_ns() + ahead_ns)
    looks = Exchange._deadline

    def counted(exchange: Exchange, token_ns: int | None) -> tuple[int, Reason, str]:
        nonlocal judged
        judged += bool(polls)
        return looks(exchange, token_ns)

    def time_goes_on() -> None:
        nonlocal polls, ahead_ns
        polls += 1
        ahead_ns += (TOTAL_SECONDS if polls == 1 else 1) * SECOND_NS
        loop.later(time_goes_on)

    def ended(ending: Ending) -> None:
        endings.append(ending)
        loop.stop()

    monkeypatch.setattr(Exchange, "_deadline", counted)
    chat = line()
    exchange = Exchange(
        loop,
        Order(1, Address("engine", 80), b"POST", form("vllm"), Timeouts(1, TOTAL_SECONDS, TOTAL_SECONDS, TOTAL_SECONDS)),
        take=lambda _: chat.near,
        keep=lambda *_: None,
        opens=lambda *_: pytest.fail("the connection was there"),
        sent=lambda *_: None,
        reads=lambda *_: True,
        ended=ended,
    )
    exchange.start()
    chat.send(head() + chunk(token("x" * (POLLS * READS_AN_EVENT * connection.READ_SIZE))) + (chunk(DONE) + END if finished else b""))
    loop.later(time_goes_on)
    loop.run()
    (ending,) = endings
    assert polls >= POLLS
    assert judged == 1 + (not finished)
    assert (ending.failure.reason if ending.failure else None) == (None if finished else Reason.TIMEOUT)

"""What the worker tells, and how much of it between two polls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from probes.wire.channel import ClockSteps, FromWorker, Incoming, Reads, encode
from probes.wire.order import Ending, Read
from probes.wire.outbox import TOLD_BYTES, Outbox


class Polls:
    """Calls one of what is to be called later between two polls, as the loop does."""

    def __init__(self) -> None:
        self._later: deque[Callable[[], None]] = deque()
        self.sent: list[bytes] = []
        self.outbox = Outbox(self._later.append, self.sent.append)

    def poll(self) -> None:
        if self._later:
            self._later.popleft()()

    def told(self) -> list[object]:
        return list(Incoming().feed(b"".join(self.sent)))


def read(number: int, size: int = 250) -> Reads:
    """A read of a watched chat."""
    return Reads.pack(number, [Read(b"x" * size, 10, 5)])


def put(polls: Polls, message: FromWorker) -> None:
    polls.outbox.put(lambda: message)


def test_everything_is_told_once_and_in_its_order() -> None:
    polls = Polls()
    messages: list[FromWorker] = [ClockSteps(1), read(1), read(2), Ending(1, started_ns=1, ended_ns=2), read(2)]
    for message in messages[:3]:
        put(polls, message)
    polls.poll()
    for message in messages[3:]:
        put(polls, message)
    for _ in range(3):
        polls.poll()
    assert polls.told() == messages


def test_where_each_poll_brings_reads_of_many_they_do_not_pile_up() -> None:
    polls = Polls()
    for _ in range(200):
        for number in range(25):
            put(polls, read(number))
        polls.poll()
    assert len(polls.told()) == 200 * 25


def test_a_wave_of_chats_that_end_is_told_one_by_one() -> None:
    polls = Polls()
    for number in range(20):
        put(polls, read(number, size=2 * TOLD_BYTES))
    polls.poll()
    assert len(polls.told()) == 1
    for _ in range(19):
        polls.poll()
    assert len(polls.told()) == 20


def test_messages_are_made_when_they_are_told() -> None:
    polls = Polls()
    made: list[int] = []

    def make() -> FromWorker:
        made.append(1)
        return ClockSteps(1)

    polls.outbox.put(make)
    assert not made
    polls.poll()
    assert made
    assert polls.sent == [encode(ClockSteps(1))]

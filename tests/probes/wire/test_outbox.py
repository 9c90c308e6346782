"""What the worker tells, and how much of it between two polls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from probes.wire.channel import FromWorker, Incoming, Reads, Sent, encode
from probes.wire.order import Ending, Read
from probes.wire.outbox import CHAT_BYTES, MOST_BYTES, TOLD_BYTES, Outbox
from probes.wire.packed import ROW, Packed


class Polls:
    """Calls one of what is to be called later between two polls, as the loop does."""

    def __init__(self) -> None:
        self._later: deque[Callable[[], None]] = deque()
        self.sent: list[bytes] = []
        self.full = False
        self.have_room: list[int] = []
        self.outbox = Outbox(self._later.append, self.sent.append, lambda: self.full, self.have_room.append)

    def poll(self, times: int = 1) -> None:
        for _ in range(times):
            if self._later:
                self._later.popleft()()

    def told(self) -> list[object]:
        return list(Incoming().feed(b"".join(self.sent)))

    def put(self, message: FromWorker) -> None:
        self.outbox.put(lambda: message)


def read(number: int, size: int = 250) -> Read:
    return Read(b"x" * size, number, number - 1)


def packed(*reads: Read) -> Packed:
    rows = (ROW.pack(len(body), stamp_ns, floor_ns, kernel, exact) for body, stamp_ns, floor_ns, kernel, exact in reads)
    return Packed(b"".join(each.body for each in reads), b"".join(rows))


def test_everything_is_told_once_and_in_its_order() -> None:
    polls = Polls()
    ending = Ending(1, started_ns=1, ended_ns=2)
    polls.put(Sent(1, 5))
    polls.outbox.put_reads(1, packed(read(1)))
    polls.poll()
    polls.outbox.put_reads(2, packed(read(2)))
    polls.outbox.put_reads(1, packed(read(3), read(4)))
    polls.put(ending)
    polls.poll(2)
    assert polls.told() == [
        Sent(1, 5),
        Reads.pack(1, packed(read(1))),
        Reads.pack(2, packed(read(2))),
        Reads.pack(1, packed(read(3), read(4))),
        ending,
    ]


def test_where_each_poll_brings_reads_of_many_they_do_not_pile_up() -> None:
    polls = Polls()
    for _ in range(200):
        for number in range(25):
            polls.outbox.put_reads(number, packed(read(number)))
        polls.poll()
    assert len(polls.told()) == 200 * 25


def test_a_wave_of_chats_that_end_is_told_one_by_one() -> None:
    polls = Polls()
    for number in range(20):
        polls.outbox.put_reads(number, packed(read(number, size=2 * TOLD_BYTES)))
    polls.poll()
    assert len(polls.told()) == 1
    polls.poll(19)
    assert len(polls.told()) == 20


def test_while_nobody_listens_reads_of_a_chat_wait_for_each_other_and_their_order_is_kept() -> None:
    polls = Polls()
    polls.full = True
    for at_ns in range(1, 101):
        for number in (1, 2):
            polls.outbox.put_reads(number, packed(read(at_ns)))
        polls.poll()
    ending = Ending(1, started_ns=1, ended_ns=2)
    polls.put(ending)
    polls.poll()
    assert polls.told() == []
    polls.full = False
    polls.outbox.go_on()
    polls.poll(10)
    of_each = [read(at_ns) for at_ns in range(1, 101)]
    assert polls.told() == [Reads.pack(1, packed(*of_each)), Reads.pack(2, packed(*of_each)), ending]


def test_messages_are_made_when_they_are_told() -> None:
    polls = Polls()
    made: list[int] = []

    def make() -> FromWorker:
        made.append(1)
        return Sent(1, 2)

    polls.outbox.put(make)
    assert not made
    polls.poll()
    assert made
    assert polls.sent == [encode(Sent(1, 2))]


def test_a_chat_that_has_brought_much_is_read_no_further_until_it_was_told() -> None:
    polls = Polls()
    polls.full = True
    slices = CHAT_BYTES // TOLD_BYTES
    rooms = [polls.outbox.put_reads(1, packed(read(place, size=TOLD_BYTES))) for place in range(slices)]
    assert rooms == [True] * (slices - 1) + [False]
    assert polls.outbox.put_reads(2, packed(read(1)))
    polls.full = False
    polls.outbox.go_on()
    assert not polls.have_room
    polls.poll()
    assert polls.have_room == [1]
    assert polls.outbox.put_reads(1, packed(read(2)))


def test_of_many_chats_no_more_waits_than_may_wait_together() -> None:
    polls = Polls()
    polls.full = True
    half = CHAT_BYTES // 2
    enough = MOST_BYTES // half
    has_room = [polls.outbox.put_reads(number, packed(read(number, size=half))) for number in range(enough + 2)]
    assert has_room == [True] * (enough - 1) + [False] * 3
    polls.full = False
    polls.outbox.go_on()
    polls.poll(enough - 1)
    assert polls.have_room == []
    polls.poll()
    assert polls.have_room == [enough - 1]


def test_a_chat_goes_on_only_where_there_is_room_for_what_it_brings() -> None:
    """Each that goes on brings as much as was told of it, so that the others wait until more was told."""
    polls = Polls()

    def brings(number: int) -> None:
        polls.have_room.append(number)
        polls.outbox.put_reads(number, packed(read(number, size=CHAT_BYTES)))

    polls.outbox = Outbox(polls._later.append, polls.sent.append, lambda: polls.full, brings)
    polls.full = True
    chats = MOST_BYTES // CHAT_BYTES + 3
    for number in range(chats):
        polls.outbox.put_reads(number, packed(read(number, size=CHAT_BYTES)))
    most_bytes = polls.outbox._bytes
    polls.full = False
    for told in range(1, 3 * chats):
        polls.outbox.go_on()
        polls.poll()
        assert polls.outbox._bytes <= most_bytes
        assert len(polls.have_room) <= told
    assert set(polls.have_room) == set(range(chats))

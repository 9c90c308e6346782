"""Which worker has kept connections, as far as the main process knows."""

from __future__ import annotations

from dataclasses import dataclass

from probes.wire.kept import IDLE_NS
from probes.wire.order import Address
from probes.wire.waiting import Waiting

HERE, THERE = Address("127.0.0.1", 1), Address("127.0.0.1", 2)


@dataclass
class Clock:
    now_ns: int = 0

    def __call__(self) -> int:
        return self.now_ns


def test_a_connection_waits_where_it_was_kept_until_it_is_taken() -> None:
    waiting = Waiting(Clock())
    waiting.add(HERE, 1)
    assert (waiting.has(HERE, 1), waiting.has(HERE, 2), waiting.has(THERE, 1)) == (True, False, False)
    waiting.take(HERE, 1)
    assert not waiting.has(HERE, 1)


def test_several_are_counted() -> None:
    waiting = Waiting(Clock())
    waiting.add(HERE, 1)
    waiting.add(HERE, 1)
    waiting.take(HERE, 1)
    assert waiting.has(HERE, 1)
    waiting.take(HERE, 1)
    assert not waiting.has(HERE, 1)


def test_to_take_what_is_not_there_leaves_no_debt() -> None:
    waiting = Waiting(Clock())
    waiting.take(HERE, 1)
    waiting.add(HERE, 1)
    assert waiting.has(HERE, 1)


def test_what_a_worker_no_longer_keeps_is_forgotten() -> None:
    clock = Clock()
    waiting = Waiting(clock)
    clock.now_ns = IDLE_NS // 2
    waiting.add(HERE, 1)
    clock.now_ns = IDLE_NS
    assert waiting.has(HERE, 1)
    waiting.add(THERE, 1)
    clock.now_ns = 2 * IDLE_NS
    assert (waiting.has(HERE, 1), waiting.has(THERE, 1)) == (False, True)
    clock.now_ns = 5 * IDLE_NS
    assert not waiting.has(THERE, 1)


def test_one_of_long_ago_can_be_taken() -> None:
    clock = Clock()
    waiting = Waiting(clock)
    waiting.add(HERE, 1)
    clock.now_ns = IDLE_NS
    waiting.add(HERE, 1)
    waiting.take(HERE, 1)
    assert waiting.has(HERE, 1)
    waiting.take(HERE, 1)
    assert not waiting.has(HERE, 1)

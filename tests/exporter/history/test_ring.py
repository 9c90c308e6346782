from __future__ import annotations

import tracemalloc

from exporter.history.kept import Kept, Wanted, keep
from exporter.history.ring import OVERHEAD_BYTES, Ring, Room
from tests.exporter.chats import chat


def kept(number: int, target: str = "vllm", scenario: str = "beat", *, failed: bool = False, size: int = 100) -> Kept:
    return Kept(number, float(number), target, scenario, failed, b" " * size)


def numbers(ring: Ring, **wanted: object) -> list[int]:
    return [one.number for one in ring.newest_first(Wanted(**{"limit": 1000, **wanted}))]  # type: ignore[arg-type]


def test_newest_first_of_what_is_asked_for() -> None:
    ring = Ring(Room())
    for number in range(12):
        ring.add(kept(number, ("vllm", "tgi")[number % 2], ("beat", "chat")[number % 3 > 0], failed=number % 4 == 0))
    assert numbers(ring) == [*reversed(range(12))]
    assert numbers(ring, limit=3) == [11, 10, 9]
    assert numbers(ring, target="tgi") == [11, 9, 7, 5, 3, 1]
    assert numbers(ring, scenario="beat") == [9, 6, 3, 0]
    assert numbers(ring, failed=True) == [8, 4, 0]
    assert numbers(ring, failed=False, target="vllm", before=10) == [6, 2]
    assert numbers(ring, target="nobody") == []
    assert ring.get(7) == kept(7, "tgi", "chat")
    assert ring.get(99) is None


def test_a_busy_target_pushes_out_no_quiet_one() -> None:
    ring = Ring(Room(chats=40))
    ring.add(kept(0, "quiet"))
    for number in range(1, 500):
        ring.add(kept(number, "busy"))
    assert numbers(ring, target="quiet") == [0]
    assert numbers(ring, target="busy") == [*range(499, 480, -1)]


def test_successes_push_out_no_failure_nor_failures_a_success() -> None:
    ring = Ring(Room(chats=20))
    for number in range(5):
        ring.add(kept(number, failed=True))
    for number in range(5, 500):
        ring.add(kept(number))
    assert numbers(ring, failed=True) == [4, 3, 2, 1, 0]
    for number in range(500, 1000):
        ring.add(kept(number, failed=True))
    assert numbers(ring, failed=False) == [*range(499, 489, -1)]
    assert len(numbers(ring, failed=True)) == 10


def test_large_chats_take_the_room_of_many() -> None:
    ring = Ring(Room(megabytes=1))
    size = 50_000 - OVERHEAD_BYTES
    for number in range(100):
        ring.add(kept(number, size=size))
    assert numbers(ring) == [*range(99, 89, -1)]


def test_what_is_too_old_is_forgotten() -> None:
    ring = Ring(Room())
    for number in range(10):
        ring.add(kept(number, f"target-{number % 5}"))
    ring.forget_before(7)
    assert numbers(ring) == [9, 8, 7]


def test_what_was_before_stands_behind_as_far_as_there_is_room() -> None:
    ring = Ring(Room(chats=20))
    for number in (100, 101):
        ring.add(kept(number))
    ring.restore([kept(number) for number in range(50, 0, -1)])
    assert numbers(ring) == [101, 100, *range(50, 42, -1)]
    ring.add(kept(102))
    assert numbers(ring)[:3] == [102, 101, 100]


def test_a_chat_takes_the_memory_that_the_ring_reckons_with() -> None:
    tracemalloc.start()
    try:
        held = [keep(chat(tokens=tokens), tokens, 0.0) for tokens in range(1, 300)]
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken <= sum(len(kept.json) + OVERHEAD_BYTES for kept in held)

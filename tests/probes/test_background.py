"""Items that a thread of their own writes."""

from __future__ import annotations

import threading

from probes.background import Background
from tests.waiting import PATIENCE_SECONDS


def test_items_are_written_in_order_and_by_another_thread() -> None:
    written: list[tuple[int, int]] = []
    background: Background[int] = Background(lambda item: written.append((item, threading.get_ident())), at_most=100)
    for number in range(50):
        background.put(number)
    assert background.close(PATIENCE_SECONDS)
    assert [item for item, _ in written] == list(range(50))
    assert {thread for _, thread in written} != {threading.get_ident()}


def test_closing_says_whether_all_is_written() -> None:
    go_on = threading.Event()
    background: Background[int] = Background(lambda _: _wait(go_on), at_most=1)
    background.put(1)
    assert not background.close(0.01)
    go_on.set()


def test_items_that_find_no_place_are_counted() -> None:
    busy, go_on = threading.Event(), threading.Event()

    def write(_: int) -> None:
        busy.set()
        go_on.wait()

    background: Background[int] = Background(write, at_most=1)
    background.put(1)
    assert busy.wait(PATIENCE_SECONDS)
    assert [background.put(number) for number in range(3)] == [True, False, False]
    assert background.lost == 2
    go_on.set()
    assert background.close(PATIENCE_SECONDS)


def _wait(event: threading.Event) -> None:
    event.wait()

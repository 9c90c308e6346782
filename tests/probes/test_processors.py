"""How many processors there are, as the kernel tells it. Limits by control groups are in `tests/bench/results/test_machine.py`."""

from __future__ import annotations

import os

import pytest

from probes import processors as room
from probes.processors import processors, usable_processors


def test_only_those_count_that_this_process_may_run_on() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_processors() == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(("usable", "limit", "expected"), [(8, None, 8.0), (8, 1.5, 1.5), (2, 16.0, 2.0)])
def test_the_narrower_of_both_holds(monkeypatch: pytest.MonkeyPatch, usable: int, limit: float | None, expected: float) -> None:
    monkeypatch.setattr(room, "usable_processors", lambda: usable)
    monkeypatch.setattr(room, "limit_processors", lambda: limit)
    assert processors() == expected

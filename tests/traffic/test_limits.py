from __future__ import annotations

from traffic.events import SkipReason
from traffic.limits import Limits


def test_a_target_has_its_own_cap() -> None:
    limits = Limits(streams=10, streams_per_target=2)
    assert [limits.admit("a"), limits.admit("a"), limits.admit("a"), limits.admit("b")] == [None, None, SkipReason.TARGET_BUSY, None]
    assert limits.in_flight == 3
    limits.release("a")
    assert limits.admit("a") is None


def test_all_targets_together_have_one_too() -> None:
    limits = Limits(streams=2, streams_per_target=2)
    assert [limits.admit("a"), limits.admit("b"), limits.admit("c")] == [None, None, SkipReason.GLOBAL_CAP]
    limits.release("a")
    assert limits.admit("c") is None


def test_a_target_that_hangs_is_busy_even_where_it_fills_the_global_cap() -> None:
    limits = Limits(streams=1, streams_per_target=1)
    limits.admit("a")
    assert [limits.admit("a"), limits.admit("b")] == [SkipReason.TARGET_BUSY, SkipReason.GLOBAL_CAP]

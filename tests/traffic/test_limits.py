from __future__ import annotations

from traffic.events import SkipReason
from traffic.limits import Limits


def opened(limits: Limits, *targets: str) -> list[SkipReason | None]:
    """What became of one more stream to each of them, in turn."""
    verdicts = []
    for target in targets:
        refusal = limits.refusal(target)
        if refusal is None:
            limits.take(target)
        verdicts.append(refusal)
    return verdicts


def test_a_target_has_its_own_cap() -> None:
    limits = Limits(streams=10, streams_per_target=2)
    assert opened(limits, "a", "a", "a", "b") == [None, None, SkipReason.TARGET_BUSY, None]
    assert (limits.in_flight, limits.open_to("a"), limits.open_to("b")) == (3, 2, 1)
    limits.release("a")
    assert opened(limits, "a") == [None]


def test_all_targets_together_have_one_too() -> None:
    limits = Limits(streams=2, streams_per_target=2)
    assert opened(limits, "a", "b", "c") == [None, None, SkipReason.GLOBAL_CAP]
    limits.release("a")
    assert opened(limits, "c") == [None]


def test_a_target_that_hangs_is_busy_even_where_it_fills_the_global_cap() -> None:
    limits = Limits(streams=1, streams_per_target=1)
    assert opened(limits, "a", "a", "b") == [None, SkipReason.TARGET_BUSY, SkipReason.GLOBAL_CAP]


def test_new_caps_hold_for_the_next_stream_and_leave_open_ones_alone() -> None:
    limits = Limits(streams=10, streams_per_target=3)
    opened(limits, "a", "a", "a")
    limits.configure(streams=10, streams_per_target=2)
    assert limits.in_flight == 3
    limits.release("a")
    assert opened(limits, "a") == [SkipReason.TARGET_BUSY]
    limits.release("a")
    assert opened(limits, "a") == [None]
    limits.configure(streams=2, streams_per_target=5)
    assert opened(limits, "b") == [SkipReason.GLOBAL_CAP]
    limits.configure(streams=3, streams_per_target=5)
    assert opened(limits, "b") == [None]


def test_asking_takes_nothing() -> None:
    limits = Limits(streams=1, streams_per_target=1)
    assert [limits.refusal("a"), limits.refusal("a"), limits.in_flight] == [None, None, 0]

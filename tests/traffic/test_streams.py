from __future__ import annotations

from traffic.events import SkipReason
from traffic.streams import StreamCaps


def opened(caps: StreamCaps, *targets: str) -> list[SkipReason | None]:
    """What became of one more stream to each of them, in turn."""
    verdicts = []
    for target in targets:
        refusal = caps.refusal(target)
        if refusal is None:
            caps.open(target)
        verdicts.append(refusal)
    return verdicts


def test_a_target_has_its_own_cap() -> None:
    caps = StreamCaps(streams=10, streams_per_target=2)
    assert opened(caps, "a", "a", "a", "b") == [None, None, SkipReason.TARGET_BUSY, None]
    assert (caps.in_flight, caps.open_to("a"), caps.open_to("b")) == (3, 2, 1)
    caps.close("a")
    assert opened(caps, "a") == [None]


def test_all_targets_together_have_one_too() -> None:
    caps = StreamCaps(streams=2, streams_per_target=2)
    assert opened(caps, "a", "b", "c") == [None, None, SkipReason.GLOBAL_CAP]
    caps.close("a")
    assert opened(caps, "c") == [None]


def test_a_target_that_hangs_is_busy_even_where_it_fills_the_global_cap() -> None:
    caps = StreamCaps(streams=1, streams_per_target=1)
    assert opened(caps, "a", "a", "b") == [None, SkipReason.TARGET_BUSY, SkipReason.GLOBAL_CAP]


def test_new_caps_hold_for_the_next_stream_and_leave_open_ones_alone() -> None:
    caps = StreamCaps(streams=10, streams_per_target=3)
    opened(caps, "a", "a", "a")
    caps.configure(streams=10, streams_per_target=2)
    assert caps.in_flight == 3
    caps.close("a")
    assert opened(caps, "a") == [SkipReason.TARGET_BUSY]
    caps.close("a")
    assert opened(caps, "a") == [None]
    caps.configure(streams=2, streams_per_target=5)
    assert opened(caps, "b") == [SkipReason.GLOBAL_CAP]
    caps.configure(streams=3, streams_per_target=5)
    assert opened(caps, "b") == [None]


def test_asking_takes_nothing() -> None:
    caps = StreamCaps(streams=1, streams_per_target=1)
    assert [caps.refusal("a"), caps.refusal("a"), caps.in_flight] == [None, None, 0]

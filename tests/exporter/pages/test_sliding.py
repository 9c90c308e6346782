from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from exporter.web.pages.sliding import FEWEST_SLICES, Attempts, Sliding


def test_attempts_leave_the_window_when_their_time_is_over() -> None:
    window = Sliding(60)
    window.add(0.0, 3, 1)
    window.add(30.5, 2, 2)
    assert window.counted(59.9) == Attempts(5, 3)
    assert window.counted(60.0) == Attempts(2, 2)
    assert window.counted(89.9) == Attempts(2, 2)
    assert window.counted(90.0) == Attempts(0, 0)


def test_a_long_silence_empties_it() -> None:
    window = Sliding(300)
    window.add(12.0, 10**6, 10**6)
    assert window.counted(10**7) == Attempts()
    window.add(10**7, 1, 0)
    assert window.counted(10**7 + 1) == Attempts(1, 0)


def test_the_share_of_nothing_is_nothing() -> None:
    assert Attempts().bad_share == 0
    assert Attempts(4, 1).bad_share == 0.25


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(0, 5), st.integers(0, 5)), max_size=60))
def test_it_counts_what_a_list_would_count_to_a_slice(steps: list[tuple[float, int, int]]) -> None:
    window, kept, now = Sliding(FEWEST_SLICES), deque[tuple[int, int, int]](), 0.0
    for passes, good, bad in steps:
        now += passes
        window.add(now, good + bad, bad)
        kept.append((int(now), good + bad, bad))
        within = [one for one in kept if one[0] > int(now) - FEWEST_SLICES]
        assert window.counted(now) == Attempts(sum(one[1] for one in within), sum(one[2] for one in within))

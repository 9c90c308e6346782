"""What is known of one series over a window, by the arithmetic of Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan, nan

import pytest

from exporter.alarms.course import Course, Window, quantile

EVERY = 30.0


def course(*values: float | None, oldest: int = 0) -> Course:
    told = Course()
    for number, value in enumerate(values):
        told.take(number, None if value is None else (value,), oldest)
    return told


def window(samples: int, last: int) -> Window:
    """The last samples of as many windows' worth of seconds."""
    numbers = range(max(0, last - samples + 1), last + 1)
    return Window(samples * EVERY, last * EVERY, numbers[0], last, [number * EVERY for number in numbers])


@pytest.mark.parametrize(
    ("values", "grown"),
    [
        ([10, 10, 11, 12, 13], 3 * 120 / 90),  # of four samples, which span 90 s of 120 s
        ([0, 0, 0, 1, 1], 1),  # not from below 0
        ([1, 1, 1, 2, 2], 120 / 90),
        ([100, 100, 101, 2, 3], (1 + 2 + 1) * 120 / 90),  # began anew at 0, and counted two before it was looked at
        ([7, 7, 7, 7, 7], 0),
        ([None, None, None, 100, 110], 10 * 45 / 30),  # began half a sample before the first
        ([None, None, None, None, 5], None),
        ([50, 50, None, None, None], None),
        ([50, 60, None, None, 90], 30 * 120 / 90),
    ],
)
def test_a_counter_grows_in_a_whole_window_as_between_its_samples(values: Sequence[float | None], grown: float | None) -> None:
    told = course(*values)
    assert told.increase(window(4, len(values) - 1)) == (None if grown is None else pytest.approx(grown))


def test_of_a_gauge_that_is_not_always_there_what_there_is_counts() -> None:
    told = course(3, 1, None, 2, 4)
    looked = window(4, 4)
    assert (told.minimum(looked), told.last(looked), told.now) == (1, 4, 4)
    assert told.mean(looked) == pytest.approx(7 / 3)
    assert told.slope(looked) == pytest.approx(130 / 4200)
    gone = course(3, 1, None, None)
    assert (gone.now, gone.last(window(4, 3)), gone.last(window(2, 3))) == (None, 1, None)
    assert course(5).slope(window(4, 0)) is None
    assert course(nan, nan, 3, nan).minimum(window(4, 3)) == 3
    never = course(None, nan)
    assert (never.now, never.last(window(2, 1)), never.increase(window(2, 1)), never.is_over(0)) == (None, None, None, True)


def test_what_is_older_than_the_oldest_sample_is_forgotten_and_a_series_that_ended_before_it_is_over() -> None:
    told = Course()
    for number in range(1000):
        told.take(number, (float(number),), max(0, number - 5))
    assert len(told._numbers) <= 7
    assert told.increase(window(5, 999)) == pytest.approx(5)
    told.take(1000, None, 995)
    assert not told.is_over(995)
    assert told.is_over(1000)


@pytest.mark.parametrize(
    ("counts", "value"),
    [([0, 10, 10, 10], 1.95), ([10, 10, 10, 10], 0.95), ([0, 0, 0, 4], 3.0), ([0, 5, 10, 10], 2.9), ([0, 0, 0, 0], nan)],
)
def test_a_quantile_lies_within_its_bucket(counts: Sequence[float], value: float) -> None:
    found = quantile(0.95, (1.0, 2.0, 3.0, float("inf")), counts)
    assert found == pytest.approx(value) or (isnan(found) and isnan(value))

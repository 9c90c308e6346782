"""Axes of times and of ratios."""

from __future__ import annotations

import math
from itertools import pairwise

from bench.report.scale import from_zero, logarithmic_axis, ratio_axis, scale_of


def test_short_times_are_in_milliseconds_and_long_ones_in_seconds() -> None:
    assert scale_of([0.2, 1.9]).said == "ms"
    assert scale_of([0.2, 2.0]).said == "s"
    assert scale_of([0.2]).of(0.2) == 200


def test_a_wide_axis_is_in_logarithms_and_says_so() -> None:
    assert scale_of([0.05, 1.6]).said == "ms, logarithmic"
    assert scale_of([0.06, 1.7]).said == "ms"
    assert scale_of([0.05, 1.6], logarithmic=False).said == "ms"


def test_failed_chats_and_nothing_at_all_have_a_scale_too() -> None:
    assert scale_of([math.inf, 0.0, 0.3]).said == "ms"
    assert scale_of([]).said == "ms"


def test_ticks_are_easily_read_and_lie_within_the_axis() -> None:
    assert logarithmic_axis(40, 600)["ticktext"] == ["50", "100", "200", "500"]
    assert logarithmic_axis(0.5, 2000)["ticktext"] == ["1", "10", "100", "1,000"]


def test_ratios_have_the_same_and_as_many_ticks_as_have_room() -> None:
    assert ratio_axis(0.4, 2.6)["ticktext"] == ["0.5×", "0.75×", "1×", "1.5×", "2×"]
    wide = ratio_axis(0.8, 200)
    assert {"1×", "10×", "100×"} <= {*wide["ticktext"]}
    places = [math.log10(tick) for tick in wide["tickvals"]]
    low, high = wide["range"]
    assert all(after - before >= 0.119 * (high - low) for before, after in pairwise(places))


def test_an_axis_from_zero_has_room_for_its_values_and_not_for_every_interval() -> None:
    assert from_zero([10.0, None, math.inf, 20.0]) == {"range": [0, 27.0]}
    assert from_zero([]) == from_zero([0.0]) == {"rangemode": "tozero"}

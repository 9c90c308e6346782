from __future__ import annotations

import math
import sys

from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import Histogram

from exporter.metrics.exponential import NativeHistogram
from exporter.metrics.histogram import BatchHistogram

BOUNDS = (0.005, 0.01, 0.1, 2.5, math.inf)
VALUES = st.one_of(st.sampled_from(BOUNDS), st.floats())


def buckets(histogram: Histogram) -> list[float]:
    return [bucket.get() for bucket in histogram._buckets]


@given(st.lists(st.tuples(VALUES, st.integers(1, 5))))
@example([(math.nan, 2), (0.01, 1)])
@example([(-math.inf, 1), (-0.0, 3)])
def test_many_values_at_once_are_in_the_buckets_in_which_prometheus_client_has_them(observed: list[tuple[float, int]]) -> None:
    theirs = Histogram("seconds", "", registry=None, buckets=BOUNDS)
    at_once, one_by_one = (BatchHistogram("seconds", "", registry=None, buckets=BOUNDS) for _ in range(2))
    native = NativeHistogram("seconds", "", registry=None, buckets=BOUNDS)
    at_once.observe_all(observed)
    native.observe_all(iter(observed))
    for value, times in observed:
        for _ in range(times):
            theirs.observe(value)
            one_by_one.observe(value)
    assert buckets(at_once) == buckets(one_by_one) == buckets(native) == buckets(theirs)
    size = sum(abs(value) * times for value, times in observed)
    if size < sys.float_info.max:
        assert all(abs(found._sum.get() - theirs._sum.get()) <= size * 1e-12 for found in (at_once, one_by_one, native))
    counted = native.exponential
    assert counted.zeros + sum(counted.positive.values()) + sum(counted.negative.values()) == sum(buckets(theirs))


def test_an_exemplar_is_kept_and_counted_once() -> None:
    histogram = NativeHistogram("seconds", "", registry=None, buckets=BOUNDS)
    histogram.observe(0.05, {"request_id": "a"})
    assert buckets(histogram) == [0, 0, 1, 0, 0]
    exemplar = histogram._buckets[2].get_exemplar()
    assert exemplar is not None
    assert exemplar.labels == {"request_id": "a"}
    assert sum(histogram.exponential.positive.values()) == 1

"""The buckets of native histograms are Prometheus' own, and merging them loses no count."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal, localcontext
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from exporter.metrics.exponential import LOWEST_SCHEMA, MOST_BUCKETS, SCHEMA, ZERO_THRESHOLD, Exponential, NativeHistogram, Run, bucket_of, runs

SCHEMAS = range(SCHEMA, LOWEST_SCHEMA - 1, -1)
LATENCY = st.floats(min_value=1e-5, max_value=300)
ANY = st.floats(allow_nan=False)


@cache
def bound(bucket: int, schema: int) -> float:
    """Where a bucket ends by Prometheus' definition, 2^(bucket * 2^-schema), as the nearest number that a computer has."""
    with localcontext(prec=60):
        end = float(Decimal(2) ** (Decimal(bucket) / Decimal(2) ** schema))
    return end


def by_definition(value: float, schema: int) -> int:
    """The first bucket that does not end below the value, looked for from below."""
    bucket = math.floor(math.log2(value) * 2.0**schema) - 1
    while bound(bucket, schema) < value:
        bucket += 1
    return bucket


def counted(values: Iterable[float], schema: int) -> dict[int, int]:
    return dict(Counter(by_definition(value, schema) for value in values))


@given(LATENCY | st.floats(min_value=ZERO_THRESHOLD, max_value=1e300, exclude_min=True), st.sampled_from(SCHEMAS))
@settings(deadline=None)
@example(1.0, 4)
@example(bound(1, 4), 4)
@example(bound(1, 4), 3)
@example(math.nextafter(bound(-7, 4), 1), 4)
@example(2.0**-3, -1)
def test_a_value_is_in_the_bucket_that_prometheus_has_for_it(value: float, schema: int) -> None:
    assert bucket_of(value, schema) == by_definition(value, schema)


@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_bound_is_in_the_bucket_that_it_ends(schema: int) -> None:
    for bucket in range(-200, 200):
        if ZERO_THRESHOLD < bound(bucket, schema) < 1e300:
            assert bucket_of(bound(bucket, schema), schema) == bucket
            assert bucket_of(math.nextafter(bound(bucket, schema), math.inf), schema) == bucket + 1


@pytest.mark.parametrize("schema", SCHEMAS)
def test_infinity_has_a_bucket_of_its_own(schema: int) -> None:
    assert bucket_of(math.inf, schema) == bucket_of(sys.float_info.max, schema) + 1


@given(st.lists(LATENCY, min_size=100, max_size=400) | st.lists(ANY, max_size=300))
@settings(max_examples=60, deadline=None)
@example([2.0 ** (step / 32) for step in range(MOST_BUCKETS * 8)])
@example([sign * 10.0**power for power in range(-30, 300) for sign in (1, -1)])
def test_buckets_are_merged_until_there_are_few_enough_and_no_count_is_lost(values: list[float]) -> None:
    one = Exponential()
    for value in values:
        one.observe(value)
    sizes = [abs(value) for value in values]
    positive = [value for value in values if value > ZERO_THRESHOLD and value < math.inf]
    negative = [-value for value in values if value < -ZERO_THRESHOLD and value > -math.inf]
    infinite = [bucket for counts in (one.positive, one.negative) for bucket in counts if bucket == bucket_of(math.inf, one.schema)]
    assert one.zeros == sum(size <= ZERO_THRESHOLD for size in sizes)
    assert one.zeros + sum(one.positive.values()) + sum(one.negative.values()) == len(values)
    assert len(one.positive) + len(one.negative) <= MOST_BUCKETS
    fits = next(schema for schema in SCHEMAS if len(counted(positive, schema)) + len(counted(negative, schema)) + len(infinite) <= MOST_BUCKETS)
    assert one.schema == fits
    for counts, found in ((counted(positive, fits), one.positive), (counted(negative, fits), one.negative)):
        assert {bucket: count for bucket, count in found.items() if bucket != bucket_of(math.inf, fits)} == counts


def test_what_is_no_number_is_counted_nowhere_as_in_classic_buckets() -> None:
    histogram = NativeHistogram("h", "", registry=CollectorRegistry(), buckets=(1.0,))
    histogram.observe(math.nan)
    assert histogram.exponential.positive == histogram.exponential.negative == {}
    assert sum(bucket.get() for bucket in histogram._buckets) == histogram.exponential.zeros == 0


def test_each_series_of_a_family_has_its_own() -> None:
    family = NativeHistogram("h", "", ["of"], registry=CollectorRegistry(), buckets=(1.0,))
    family.labels("a").observe(1.0, {"request_id": "x"})
    family.labels("b").observe(2.0)
    of_a, of_b = family.labels("a"), family.labels("b")
    assert (of_a.exponential.positive, of_b.exponential.positive) == ({0: 1}, {16: 1})
    assert [bucket.get() for bucket in of_a._buckets] == [1, 0]
    assert of_a._buckets[0].get_exemplar() is not None


@given(st.dictionaries(st.integers(-40, 40), st.integers(1, 9)))
def test_runs_hold_every_count_in_order_and_leave_a_gap_between_them(counts: dict[int, int]) -> None:
    found = list(runs(counts))
    assert {run.first + place: count for run in found for place, count in enumerate(run.counts)} == counts
    assert all(before.first + len(before.counts) < after.first for before, after in pairwise(found))


def test_runs() -> None:
    assert list(runs({3: 1, -1: 2, 0: 5})) == [Run(-1, (2, 5)), Run(3, (1,))]

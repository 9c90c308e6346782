from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from catalogue import buckets, own, unified
from catalogue.metric import Metric
from catalogue.own import CATALOGUE
from catalogue.reference import reference

REFERENCE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_reference_is_that_of_the_catalogue() -> None:
    assert REFERENCE.read_text() == reference(), "stale: python -m catalogue.reference > docs/metrics.md"


def test_every_name_stands_once() -> None:
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_names_follow_the_conventions(metric: Metric) -> None:
    assert metric.name.startswith("chatprobe_")
    assert metric.name.endswith("_total") == (metric.type == "counter")
    assert metric.help.endswith(".")
    if metric in unified.NATIVE:
        assert metric.buckets is None or metric.type == "histogram"  # an engine's own stay as they are
    else:
        assert (metric.buckets is not None) == (metric.type == "histogram")
    assert len(set(metric.labels)) == len(metric.labels)


@pytest.mark.parametrize("chosen", [value for value in vars(buckets).values() if isinstance(value, buckets.Buckets)])
def test_buckets_ascend_and_have_a_reason(chosen: buckets.Buckets) -> None:
    assert all(lower < upper for lower, upper in pairwise(chosen.bounds))
    assert chosen.bounds[0] > 0
    assert chosen.reason.endswith(".")


def test_neighbours_of_the_first_token_are_at_most_a_factor_of_two_apart() -> None:
    assert all(upper / lower <= 2 for lower, upper in pairwise(own.TTFT.bounds))

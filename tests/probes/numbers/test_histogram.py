from __future__ import annotations

import math

import pytest

from probes.numbers import histogram
from probes.numbers.family import Sample
from probes.numbers.histogram import BOUNDS_LIMIT, Histogram, added
from probes.numbers.page import Page
from tests.exporter.native.expositions import NUMBERS_TO_PYTHON_ALONE
from tests.exporter.native.recorded import families

WHOLE = """\
# TYPE vllm:x histogram
vllm:x_bucket{le="0.5"} 1
vllm:x_bucket{le="1.0"} 3
vllm:x_bucket{le="+Inf"} 4
vllm:x_count 4
vllm:x_sum 3.5
"""


def read(exposition: str) -> Histogram | None:
    return Page(families(exposition)).histogram("vllm:x")


def test_a_whole_one_keeps_its_buckets() -> None:
    assert read(WHOLE) == Histogram((0.5, 1, math.inf), (1, 3, 4), 3.5)


def test_buckets_may_stand_in_any_order() -> None:
    lines = WHOLE.splitlines(keepends=True)
    assert read("".join([lines[0], *reversed(lines[1:])])) == read(WHOLE)


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ('vllm:x_bucket{le="+Inf"} 4\n', ""),
        ("vllm:x_sum 3.5\n", ""),
        ("vllm:x_count 4\n", ""),
        ("vllm:x_count 4", "vllm:x_count 5"),
        ('le="1.0"} 3', 'le="1.0"} 0'),
        ('le="1.0"} 3', 'le="1.0"} 5'),
        ('le="1.0"} 3', 'le="1.0"} NaN'),
        ('le="0.5"} 1', 'le="0.5"} -1'),
        ('le="+Inf"} 4\nvllm:x_count 4', 'le="+Inf"} +Inf\nvllm:x_count +Inf'),
        ("sum 3.5", "sum NaN"),
        ("sum 3.5", "sum -3.5"),
        ("sum 3.5", "sum +Inf"),
        ('le="0.5"', 'le="half"'),
        ('le="0.5"', 'le="NaN"'),
        ('le="0.5"', 'le=""'),
        ('{le="0.5"}', ""),
        ('le="0.5"', 'le="1"'),
    ],
)
def test_one_that_is_broken_is_none_at_all(whole: str, broken: str) -> None:
    assert whole in WHOLE
    assert read(WHOLE.replace(whole, broken)) is None


@pytest.mark.parametrize("bound", NUMBERS_TO_PYTHON_ALONE)
def test_a_bound_is_a_number_to_prometheus_too(bound: str) -> None:
    def read_with(first: str) -> Histogram | None:
        buckets = [Sample("vllm:x_bucket", (("le", le),), 1.0) for le in (first, "+Inf")]
        return histogram.read(buckets, [Sample("vllm:x_sum", (), 1.0)], [Sample("vllm:x_count", (), 1.0)])

    assert read_with("+1.5e1") == Histogram((15.0, math.inf), (1, 1), 1)
    assert read_with(bound) is None


def test_a_histogram_may_have_so_many_bounds_and_no_more() -> None:
    def of_bounds(count: int) -> str:
        bounds = [*map(str, range(1, count)), "+Inf"]
        return "".join(f'vllm:x_bucket{{le="{bound}"}} 1\n' for bound in bounds) + "vllm:x_count 1\nvllm:x_sum 1\n"

    largest = read(of_bounds(BOUNDS_LIMIT))
    assert largest is not None
    assert len(largest.bounds) == BOUNDS_LIMIT == 200
    assert read(of_bounds(BOUNDS_LIMIT + 1)) is None


def test_one_broken_label_set_takes_the_others_along() -> None:
    ranks = [WHOLE.replace("{", f'{{engine="{rank}",').replace("x_count", f'x_count{{engine="{rank}"}}') for rank in (0, 1)]
    ranks = [text.replace("x_sum", f'x_sum{{engine="{rank}"}}') for rank, text in enumerate(ranks)]
    assert read("".join(ranks)) == Histogram((0.5, 1, math.inf), (2, 6, 8), 7)
    assert read(ranks[0] + ranks[1].replace('le="+Inf"', 'le="9"')) is None


def test_only_what_bears_the_label_is_read() -> None:
    two = WHOLE.replace("{", '{method="decode",').replace("x_count", 'x_count{method="decode"}').replace("x_sum", 'x_sum{method="decode"}')
    page = Page(families(two + two.replace("decode", "prefill").replace(" 3.5", " 2.5")))
    prefill = page.histogram("vllm:x", label=("method", "prefill"))
    assert prefill is not None
    assert prefill.total == 2.5
    assert page.histogram("vllm:x", label=("method", "filter")) is None


def test_sums_beyond_all_numbers_are_none() -> None:
    half = Histogram((math.inf,), (1,), 1e308)
    assert added([half]) == half
    assert added([half, half]) is None
    assert added([]) is None

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.history.sketch import LARGEST, RELATIVE_ERROR, SMALLEST, Sketch

VALUES = st.lists(st.tuples(st.floats(SMALLEST, LARGEST), st.integers(1, 5)), min_size=1, max_size=200)


def filled(values: list[tuple[float, int]]) -> Sketch:
    sketch = Sketch()
    for value, times in values:
        sketch.add(value, times)
    return sketch


def exact(values: list[tuple[float, int]], share: float) -> float:
    every = sorted(value for value, times in values for _ in range(times))
    return every[max(math.ceil(share * len(every)) - 1, 0)]


@given(VALUES, st.sampled_from([0.01, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_right_within_its_error(values: list[tuple[float, int]], share: float) -> None:
    found = filled(values).quantile(share)
    assert found == pytest.approx(exact(values, share), rel=RELATIVE_ERROR * 1.001)


@given(VALUES, VALUES)
def test_two_together_are_one_that_saw_all(one: list[tuple[float, int]], other: list[tuple[float, int]]) -> None:
    both = Sketch()
    both.absorb(filled(one).packed())
    both.absorb(filled(other).packed())
    alone = filled([*one, *other])
    assert both.count == alone.count
    assert [both.quantile(share) for share in (0.1, 0.5, 0.99)] == [alone.quantile(share) for share in (0.1, 0.5, 0.99)]


def test_without_values() -> None:
    assert Sketch().quantile(0.5) is None
    assert Sketch().packed() == b""


def test_values_beyond_all_times_are_at_its_ends() -> None:
    sketch = filled([(0.0, 1), (-1.0, 1), (1e300, 2)])
    assert sketch.quantile(0.5) == pytest.approx(SMALLEST, rel=RELATIVE_ERROR)
    assert sketch.quantile(1.0) == pytest.approx(LARGEST, rel=RELATIVE_ERROR)


def test_it_stays_small_however_much_it_sees() -> None:
    chance = random.Random(1)
    sketch = filled([(chance.lognormvariate(-3, 1), 1) for _ in range(100_000)])
    assert len(sketch.packed()) < 6_000


def test_what_is_no_sketch() -> None:
    with pytest.raises(ValueError, match="is no sketch"):
        Sketch().absorb(b"1234567")

"""Numbers come out of a column as they went in, and take as little room as they can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.column import added, column


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_they_are_the_numbers_that_came(numbers: list[int]) -> None:
    assert list(column(numbers)) == numbers


@pytest.mark.parametrize(("largest", "bytes_each"), [(127, 1), (128, 2), (2**15, 4), (-(2**31), 4), (2**31, 8)])
def test_a_column_is_as_wide_as_its_largest_number_needs(largest: int, bytes_each: int) -> None:
    held = column([1, 2])
    held = added(added(held, largest), 3)
    assert (held.itemsize, list(held)) == (bytes_each, [1, 2, largest, 3])


def test_what_is_too_large_is_as_large_as_it_can_be() -> None:
    assert list(column([10**30])) == [2**63 - 1]

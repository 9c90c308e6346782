"""Columns of whole numbers, each with as few bytes a number as its largest one needs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

_WIDTHS = "bhiq"
LARGEST = 2**63 - 1
"""No number in a column is larger; one that is counts as this."""


def column(numbers: Iterable[int] = ()) -> array[int]:
    """A column of these numbers, none of which is below -2⁶³."""
    made = array(_WIDTHS[0])
    for number in numbers:
        made = added(made, number)
    return made


def added(numbers: array[int], number: int) -> array[int]:
    """The column with one number more: the same one, or a wider one in its place."""
    try:
        numbers.append(number)
    except OverflowError:
        wider = _WIDTHS[_WIDTHS.index(numbers.typecode) + 1 :]
        return added(array(wider[0], numbers), number) if wider else added(numbers, LARGEST)
    return numbers


def extended(numbers: array[int], more: Sequence[int]) -> array[int]:
    """The column with more numbers: the same one, or a wider one in its place."""
    try:
        numbers.extend(array(numbers.typecode, more))
    except OverflowError:
        for number in more:
            numbers = added(numbers, number)
    return numbers

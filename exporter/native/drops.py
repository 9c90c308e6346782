"""Series of engines' own metrics that are not served on, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from catalogue import own


class DropReason(StrEnum):
    """Why a series that was scraped is not served."""

    UNREADABLE = "unreadable"
    """Its line cannot be read: its name, its labels or its value are none."""
    LINE_TOO_LONG = "line_too_long"
    """Its line has more characters than are read."""
    TOO_LARGE = "too_large"
    """The page has more lines than are read. Families of which unified numbers are made are read all the same."""
    MALFORMED = "malformed"
    """OpenMetrics does not allow for it: a negative or missing count, a histogram without its last bucket, a series
    that stands there twice.
    """
    UNUSED_BUCKET = own.UNUSED_BUCKET
    """A bucket of a histogram of which nothing but the sum and the count is used."""
    BUDGET = "budget"
    """The replica has more series than are relayed of one."""
    BUDGET_IN_ALL = "budget_in_all"
    """The replica has more series than its share of what is relayed in all."""
    TYPE_CONFLICT = "type_conflict"
    """Another target has a family of this name and another type."""
    NAME_CONFLICT = "name_conflict"
    """Another family stands in the way of this one's name: in OpenMetrics a counter `x_total` takes `x`."""


UNREAD = frozenset({DropReason.UNREADABLE, DropReason.LINE_TOO_LONG})
"""The reasons for which it is not known what a series is at."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """So many series under one name that are not served, for one reason.

    `name` is that of the samples, as far as it can be told, or of their family.
    """

    name: str
    reason: DropReason
    series: int


def unread(left_out: Iterable[LeftOut]) -> frozenset[str]:
    """The names of samples of which some could not be read."""
    return frozenset(one.name for one in left_out if one.reason in UNREAD)

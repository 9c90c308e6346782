"""What holds for some series or columns of a panel only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.units import Unit
from dashboards.dash.values import Mapping, Thresholds


class MatchBy(StrEnum):
    """By what series are chosen."""

    NAME = "byName"
    REGEX = "byRegexp"
    QUERY = "byFrameRefID"


@dataclass(frozen=True, slots=True)
class Which:
    """The series or columns that an override is for."""

    by: MatchBy
    value: str


def named(name: str) -> Which:
    """The series with this name, as its legend has it."""
    return Which(MatchBy.NAME, name)


def matching(regex: str) -> Which:
    """The series with a name that this regular expression finds something in."""
    return Which(MatchBy.REGEX, f"/{regex}/")


def of_query(ref: str) -> Which:
    """The series of the query with this `ref`."""
    return Which(MatchBy.QUERY, ref)


class Cell(StrEnum):
    """How a table's cell shows its value."""

    PLAIN = "auto"
    COLOURED_TEXT = "color-text"
    COLOURED = "color-background"
    BAR = "gauge"


@dataclass(frozen=True, slots=True)
class Override:
    """What is different for these series; None and empty: as the panel has it.

    `colour` is for one series, `shades` for several: each gets a shade of its own. `dashed` draws a line of dashes, for limits and promises.
    `line_width` and `column_width` are in pixels.
    """

    which: Which
    colour: Colour | None = None
    shades: Colour | None = None
    unit: Unit | None = None
    decimals: int | None = None
    thresholds: Thresholds | None = None
    mappings: tuple[Mapping, ...] = ()
    links: tuple[Link, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    name: str | None = None
    dashed: bool = False
    fill_percent: int | None = None
    line_width: int | None = None
    right_axis: bool = False
    cell: Cell | None = None
    column_width: int | None = None

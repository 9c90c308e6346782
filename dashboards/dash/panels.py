"""The kinds of panels, as content: what each shows, in which unit, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.overrides import Cell, Override
from dashboards.dash.queries import Query
from dashboards.dash.units import Unit
from dashboards.dash.values import Mapping, Thresholds


class Reduce(StrEnum):
    """How one number is made of a series."""

    LAST = "lastNotNull"
    MEAN = "mean"
    HIGHEST = "max"
    LOWEST = "min"
    SUM = "sum"


class Draw(StrEnum):
    """As what values are drawn into a time series."""

    LINE = "line"
    BARS = "bars"
    POINTS = "points"


class Stack(StrEnum):
    """Whether series stand on one another, with their values or with their shares of the whole."""

    NO = "none"
    VALUES = "normal"
    SHARES = "percent"


class ThresholdStyle(StrEnum):
    """How thresholds are drawn into a time series."""

    HIDDEN = "off"
    LINES = "line"
    DASHES = "dashed"
    AREAS = "area"


class Legend(StrEnum):
    """How the names of series are listed."""

    LIST = "list"
    TABLE = "table"
    HIDDEN = "hidden"


class Show(StrEnum):
    """What of a stat is coloured."""

    VALUE = "value"
    BACKGROUND = "background"
    NEITHER = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """What all have. `width` and `height` are cells of a grid with 24 columns; `links` stand in the panel's corner."""

    title: str
    description: str
    width: int = 8
    height: int = 8
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Text(Panel):
    """Markdown."""

    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPanel(Panel):
    """What all panels with data have. `may_be_empty` says why there may be none in a healthy installation; `value_links` are those of a value."""

    queries: tuple[Query, ...]
    unit: Unit
    may_be_empty: str = ""
    no_value: str = "no data"
    decimals: int | None = None
    lowest: float | None = None
    highest: float | None = None
    colour: Colour | None = None
    """The same for all series. None: a colour for each in a time series; elsewhere by thresholds and mappings where there are some,
    in a table always."""
    thresholds: Thresholds | None = None
    mappings: tuple[Mapping, ...] = ()
    overrides: tuple[Override, ...] = ()
    value_links: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        refs = self.refs
        if len(set(refs)) < len(refs):
            raise ValueError(f"{self.title}: two queries have the same ref, of {', '.join(refs)}; each needs one of its own")

    @property
    def refs(self) -> tuple[str, ...]:
        """What each query is called within the panel."""
        return tuple(query.ref or chr(ord("A") + place) for place, query in enumerate(self.queries))


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSeries(QueryPanel):
    """Lines or bars over time. `legend_values` are numbers beside the names, shown best with `Legend.TABLE`."""

    draw: Draw = Draw.LINE
    stack: Stack = Stack.NO
    threshold_style: ThresholdStyle = ThresholdStyle.HIDDEN
    legend: Legend = Legend.LIST
    legend_values: tuple[Reduce, ...] = ()
    fill_percent: int = 0
    line_width: int = 1
    logarithmic: bool = False
    soft_lowest: float | None = None
    soft_highest: float | None = None
    """The axis reaches at least this far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat(QueryPanel):
    """One number for each series, large; with `sparkline`, its way there behind it."""

    reduce: Reduce = Reduce.LAST
    show: Show = Show.VALUE
    sparkline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BarGauge(QueryPanel):
    """One bar for each series, of the same scale."""

    reduce: Reduce = Reduce.LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class StateTimeline(QueryPanel):
    """One band for each series, coloured by what its value means (`mappings`)."""

    row_height: float = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap(QueryPanel):
    """How often which values were, over time, from a histogram's buckets (`le`); the unit is that of the values."""

    scheme: str = "Blues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table: `source` is a label, or the `ref` of a query."""

    source: str
    title: str
    unit: Unit | None = None
    decimals: int | None = None
    width: int | None = None
    cell: Cell | None = None
    thresholds: Thresholds | None = None
    mappings: tuple[Mapping, ...] = ()
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(QueryPanel):
    """A row for each set of labels, joined over the queries, which are instant. Labels that are no column are left out.

    `sort` is the title of the column by which rows are sorted, upwards.
    """

    columns: tuple[Column, ...]
    sort: str = ""

"""A chart: its picture, what one sees in it in words, and its data as a table."""

from __future__ import annotations

from dataclasses import dataclass

from plotly.graph_objects import Figure


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their heads. Numbers have their units, in the cell or in the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart. `name` is its id and the name of its file; `title` is a noun phrase that says what it shows.

    `takeaway` is what one sees in it, in one or two sentences with numbers: the text for people who cannot see it.
    `figure` has the colours of the light theme, and no title of its own; `bench.report.drawing` makes files of it.
    """

    name: str
    title: str
    takeaway: str
    figure: Figure
    table: Table
    reading: str = ""
    """How its marks are read, in a sentence or two; empty where its axes say all."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A chart for which this run has no data; `why` is a sentence without its full stop."""

    name: str
    title: str
    why: str

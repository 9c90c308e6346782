"""A whole dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from catalogue.uids import Dashboard
from dashboards.dash.annotations import Annotation
from dashboards.dash.panels import Panel
from dashboards.dash.variables import Variable


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading. A collapsed row asks nothing of Prometheus until it is opened."""

    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard as content. `since` is where its time range begins at first, `refresh` how often it asks anew."""

    uid: Dashboard
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    annotations: tuple[Annotation, ...] = ()
    tags: tuple[str, ...] = ()
    since: str = "now-1h"
    refresh: str = "30s"

    @property
    def panels(self) -> Iterator[Panel]:
        """All of them, in reading order."""
        return (panel for row in self.rows for panel in row.panels)

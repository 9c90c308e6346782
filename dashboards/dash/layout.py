"""Where panels stand: they flow from left to right on 24 columns, in lines as high as their highest panel."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.dash.panels import Panel

COLUMNS = 24


@dataclass(frozen=True, slots=True)
class Place:
    """A rectangle in cells of Grafana's grid."""

    x: int
    y: int
    width: int
    height: int

    @property
    def bottom(self) -> int:
        return self.y + self.height


def flow(panels: Iterable[Panel], top: int) -> list[Place]:
    """The place of each panel, from the row `top` of the grid downwards.

    Raises ValueError for a panel that is wider than the grid, or has no size.
    """
    places: list[Place] = []
    x, y = 0, top
    for panel in panels:
        if not (0 < panel.width <= COLUMNS and panel.height > 0):
            raise ValueError(f"{panel.title}: {panel.width} x {panel.height} cells; a panel has 1 to {COLUMNS} columns, and at least one line")
        if x + panel.width > COLUMNS:
            x, y = 0, bottom(places, y)
        places.append(Place(x, y, panel.width, panel.height))
        x += panel.width
    return places


def bottom(places: Iterable[Place], top: int) -> int:
    """The first free line below these."""
    return max((place.bottom for place in places), default=top)

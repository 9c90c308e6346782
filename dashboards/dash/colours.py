"""The colours of panels: names of Grafana's palette, which it fits to the dark and the light theme."""

from __future__ import annotations

from enum import StrEnum


class Colour(StrEnum):
    """A colour by Grafana's name."""

    BLUE = "blue"
    GREEN = "green"
    ORANGE = "orange"
    RED = "red"
    YELLOW = "yellow"
    PURPLE = "purple"
    GREY = "#8e8e8e"
    TEXT = "text"
    TRANSPARENT = "transparent"


QUANTILES = {"p50": Colour.GREEN, "p90": Colour.YELLOW, "p95": Colour.ORANGE, "p99": Colour.RED, "mean": Colour.GREY}
"""By the name that a quantile's series has in legends."""

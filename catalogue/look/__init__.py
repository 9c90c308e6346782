"""The look that report, charts and pages share: one palette for engines and states, one type, one spacing.

Hues are Okabe and Ito's (*Color Universal Design*, 2008), which people with any colour vision tell apart, darkened or
lightened until text in them has a contrast of 4.5 to 1 on its background (WCAG 2.2, 1.4.3). No colour stands alone: each
engine has a shape beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from catalogue.engines import ENGINES
from probes.backends.backend import Backend, Colour

Shape = Literal["circle", "square", "triangle-up", "diamond", "cross", "star"]
"""Marker symbols, by Plotly's names."""


@dataclass(frozen=True, slots=True)
class Shade:
    """One colour, as `#rrggbb`, on a light and on a dark background."""

    light: str
    dark: str


SHADES: dict[Colour, Shade] = {
    "blue": Shade("#0067a8", "#5cb6f0"),
    "green": Shade("#007a58", "#2fc79a"),
    "orange": Shade("#b04b00", "#ff9248"),
    "purple": Shade("#9c3f7b", "#e79fcb"),
    "red": Shade("#b3261e", "#ff8a80"),
    "yellow": Shade("#806600", "#ecd94b"),
}
SHAPES: dict[Colour, Shape] = {
    "blue": "circle",
    "green": "square",
    "orange": "triangle-up",
    "purple": "diamond",
    "red": "star",
    "yellow": "cross",
}
UNKNOWN = Shade("#5b6470", "#a8b0bb")
"""Of an engine without a colour of its own."""


def colour_of(backend: str) -> Colour | None:
    """The registry's colour of an engine; None where it has none, or is unknown."""
    return next((engine.colour for engine in ENGINES if engine.name == backend), None)


def shade_of(backend: str) -> Shade:
    """The colour of an engine."""
    colour = colour_of(backend)
    return UNKNOWN if colour is None else SHADES[colour]


def shape_of(backend: str) -> Shape:
    """The marker of an engine; a circle where it has none of its own."""
    colour = colour_of(backend)
    return "circle" if colour is None else SHAPES[colour]


def stylesheet() -> str:
    """Custom properties for every page: colours of engines and states by theme, type, spacing. Without a URL in it."""
    engines = [engine for engine in ENGINES if engine.colour is not None]
    text = files(__package__).joinpath("look.css").read_text("utf-8")
    return text.replace("/* engines, light */", _properties(engines, "light")).replace("/* engines, dark */", _properties(engines, "dark"))


def _properties(engines: list[Backend], theme: Literal["light", "dark"]) -> str:
    return " ".join(f"--engine-{engine.name}: {getattr(SHADES[engine.colour], theme)};" for engine in engines if engine.colour is not None)

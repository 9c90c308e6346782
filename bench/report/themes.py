"""The colours of figures by theme. A figure has those of the light one; a page looks up its own, a picture gets them here."""

from __future__ import annotations

import re
from typing import Any, Literal

from plotly.graph_objects import Figure

from catalogue.engines import ENGINES
from catalogue.look import SHADES, UNKNOWN, shade_of
from catalogue.look.inks import inks

Theme = Literal["light", "dark"]
_COLOUR = re.compile(r"(#[0-9a-f]{6})([0-9a-f]{2})?")


def properties() -> dict[str, str]:
    """The custom property of the stylesheet that each colour of a figure stands for: `#16191d` for `--ink`."""
    engines = {shade_of(engine.name).light: f"--engine-{engine.name}" for engine in ENGINES if engine.colour is not None}
    return {UNKNOWN.light: "--engine-other", **engines, **{shade.light: f"--{name}" for name, shade in inks().items()}}


def in_theme(figure: Figure, theme: Theme) -> Figure:
    """The figure in the colours of this theme."""
    if theme == "light":
        return figure
    dark = {shade.light: shade.dark for shade in (*inks().values(), UNKNOWN, *SHADES.values())}
    return Figure(_translated(figure.to_dict(), dark))


def _translated(value: Any, colours: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _translated(each, colours) for key, each in value.items()}
        case list() | tuple():
            return [_translated(each, colours) for each in value]
        case str() if (found := _COLOUR.fullmatch(value)) and found[1] in colours:
            return f"{colours[found[1]]}{found[2] or ''}"
    return value

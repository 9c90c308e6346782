"""The engines on dashboards: one colour each, everywhere."""

from __future__ import annotations

from dataclasses import dataclass

from catalogue.metric import BACKEND, TARGET
from catalogue.uids import Dashboard
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.overrides import Override, matching
from dashboards.dash.values import ValueText


@dataclass(frozen=True, slots=True)
class Engine:
    """`backend` is its value of this label, `name` how people write it."""

    backend: str
    name: str
    colour: Colour
    dashboard: Dashboard


ENGINES = (
    Engine("vllm", "vLLM", Colour.BLUE, Dashboard.VLLM),
    Engine("tgi", "TGI", Colour.GREEN, Dashboard.TGI),
    Engine("ollama", "Ollama", Colour.ORANGE, Dashboard.OLLAMA),
)

LEGEND = f"{{{{{TARGET}}}}} ({{{{{BACKEND}}}}})"
"""For series with these two labels: `chat-a (vllm)`."""
COLOURS = tuple(Override(matching(rf"\({engine.backend}\)"), shades=engine.colour) for engine in ENGINES)
"""Colours the series whose legend is `LEGEND`, or has more after it; several targets of one engine have shades of its colour."""
TEXTS = tuple(ValueText(engine.backend, engine.backend, engine.colour) for engine in ENGINES)
"""Colours the cells of a column of engines. The text stays the label's value, as links take it from the cell."""
LINKS = tuple(Link(f"{engine.name}'s own metrics", engine.dashboard) for engine in ENGINES)

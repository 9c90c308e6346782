"""The engines on dashboards: one colour each, everywhere."""

from __future__ import annotations

from catalogue.engines import ENGINES
from catalogue.metric import BACKEND, TARGET
from catalogue.uids import Dashboard
from dashboards.dash.colours import Colour
from dashboards.dash.links import Link
from dashboards.dash.overrides import Override, matching
from dashboards.dash.values import ValueText
from dashboards.promql import differs

LEGEND = f"{{{{{TARGET}}}}} ({{{{{BACKEND}}}}})"
"""For series with these two labels: `chat-a (vllm)`."""
COLOURS = tuple(Override(matching(rf"\({engine.name}\)"), shades=Colour(engine.colour)) for engine in ENGINES if engine.colour)
"""Colours the series whose legend is `LEGEND`, or has more after it; several targets of one engine have shades of its colour."""
TEXTS = tuple(ValueText(engine.name, engine.name, Colour(engine.colour)) for engine in ENGINES if engine.colour)
"""Colours the cells of a column of engines. The text stays the label's value, as links take it from the cell."""
LINKS = tuple(Link(f"{engine.title}'s own metrics", uid) for engine in ENGINES for uid in Dashboard if uid == f"chatprobe-{engine.name}")
"""To the dashboard of each engine that has one."""
OF_ALL_CLIENTS = differs(BACKEND, *(engine.name for engine in ENGINES if engine.of_chats))
"""A matcher: leaves out engines whose numbers are counted from chatprobe's own chats, so that its share of them would always be all."""

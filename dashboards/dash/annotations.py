"""Marks on the time axis of every panel."""

from __future__ import annotations

from dataclasses import dataclass

from dashboards.dash.colours import Colour


@dataclass(frozen=True, slots=True)
class Annotation:
    """Marks where a query has values; `title`, `text` may hold `{{label}}`, `tags` names labels.

    With `instants`, the value itself is when the mark stands, in milliseconds since the epoch.
    """

    name: str
    expr: str
    title: str
    colour: Colour
    text: str = ""
    tags: tuple[str, ...] = ()
    instants: bool = False
    step: str = "60s"

"""A query to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Format(StrEnum):
    """As what Grafana reads the answer."""

    SERIES = "time_series"
    TABLE = "table"
    HEATMAP = "heatmap"
    """Cumulative buckets (`le`) become one for each band."""


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and how its series are called: `legend` may hold `{{label}}`.

    `ref` is the query's name within its panel, for overrides and table columns; without one it is a letter by its place. `instant` asks for one
    value, at the end of the time range. `exemplars` asks for the chats behind the buckets too. `format` None: as its panel needs it. `step` is the
    least time between two values, like `1m`; empty: as Grafana finds it.
    """

    expr: str
    legend: str = ""
    ref: str = ""
    instant: bool = False
    exemplars: bool = False
    format: Format | None = None
    step: str = ""

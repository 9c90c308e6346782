"""A dashboard's JSON, as the rules read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from promql_parser import Expr, parse

from dashboards.dash.filling import filled_outside_quotes
from dashboards.lint.finding import DASHBOARD, Finding

Json = dict[str, Any]

INTERVALS = {"__rate_interval": "7919s", "__interval": "7907s", "__range": "7901s"}
"""What stands for Grafana's own durations while a query is read; no query has such a duration of its own."""
RATE_INTERVAL_SECONDS, RANGE_SECONDS = 7919, 7901


@dataclass(frozen=True)
class Target:
    """A query of a panel."""

    raw: Json

    @property
    def expr(self) -> str:
        return str(self.raw.get("expr", ""))


@dataclass(frozen=True)
class Panel:
    """A panel, of whatever kind but a row."""

    raw: Json

    @property
    def title(self) -> str:
        return str(self.raw.get("title", ""))

    @property
    def kind(self) -> str:
        return str(self.raw.get("type", ""))

    @property
    def name(self) -> str:
        """How findings call it."""
        return self.title or f"(panel {self.raw.get('id')}, without a title)"

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        return tuple(map(Target, self.raw.get("targets") or ()))

    @property
    def defaults(self) -> Json:
        found: Json = self.raw.get("fieldConfig", {}).get("defaults", {})
        return found

    def overridden(self, name: str) -> list[Any]:
        """The values that overrides give to a property, in their order."""
        overrides = self.raw.get("fieldConfig", {}).get("overrides", [])
        return [each["value"] for one in overrides for each in one.get("properties", []) if each["id"] == name]


@dataclass(frozen=True)
class Page:
    """A dashboard."""

    raw: Json
    _parsed: dict[str, Expr | None] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return str(self.raw.get("title", ""))

    @property
    def uid(self) -> str:
        return str(self.raw.get("uid", ""))

    @cached_property
    def panels(self) -> tuple[Panel, ...]:
        """All but rows, those in collapsed rows included."""
        outer = self.raw.get("panels", [])
        inner = (each for row in outer for each in row.get("panels") or ())
        return tuple(Panel(raw) for raw in (*outer, *inner) if raw["type"] != "row")

    @cached_property
    def targets(self) -> tuple[tuple[Panel, Target], ...]:
        return tuple((panel, target) for panel in self.panels for target in panel.targets)

    @property
    def variables(self) -> list[Json]:
        found: list[Json] = self.raw.get("templating", {}).get("list", [])
        return found

    @property
    def annotations(self) -> list[Json]:
        found: list[Json] = self.raw.get("annotations", {}).get("list", [])
        return found

    @cached_property
    def chosen(self) -> dict[str, str]:
        """What stands for variables outside of quotes: the value that each has at first."""
        current = {variable["name"]: variable.get("current", {}).get("value") for variable in self.variables}
        return INTERVALS | {name: value for name, value in current.items() if isinstance(value, str)}

    def read(self, expr: str) -> Expr | None:
        """The query as a tree; None where it is not PromQL."""
        if expr not in self._parsed:
            self._parsed[expr] = _tree(filled_outside_quotes(expr, self.chosen))
        return self._parsed[expr]

    def find(self, what: str, remedy: str, panel: Panel | None = None) -> Finding:
        """A finding in this dashboard."""
        return Finding(self.title, panel.name if panel else DASHBOARD, what, remedy)


@cache
def _tree(query: str) -> Expr | None:
    """Dashboards ask the same in several places."""
    try:
        return parse(query)
    except ValueError:
        return None

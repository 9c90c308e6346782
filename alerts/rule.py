"""A rule, as a value: what Prometheus evaluates, before it is written in any form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerts.windows import Severity, written


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule: `name` becomes a series with the value of `expr`, for each of its label sets."""

    name: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Share:
    """When a share is too large: above `above` in the last `window_seconds`, where no fewer than `fewest` make it up."""

    window_seconds: int
    above: float
    fewest: int = 0

    @property
    def window(self) -> str:
        """As Prometheus writes it."""
        return written(self.window_seconds)

    @property
    def nearly_fewest(self) -> float:
        """More than this are enough: what Prometheus counts over a window is about a whole number."""
        return self.fewest - 0.5


@dataclass(frozen=True, slots=True)
class Alert:
    """An alerting rule. `summary` and `description` are Prometheus templates; `dashboard` is the path of a link, a template too.

    `for_seconds` is how long the expression must hold before the alert fires, `keep_seconds` how long it goes on firing when it no longer does,
    `looks_back_seconds` how old the oldest sample is that it needs, where that is more than a day, `by` the labels that tell one of its alerts from
    another, none where it is about no target, `unless` what ends it at once, though it would be kept.
    """

    name: str
    expr: str
    severity: Severity
    summary: str
    description: str
    dashboard: str
    for_seconds: int = 0
    keep_seconds: int = 0
    looks_back_seconds: int = 0
    by: tuple[str, ...] = ()
    unless: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, one after the other, at an interval; None: as the server is set."""

    name: str
    rules: tuple[Recording | Alert, ...]
    interval_seconds: int | None = None

"""What a scrape gets: the registry's state at one moment, as text or as OpenMetrics."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics

from exporter.metrics import catalogue
from exporter.metrics.ledger import Ledger
from exporter.negotiation import wishes

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Exposition(Protocol):
    """Renders all metrics. Slow with many series: call it in a thread."""

    def render(self, accept: str) -> tuple[bytes, str]:
        """(body, content type) in the form that the scraper's `Accept` header prefers."""
        ...


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Families that were read already, in the shape that prometheus-client's writers ask for."""

    families: list[Collected]

    def collect(self) -> Iterable[Collected]:
        return self.families


class PrometheusExposition:
    """The exposition by prometheus-client. Safe to call from any thread."""

    def __init__(self, registry: CollectorRegistry, ledger: Ledger) -> None:
        self._registry = registry
        self._ledger = ledger
        self._last_seconds: float | None = None

    def render(self, accept: str) -> tuple[bytes, str]:
        begin = time.perf_counter()
        snapshot = _Snapshot(self._ledger.read(lambda: list(self._registry.collect())))
        snapshot.families.extend(self._about_itself(snapshot.families))
        if wants_openmetrics(accept):
            body, content_type = as_openmetrics(snapshot), OPENMETRICS  # type: ignore[no-untyped-call]
        else:
            body, content_type = as_text(snapshot), TEXT
        self._last_seconds = time.perf_counter() - begin
        return body, content_type

    def _about_itself(self, families: list[Collected]) -> list[Collected]:
        found: list[Collected] = []
        if self._last_seconds is not None:
            found.append(GaugeMetricFamily(catalogue.EXPOSITION_DURATION.name, catalogue.EXPOSITION_DURATION.help, value=self._last_seconds))
        series = sum(len(family.samples) for family in (*families, *found)) + 1
        found.append(GaugeMetricFamily(catalogue.SERIES.name, catalogue.SERIES.help, value=series))
        return found


def wants_openmetrics(accept: str) -> bool:
    """Whether an `Accept` header prefers OpenMetrics 1.0.0 to plain text; of equals it does."""
    openmetrics = text = 0.0
    for wish in wishes(accept):
        if wish.name == "application/openmetrics-text" and wish.parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, wish.quality)
        elif wish.name in ("text/plain", "text/*"):
            text = max(text, wish.quality)
    return openmetrics > 0 and openmetrics >= text

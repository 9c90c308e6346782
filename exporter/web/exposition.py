"""What a scrape gets: the registry's state and what is relayed at one moment, as text or as OpenMetrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest as as_text
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics

from catalogue import own
from exporter.metrics.ledger import Ledger
from exporter.native.relay import RelaySnapshot
from exporter.negotiation import wishes

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_EOF = b"# EOF\n"
_CREATED = "_created"


class Exposition(Protocol):
    """Renders all metrics. Slow with many series: call it in a thread."""

    def render(self, accept: str, names: Set[str] = frozenset()) -> tuple[bytes, str]:
        """The body, and its content type: in the form that the scraper's `Accept` header prefers. With `names`, the families that are named so, or
        of whose samples one is, and no others."""
        ...


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Families that were read already, in the shape that prometheus-client's writers ask for."""

    families: list[Collected]

    def collect(self) -> Iterable[Collected]:
        return self.families


class PrometheusExposition:
    """The exposition by prometheus-client. Safe to call from any thread.

    The engines' own metrics stand behind it: they are `relayed` as lines. With `created`, OpenMetrics tells of each counter and histogram of ours
    when it began (`_created`).
    """

    def __init__(self, registry: CollectorRegistry, ledger: Ledger, relayed: Callable[[], RelaySnapshot] = RelaySnapshot) -> None:
        self._registry = registry
        self._ledger = ledger
        self._relayed = relayed
        self._last_seconds: float | None = None
        self.created = False

    def render(self, accept: str, names: Set[str] = frozenset()) -> tuple[bytes, str]:
        begin = time.perf_counter()
        snapshot = _Snapshot(self._ledger.read(lambda: list(self._registry.collect())))
        relayed = self._relayed()
        openmetrics = wants_openmetrics(accept)
        if not (openmetrics and self.created):
            for family in snapshot.families:
                family.samples = [sample for sample in family.samples if not sample.name.endswith(_CREATED)]
        snapshot.families.extend(self._about_itself(snapshot.families, relayed.series))
        if names:
            snapshot.families[:] = [family for family in snapshot.families if _named(family, names)]
            relayed = relayed.only(names)
        if openmetrics:
            ours: bytes = as_openmetrics(snapshot)  # type: ignore[no-untyped-call]
            body, content_type = b"".join((ours.removesuffix(_EOF), relayed.openmetrics(), _EOF)), OPENMETRICS
        else:
            body, content_type = as_text(snapshot) + relayed.text(), TEXT
        self._last_seconds = time.perf_counter() - begin
        return body, content_type

    def _about_itself(self, families: list[Collected], relayed: int) -> list[Collected]:
        found: list[Collected] = []
        if self._last_seconds is not None:
            duration = own.EXPOSITION_DURATION
            found.append(GaugeMetricFamily(duration.name, duration.help, value=self._last_seconds, unit=duration.unit))
        series = sum(len(family.samples) for family in (*families, *found)) + relayed + 1
        found.append(GaugeMetricFamily(own.SERIES.name, own.SERIES.help, value=series))
        return found


def _named(family: Collected, names: Set[str]) -> bool:
    return family.name in names or any(sample.name in names for sample in family.samples)


def wants_openmetrics(accept: str) -> bool:
    """Whether an `Accept` header prefers OpenMetrics 1.0.0 to plain text; of equals it does."""
    openmetrics = text = 0.0
    for wish in wishes(accept):
        if wish.name == "application/openmetrics-text" and wish.parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, wish.quality)
        elif wish.name in ("text/plain", "text/*"):
            text = max(text, wish.quality)
    return openmetrics > 0 and openmetrics >= text

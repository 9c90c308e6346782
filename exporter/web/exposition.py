"""What a scrape gets: the registry's state and what is relayed at one moment, as text or as OpenMetrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected

from catalogue import own
from exporter.metrics.ledger import Ledger
from exporter.native.relay import RelaySnapshot
from exporter.negotiation import wishes
from exporter.web.writing import as_openmetrics, as_text

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
class _Lines:
    """A family as lines."""

    lines: bytes
    series: int


class PrometheusExposition:
    """The exposition of a registry of prometheus-client. Safe to call from any thread.

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
        openmetrics = wants_openmetrics(accept)
        # Each family is written before the next is read: the samples of all at once would take more memory than everything else.
        ours = self._ledger.read(lambda: [self._lines(family, names, openmetrics) for family in self._registry.collect()])
        relayed = self._relayed()
        total = sum(one.series for one in ours) + relayed.series
        ours += [self._lines(family, names, openmetrics) for family in self._about_itself(total)]
        if names:
            relayed = relayed.only(names)
        parts = chain(
            (one.lines for one in ours), relayed.openmetrics_parts() if openmetrics else relayed.text_parts(), (_EOF,) if openmetrics else ()
        )
        body = b"".join(parts)
        self._last_seconds = time.perf_counter() - begin
        return body, OPENMETRICS if openmetrics else TEXT

    def _lines(self, family: Collected, names: Set[str], openmetrics: bool) -> _Lines:
        """A family, without its lines where it is none of those that are asked for."""
        if not (openmetrics and self.created):
            family.samples = [sample for sample in family.samples if not sample.name.endswith(_CREATED)]
        if names and not _named(family, names):
            return _Lines(b"", len(family.samples))
        return _Lines(as_openmetrics(family) if openmetrics else as_text(family), len(family.samples))

    def _about_itself(self, series: int) -> Iterator[Collected]:
        """What there is to say of the exposition itself, which has so many series beside these."""
        if self._last_seconds is not None:
            series += 1
            duration = own.EXPOSITION_DURATION
            yield GaugeMetricFamily(duration.name, duration.help, value=self._last_seconds, unit=duration.unit)
        yield GaugeMetricFamily(own.SERIES.name, own.SERIES.help, value=series + 1)


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

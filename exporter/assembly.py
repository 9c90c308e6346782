"""All metrics of one exporter: what feeds them, and what renders them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry

from catalogue import own, unified
from catalogue.metric import Metric
from exporter.alarms.source import OwnSource
from exporter.metrics.boundaries import thresholds
from exporter.metrics.families import Families, Gathered
from exporter.metrics.ledger import Ledger
from exporter.metrics.own import OwnMetrics
from exporter.metrics.recording import Recording
from exporter.metrics.workforce import Workforce
from exporter.native.gap import Gap
from exporter.native.relay import Relay, RelaySettings
from exporter.native.series import FamilySeries
from exporter.native.unified import Unified
from exporter.native.up import Ups
from exporter.web.exposition import Exposition, PrometheusExposition
from exporter.web.forms import Form
from exporter.web.pages.own import OwnFigures, own_figures
from probes.wire.workers import WorkerState
from traffic.roster import Roster


def _protobuf() -> tuple[Callable[[bool], Form], Callable[[FamilySeries], bytes]]:
    """That form of the exposition, and what writes relayed series in it. Its library is loaded only here."""
    from exporter.protobuf.form import Messages
    from exporter.protobuf.relayed import relayed_messages

    return Messages, relayed_messages


class Metrics:
    """A registry of its own, with every series of the roster at 0. `sources` are read at each scrape, and how the `workers` stand.

    `source` has the same for alerts, to be asked within `read`.

    Whether histograms are native ones too stays as it is in the first roster's configuration: they would begin anew.
    """

    def __init__(
        self, roster: Roster, sources: Mapping[Metric, Callable[[], float]], workers: Callable[[], Sequence[WorkerState]] = lambda: ()
    ) -> None:
        registry, ledger = CollectorRegistry(), Ledger()
        self._registry, self._sources, self._workers = registry, sources, workers
        native = roster.config.metrics.native_histograms
        families = Families(registry, thresholds(roster.config), native=native)
        self.recording = Recording(families, ledger, roster)
        self.own = OwnMetrics(families, registry, ledger, sources)
        form, messages = _protobuf() if native else (None, None)
        self.relay = Relay(RelaySettings(), messages)
        self.unified = Unified(ledger)
        self.gap = Gap(families, ledger)
        self.ups = Ups(families, ledger)
        registry.register(Workforce(workers))
        registry.register(self.unified)
        registry.register(self.relay)
        exposition = self._exposition = PrometheusExposition(registry, ledger, self.relay.now, protobuf=form)
        registry.register(Gathered({own.EXPOSITION_KEPT: lambda: exposition.kept_bytes}))
        registry.register(Gathered({own.UNREADABLE: lambda: exposition.unreadable}))
        told = {metric: partial(self.unified.values_of, metric) for metric in unified.NATIVE if metric.type != "histogram"}
        self.source = OwnSource(families, {**told, own.NATIVE_SERIES_DROPPED: lambda: self.relay.dropped().items()})
        self.read = ledger.read

    @property
    def exposition(self) -> Exposition:
        return self._exposition

    def own_figures(self) -> OwnFigures:
        """How chatprobe itself is doing. It does not wait for a scrape that goes on."""
        return own_figures(self._registry, self._sources, self._workers())

    def tell_created(self, created: bool) -> None:
        """Whether OpenMetrics has when each counter and histogram began (`metrics.created`), from now on."""
        self._exposition.created = created

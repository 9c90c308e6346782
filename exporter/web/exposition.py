"""What a scrape gets: the registry's state and what is relayed at one moment, in the form that the scraper prefers."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Collected
from prometheus_client.registry import Collector

from catalogue import own
from exporter.metrics.families import CREATED
from exporter.metrics.ledger import Ledger
from exporter.native.relay import RelaySnapshot
from exporter.web.forms import Form, Kept, preferred

T = TypeVar("T")
_log = structlog.get_logger()
MOST_KEPT_BYTES = 64 * 2**20
"""Memory for what is kept as it was written: lines of about 350,000 series."""


_FORMS_KEPT = 2
"""A scraper asks for one form, and a person or a second scraper for another."""


class AbandonedError(Exception):
    """Nobody waits for the exposition any more."""


class Exposition(Protocol):
    """Renders all metrics. Slow with many series: call it in a thread."""

    def render(self, accept: str, names: Set[str] = frozenset(), abandoned: Callable[[], bool] = lambda: False) -> tuple[bytes, str]:
        """The body, and its content type: in the form that the scraper's `Accept` header prefers. With `names`, the families that are named so, or
        of whose samples one is, and no others. Raises `AbandonedError` soon after it is."""
        ...


@dataclass(slots=True)
class _Pieces:
    """What there is of an exposition so far, and how many series there are, those that are not asked for among them."""

    parts: list[bytes] = field(default_factory=list)
    series: int = 0


class PrometheusExposition:
    """The exposition of a registry of prometheus-client. Safe to call from any thread.

    Series that did not change are kept as they were written, from one exposition to the next. The engines' own metrics stand behind ours: they
    are `relayed` as lines. With `created`, all forms but plain text tell of each counter and histogram of ours when it began. A collector that
    cannot be read costs what it collects, and is counted. `protobuf` gives that form, with or without `created`, where it is offered.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        ledger: Ledger,
        relayed: Callable[[], RelaySnapshot] = RelaySnapshot,
        most_kept_bytes: int = MOST_KEPT_BYTES,
        protobuf: Callable[[bool], Form] | None = None,
    ) -> None:
        self._registry = registry
        self._ledger = ledger
        self._relayed = relayed
        self._most_kept_bytes = most_kept_bytes
        self._protobuf = protobuf
        self._kept: dict[Form, dict[Collector, Kept]] = {}
        self._last_seconds: float | None = None
        self.unreadable = 0
        self.created = False

    def render(self, accept: str, names: Set[str] = frozenset(), abandoned: Callable[[], bool] = lambda: False) -> tuple[bytes, str]:
        begin = time.perf_counter()
        form = preferred(accept, created=self.created, protobuf=self._protobuf)
        pieces = self._ledger.read(lambda: self._ours(form, names, abandoned))
        relayed = self._relayed()
        pieces.series += relayed.series
        for family in self._about_itself(pieces.series):
            self._add(pieces, family, form, names)
        if names:
            relayed = relayed.only(names)
        body = b"".join(_while_wanted(chain(pieces.parts, form.relayed(relayed), (form.end,)), abandoned))
        self._last_seconds = time.perf_counter() - begin
        return body, form.content_type

    def _ours(self, form: Form, names: Set[str], abandoned: Callable[[], bool]) -> _Pieces:
        """Each family is written before the next is read: the samples of all at once would take more memory than everything else."""
        collectors = self._collectors()
        kept = self._kept_of(form, collectors)
        pieces = _Pieces()
        for collector in _while_wanted(collectors, abandoned):
            try:
                if isinstance(collector, Counter | Gauge | Histogram):
                    if collector not in kept:
                        kept[collector] = form.keep(collector)
                    self._add_kept(pieces, kept[collector], names, abandoned)
                else:
                    for family in collector.collect():
                        self._add(pieces, family, form, names)
            except AbandonedError:
                raise
            except Exception:  # noqa: BLE001 - whatever it is, the others can be read
                self.unreadable += 1
                kept.pop(collector, None)
                _log.exception("a part of the metrics cannot be read, and is left out", collector=str(collector))
        return pieces

    def _collectors(self) -> list[Collector]:
        with self._registry._lock:
            return list(self._registry._collector_to_names)

    def _kept_of(self, form: Form, collectors: Collection[Collector]) -> dict[Collector, Kept]:
        """What is kept in this form, which becomes the last to be given up, without families that are gone."""
        before = self._kept.pop(form, {})
        self._kept[form] = {collector: before[collector] for collector in collectors if collector in before}
        while len(self._kept) > _FORMS_KEPT:
            del self._kept[next(iter(self._kept))]
        return self._kept[form]

    @property
    def kept_bytes(self) -> int:
        """Memory in which series are kept as they were written."""
        return sum(family.kept_bytes for families in self._kept.values() for family in families.values())

    def _add_kept(self, pieces: _Pieces, family: Kept, names: Set[str], abandoned: Callable[[], bool]) -> None:
        if not names or not names.isdisjoint(family.names):
            pieces.parts += [*_while_wanted(family.parts(self._most_kept_bytes - self.kept_bytes + family.kept_bytes), abandoned)]
        pieces.series += family.series

    def _add(self, pieces: _Pieces, family: Collected, form: Form, names: Set[str]) -> None:
        """A family, without its lines where it is none of those that are asked for."""
        if not form.tells_created:
            family.samples = [sample for sample in family.samples if not sample.name.endswith(CREATED)]
        if not names or _named(family, names):
            pieces.parts.append(form.write(family))
        pieces.series += len(family.samples)

    def _about_itself(self, series: int) -> Iterator[Collected]:
        """What there is to say of the exposition itself, which has so many series beside these."""
        if self._last_seconds is not None:
            series += 1
            duration = own.EXPOSITION_DURATION
            yield GaugeMetricFamily(duration.name, duration.help, value=self._last_seconds, unit=duration.unit)
        yield GaugeMetricFamily(own.SERIES.name, own.SERIES.help, value=series + 1)


def _while_wanted(parts: Iterable[T], abandoned: Callable[[], bool]) -> Iterator[T]:
    """The same. Raises `AbandonedError` once it is abandoned."""
    for part in parts:
        if abandoned():
            raise AbandonedError
        yield part


def _named(family: Collected, names: Set[str]) -> bool:
    return family.name in names or any(sample.name in names for sample in family.samples)

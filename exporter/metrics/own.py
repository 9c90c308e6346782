"""What chatprobe tells of itself."""

from __future__ import annotations

import platform
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib.metadata import version

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from catalogue import own
from catalogue.metric import Metric
from exporter.metrics.families import Families, Gathered, Series
from exporter.metrics.ledger import Ledger


class OwnMetrics:
    """The exporter's own series, and the usual ones of the process and of Python.

    `sources` are metrics without labels whose truth is kept elsewhere: read at each scrape, in the scrape's thread.
    """

    def __init__(self, families: Families, registry: CollectorRegistry, ledger: Ledger, sources: Mapping[Metric, Callable[[], float]]) -> None:
        self._series = Series(families)
        self._ledger = ledger
        self._series.record(own.BUILD_INFO, 1, version("chatprobe"), platform.python_version())
        self._series.touch(own.LOOP_LAG)
        for outcome in own.REQUEST_OUTCOMES:
            self._series.touch(own.CHATS_ON_REQUEST, outcome)
        for metric, read in sources.items():
            registry.register(Gathered({metric: read}))  # each by itself, as one that cannot be read costs what it is registered with
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)

    def configured(self, at: float) -> None:
        """The configuration in force was read without an error, `at` seconds since the epoch."""
        self._ledger.write(partial(self._configured, at))

    def not_configured(self) -> None:
        """A changed configuration could not be loaded; the one before it stays in force."""
        self._ledger.write(partial(self._series.record, own.RELOAD_SUCCESSFUL, 0))

    def discovered(self, source: str, *, well: bool, at: float) -> None:
        """Targets were looked for at a source; what is known of it was last right `at` seconds since the epoch."""
        self._ledger.write(partial(self._discovered, source, well, at))

    def discovers_only(self, sources: Collection[str]) -> None:
        """Targets are not looked for at any other source any more."""
        for metric in (own.DISCOVERY_UP, own.DISCOVERY_LAST_SUCCESS):
            self._ledger.write(partial(self._series.end_others, metric, [(source,) for source in sources]))

    def sharded(self, number: int, of: int) -> None:
        """Which of how many shards this process is, counted from 1."""
        self._ledger.write(partial(self._series.record, own.SHARDS, of, str(number)))

    def chatted_on_request(self, outcome: str) -> None:
        """Somebody asked for a chat, and that became of it."""
        self._ledger.write(partial(self._series.record, own.CHATS_ON_REQUEST, 1, outcome))

    def loop_was_late(self, seconds: float) -> None:
        """One sample of the event loop's lag."""
        self._ledger.write(partial(self._series.record, own.LOOP_LAG, seconds))

    def has_workers(self, numbers: Collection[int]) -> None:
        """These are the measuring workers from now on."""
        self._ledger.write(partial(self._series.keep_only, own.WORKER_LAG, [(str(number),) for number in numbers]))

    def worker_was_late(self, number: int, seconds: float) -> None:
        """One sample of how late the loop of that measuring worker was."""
        self._ledger.write(partial(self._series.record, own.WORKER_LAG, seconds, str(number)))

    def _discovered(self, source: str, well: bool, at: float) -> None:
        self._series.record(own.DISCOVERY_UP, well, source)
        if well:
            self._series.record(own.DISCOVERY_LAST_SUCCESS, at, source)

    def _configured(self, at: float) -> None:
        self._series.record(own.RELOAD_SUCCESSFUL, 1)
        self._series.record(own.RELOAD_TIMESTAMP, at)

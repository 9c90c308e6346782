"""Gauges that say whether each page of metrics could be read, and how long it took."""

from __future__ import annotations

from functools import partial

from catalogue import own
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from exporter.native.failure import NativeReason


class Ups:
    """`chatprobe_native_up` and `chatprobe_native_scrape_duration_seconds` of every page."""

    def __init__(self, families: Families, ledger: Ledger) -> None:
        self._families = families
        self._ledger = ledger
        self._series: dict[tuple[str, str | None], tuple[tuple[str, str, str], Series]] = {}
        self._reasons: dict[tuple[str, str | None], NativeReason] = {}

    def told(self, target: str, backend: str, model: str, replica: str | None, reason: NativeReason | None, seconds: float) -> None:
        """A page was scraped in so many seconds; `reason` says why that failed, None where it did not."""
        self._ledger.write(partial(self._tell, (target, backend, model), replica, reason, seconds))

    def forget(self, target: str, replica: str | None) -> None:
        """The page is not scraped any more."""
        self._ledger.write(partial(self._forget, (target, replica)))

    def reasons_of(self, target: str) -> list[tuple[str, NativeReason]]:
        """The replicas of a target (empty where there is one) whose page could not be read last, and why."""
        return [(replica or "", reason) for (name, replica), reason in list(self._reasons.items()) if name == target]

    def _tell(self, labels: tuple[str, str, str], replica: str | None, reason: NativeReason | None, seconds: float) -> None:
        key = labels[0], replica
        known, series = self._series.get(key, (None, None))
        if series is None or known != labels:
            self._forget(key)
            series = Series(self._families, labels)
            self._series[key] = labels, series
        if reason is None:
            self._reasons.pop(key, None)
        else:
            self._reasons[key] = reason
        series.record_only(own.NATIVE_UP, reason is None, replica or "", reason.value if reason else "")
        series.record_only(own.NATIVE_SCRAPE_DURATION, seconds, replica or "")

    def _forget(self, key: tuple[str, str | None]) -> None:
        self._reasons.pop(key, None)
        if key in self._series:
            self._series.pop(key)[1].end()

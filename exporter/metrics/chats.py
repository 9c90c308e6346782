"""The series of one target under one scenario, from 0 before the first chat to their end."""

from __future__ import annotations

from collections.abc import Mapping

from config.model import Doubtful, Slo
from exporter.metrics import catalogue, readings
from exporter.metrics.families import Families, Series
from exporter.metrics.readings import Reading
from exporter.metrics.slo import chat_was_good, skip_was_good
from probes.record import ChatRecord
from traffic.events import SkipReason

_ZERO_FROM_THE_START = (
    catalogue.PROBES,
    catalogue.TTFT,
    catalogue.ITL,
    catalogue.TPOT,
    catalogue.STALL,
    catalogue.OUTPUT_RATE,
    catalogue.INPUT_TOKENS,
    catalogue.OUTPUT_TOKENS,
    catalogue.CHUNKS,
    catalogue.RETRIES,
    catalogue.DOUBTFUL,
)
_ZERO_FOR_EACH = {
    catalogue.PROBE_FAILURES: catalogue.FAILURE_REASONS,
    catalogue.PROBE_SKIPPED: catalogue.SKIP_REASONS,
    catalogue.E2E: catalogue.OUTCOMES,
    catalogue.PHASE_SECONDS: catalogue.PHASES,
}


class ChatSeries:
    """Turns records and skips of one label set into its series. `slos` are those of the scenario, by name."""

    def __init__(self, families: Families, labels: tuple[str, str, str, str], slos: Mapping[str, Slo], doubtful: Doubtful) -> None:
        self._series = Series(families, labels)
        self._slos = slos
        self._doubtful = doubtful
        self._thinks = False
        self._start_at_zero()

    def record(self, record: ChatRecord) -> None:
        """Take a chat that ended `ok` or `failed`."""
        if readings.reasoned(record) and not self._thinks:
            self._thinks = True
            self._series.touch(catalogue.FIRST_CONTENT)
        for reading in readings.counts(record):
            self._apply(reading, record)
        if self._doubtful == "keep" or not record.doubtful:
            for reading in readings.timings(record):
                self._apply(reading, record)
        for name, slo in self._slos.items():
            self._judge(name, chat_was_good(record, slo))

    def skip(self, reason: SkipReason) -> None:
        self._series.put(catalogue.PROBE_SKIPPED, 1, reason.value)
        for name in self._slos:
            self._judge(name, skip_was_good(reason))

    def end(self) -> None:
        self._series.end()

    def _start_at_zero(self) -> None:
        for metric in _ZERO_FROM_THE_START:
            self._series.touch(metric)
        for metric, values in _ZERO_FOR_EACH.items():
            for value in values:
                self._series.touch(metric, value)
        for name in self._slos:
            self._series.touch(catalogue.SLO_TOTAL, name)
            self._series.touch(catalogue.SLO_GOOD, name)

    def _apply(self, reading: Reading, record: ChatRecord) -> None:
        if reading.metric is catalogue.FIRST_CONTENT and not self._thinks:
            return  # equal to TTFT, until the model is seen to reason
        exemplar = {"request_id": record.request_id} if reading.exemplar else None
        self._series.put(reading.metric, reading.value, *reading.more, times=reading.times, exemplar=exemplar)

    def _judge(self, slo: str, good: bool | None) -> None:
        if good is not None:
            self._series.put(catalogue.SLO_TOTAL, 1, slo)
            self._series.put(catalogue.SLO_GOOD, good, slo)

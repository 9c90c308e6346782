"""The series of one target under one scenario, from 0 before the first chat to their end."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product

from catalogue import own
from catalogue.metric import Metric
from config.model import Doubtful, Slo
from exporter.metrics import readings
from exporter.metrics.families import Families, Series
from exporter.metrics.last_words import LastWords
from exporter.metrics.readings import Reading
from exporter.metrics.slo import chat_was_good, skip_was_good, timings_count
from probes.record import PHASES, ChatRecord
from traffic.events import SkipReason
from traffic.pairs import Comparison

_ABSENT_UNTIL_TOLD = (own.FIRST_CONTENT, own.CACHED_INPUT_TOKENS)
"""Time to first content is absent until a model was seen to reason, what engines tell of a chat until they do."""
_ZERO_FROM_THE_START = tuple(
    metric for metric in own.CATALOGUE if metric.labels == own.CHAT_LABELS and metric.type != "gauge" and metric not in _ABSENT_UNTIL_TOLD
)
_ZERO_FOR_EACH = {
    own.PROBE_FAILURES: own.FAILURE_REASONS,
    own.PROBE_SKIPPED: own.SKIP_REASONS,
    own.E2E: own.OUTCOMES,
    own.PHASE_SECONDS: PHASES,
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What the series of one target under one scenario depend on: the scenario's SLOs by name, the names of its answer checks, the targets that
    this one is paired with, and what becomes of doubtful timings."""

    slos: Mapping[str, Slo]
    checks: tuple[str, ...]
    peers: tuple[str, ...]
    doubtful: Doubtful


class ChatSeries:
    """Turns records, skips and pairs of one label set into its series."""

    def __init__(self, families: Families, labels: tuple[str, str, str, str], terms: Terms) -> None:
        self._series = Series(families, labels)
        self._terms = terms
        self._thinks = False
        self._last_words = LastWords()
        self._start_at_zero()
        self.agree(terms)

    def agree(self, terms: Terms) -> None:
        """Other terms from now on: series that they ask for begin at 0, those of what is gone end, all others go on."""
        self._terms = terms
        self._series.keep_only(own.SLO_TOTAL, [(name,) for name in terms.slos])
        self._series.keep_only(own.SLO_GOOD, [(name,) for name in terms.slos])
        self._series.keep_only(own.CHECK_FAILURES, [(name,) for name in terms.checks])
        self._series.keep_only(own.PAIRS, [(peer,) for peer in terms.peers])
        self._series.keep_only(own.PAIR_WINS, product(terms.peers, own.MEASURES))
        self._series.keep_only(own.PAIRS_UNDECIDED, product(terms.peers, own.UNDECIDED))

    def renew(self, begin_anew: Collection[Metric]) -> None:
        """Begin these families' series again, at 0."""
        self._series.renew(begin_anew)

    def record(self, record: ChatRecord) -> None:
        """Take a chat that ended `ok` or `failed`."""
        if readings.reasoned(record) and not self._thinks:
            self._thinks = True
            self._series.touch(own.FIRST_CONTENT)
        for reading in readings.counts(record):
            self._apply(reading, record)
        if (words := self._last_words.of(record)) is not None:
            self._series.record_only(own.LAST_FAILURE, record.started_at + record.e2e_seconds, *words)
        if record.failed_check in self._terms.checks:
            self._series.record(own.CHECK_FAILURES, 1, record.failed_check)
        timed = timings_count(record, self._terms.doubtful)
        if timed:
            if latencies := readings.token_latencies(record):  # else nothing changes, and nothing is written anew for the next scrape
                self._series.observe_all(own.ITL, latencies)
            for reading in readings.once_a_chat(record):
                self._apply(reading, record)
        for name, slo in self._terms.slos.items():
            self._judge(name, chat_was_good(record, slo, timed=timed))

    def skip(self, reason: SkipReason, count: int) -> None:
        """Take so many chats that were not sent."""
        self._series.record(own.PROBE_SKIPPED, count, reason.value)
        for name, slo in self._terms.slos.items():
            self._judge(name, skip_was_good(reason, slo), count)

    def pair(self, found: Comparison) -> None:
        """Take a pair with a peer, and what was better here than there."""
        if found.peer in self._terms.peers:
            self._series.record(own.PAIRS, 1, found.peer)
            for measure in found.won:
                self._series.record(own.PAIR_WINS, 1, found.peer, measure.value)
            if found.undecided is not None:
                self._series.record(own.PAIRS_UNDECIDED, 1, found.peer, found.undecided.value)

    def end(self) -> None:
        self._series.end()

    def _start_at_zero(self) -> None:
        for metric in _ZERO_FROM_THE_START:
            self._series.touch(metric)
        for metric, values in _ZERO_FOR_EACH.items():
            for value in values:
                self._series.touch(metric, value)

    def _apply(self, reading: Reading, record: ChatRecord) -> None:
        if reading.metric is own.FIRST_CONTENT and not self._thinks:
            return  # equal to TTFT, until the model is seen to reason
        exemplar = {"request_id": record.request_id} if reading.exemplar else None
        self._series.record(reading.metric, reading.value, *reading.more, exemplar=exemplar)

    def _judge(self, slo: str, good: bool | None, count: int = 1) -> None:
        if good is not None:
            self._series.record(own.SLO_TOTAL, count, slo)
            self._series.record(own.SLO_GOOD, count if good else 0, slo)

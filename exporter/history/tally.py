"""What is counted of the chats of a span of time, while it lasts, and what is kept of it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from catalogue import own
from catalogue.metric import Metric
from config.model import Slo
from exporter.history.sketch import Sketch
from exporter.metrics import readings
from exporter.metrics.slo import chat_was_good, skip_was_good
from probes.record import ChatRecord
from traffic.events import Skip
from traffic.pairs import Comparison

MEASURES: Final[Mapping[Metric, str]] = MappingProxyType(
    {own.TTFT: "ttft", own.ITL: "itl", own.TPOT: "tpot", own.E2E: "e2e", own.STALL: "stall", own.OUTPUT_RATE: "output_rate"}
)
"""The measures that have quantiles, by the metric that observes the same. Seconds, but for `output_rate`: tokens a second of a chat. `e2e` is of
`ok` chats only: the end of one that failed says how soon it failed."""
_OF_PAIRS = "pairs"
_NOTHING: dict[str, Any] = {}
"""One for all summaries, of which most have no failures, no skips and no pairs."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What is known of the chats of one span: from `start`, in seconds since the epoch, for `seconds`.

    `slos` are by name: how many attempts counted, and how many of them were good. `pairs` are by peer: how many pairs
    (`pairs`), and how many of them were won on each measure. `sketches` are the packed sketches by measure.
    """

    start: float
    seconds: float
    ok: int = 0
    output_tokens: int = 0
    failures: Mapping[str, int] = field(default_factory=dict)
    skips: Mapping[str, int] = field(default_factory=dict)
    slos: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    pairs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    sketches: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def end(self) -> float:
        """Seconds since the epoch."""
        return self.start + self.seconds

    @property
    def middle(self) -> float:
        """Seconds since the epoch."""
        return self.start + self.seconds / 2


class Tally:
    """Counts chats, chats that were not sent, pairs, and what earlier tallies had counted."""

    __slots__ = ("attempts", "failures", "good", "ok", "output_tokens", "pairs", "sketches", "skips")

    def __init__(self) -> None:
        self.ok = 0
        self.output_tokens = 0
        self.failures: Counter[str] = Counter()
        self.skips: Counter[str] = Counter()
        self.attempts: Counter[str] = Counter()
        self.good: Counter[str] = Counter()
        self.pairs: dict[str, Counter[str]] = {}
        self.sketches: dict[str, Sketch] = {}

    def chat(self, record: ChatRecord, slos: Mapping[str, Slo], *, timed: bool) -> None:
        """Count a chat that ended `ok` or `failed`. Where it is not to be `timed`, its timings are left out, and no SLO is judged by them."""
        if record.reason is None:
            self.ok += 1
        else:
            self.failures[record.reason.value] += 1
        self.output_tokens += record.output_tokens or 0
        for name, slo in slos.items():
            self._judge(name, chat_was_good(record, slo, timed=timed), 1)
        if timed:
            self._time(record)

    def skip(self, skip: Skip, slos: Mapping[str, Slo]) -> None:
        """Count chats that were not sent."""
        self.skips[skip.reason.value] += skip.count
        for name, slo in slos.items():
            self._judge(name, skip_was_good(skip.reason, slo), skip.count)

    def pair(self, found: Comparison) -> None:
        """Count a pair with a peer, and what was better here than there."""
        counts = self.pairs.setdefault(found.peer, Counter())
        counts[_OF_PAIRS] += 1
        counts.update(measure.value for measure in found.won)

    def absorb(self, summary: Summary, measures: Collection[str] = frozenset(MEASURES.values())) -> None:
        """Count all that was counted in that span; of its timings, these measures."""
        self.ok += summary.ok
        self.output_tokens += summary.output_tokens
        if summary.failures:
            self.failures.update(summary.failures)
        if summary.skips:
            self.skips.update(summary.skips)
        for name, (attempts, good) in summary.slos.items():
            self.attempts[name] += attempts
            self.good[name] += good
        for peer, counts in summary.pairs.items():
            self.pairs.setdefault(peer, Counter()).update(counts)
        for measure, packed in summary.sketches.items():
            if measure in measures:
                self.sketch(measure).absorb(packed)

    def withdraw(self, summary: Summary) -> None:
        """Count no more what was absorbed before, with all its timings."""
        self.ok -= summary.ok
        self.output_tokens -= summary.output_tokens
        if summary.failures:
            self.failures = self.failures - Counter(summary.failures)
        if summary.skips:
            self.skips = self.skips - Counter(summary.skips)
        for name, (attempts, good) in summary.slos.items():
            self.attempts[name] -= attempts
            self.good[name] -= good
            if not self.attempts[name]:
                del self.attempts[name], self.good[name]
        for peer, counts in summary.pairs.items():
            self.pairs[peer] -= Counter(counts)
            if not self.pairs[peer]:
                del self.pairs[peer]
        for measure, packed in summary.sketches.items():
            self.sketches[measure].withdraw(packed)

    def merge(self, other: Tally) -> None:
        """Count all that another one counted."""
        self.ok += other.ok
        self.output_tokens += other.output_tokens
        for mine, theirs in ((self.failures, other.failures), (self.skips, other.skips), (self.attempts, other.attempts), (self.good, other.good)):
            if theirs:
                mine.update(theirs)
        for peer, counts in other.pairs.items():
            self.pairs.setdefault(peer, Counter()).update(counts)
        for measure, sketch in other.sketches.items():
            self.sketch(measure).merge(sketch)

    def summary(self, start: float, seconds: float) -> Summary:
        """All that was counted, as that of a span."""
        return Summary(
            start,
            seconds,
            self.ok,
            self.output_tokens,
            dict(self.failures) if self.failures else _NOTHING,
            dict(self.skips) if self.skips else _NOTHING,
            {name: (attempts, self.good[name]) for name, attempts in self.attempts.items()},
            {peer: dict(counts) for peer, counts in self.pairs.items()} if self.pairs else _NOTHING,
            {measure: sketch.packed() for measure, sketch in self.sketches.items()},
        )

    def sketch(self, measure: str) -> Sketch:
        """That of a measure; an empty one where nothing was seen of it."""
        found = self.sketches.get(measure)
        if found is None:
            found = self.sketches[measure] = Sketch()
        return found

    def _time(self, record: ChatRecord) -> None:
        if len(record.chunks) > 1:
            self.sketch("itl").add_all(readings.token_latencies(record))
        for reading in readings.once_a_chat(record):
            measure = MEASURES.get(reading.metric)
            if measure is not None and not (reading.metric is own.E2E and record.outcome != "ok"):
                self.sketch(measure).add(reading.value)

    def _judge(self, slo: str, good: bool | None, count: int) -> None:
        if good is not None:
            self.attempts[slo] += count
            self.good[slo] += count if good else 0

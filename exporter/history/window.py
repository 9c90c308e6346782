"""What is known of a target's chats of some time: counts, quantiles, and which share of them was good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.history.sketch import Sketch
from exporter.history.tally import Tally


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Of how many values, and how they are spread: seconds, or tokens a second. Each is right within 1 %; None without values."""

    count: int
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Goodput:
    """How many attempts counted for an SLO, and how many of them were good."""

    attempts: int
    good: int

    @property
    def share(self) -> float | None:
        """The share of good ones; None without any."""
        return self.good / self.attempts if self.attempts else None


@dataclass(frozen=True, slots=True)
class PairWins:
    """How many pairs there were with a peer, and how many of them were won on each measure: `ttft`, `tpot`, `e2e`."""

    pairs: int
    wins: Mapping[str, int]


class Window:
    """The chats of some time. Its edges lie where summaries do: those of the last hours on whole minutes."""

    def __init__(self, tally: Tally, seconds: float) -> None:
        self._tally = tally
        self.seconds = seconds
        """How long the time is that was asked for."""

    @property
    def count(self) -> int:
        """How many chats ended, `ok` or `failed`."""
        return self.ok + self.failed

    @property
    def ok(self) -> int:
        """How many ended `ok`."""
        return self._tally.ok

    @property
    def failed(self) -> int:
        """How many failed."""
        return self._tally.failures.total()

    @property
    def failures(self) -> Mapping[str, int]:
        """How many failed for each reason; reasons that were not there are left out."""
        return dict(self._tally.failures)

    @property
    def skips(self) -> Mapping[str, int]:
        """How many were due and not sent, for each reason."""
        return dict(self._tally.skips)

    @property
    def output_tokens_per_second(self) -> float:
        """The tokens that all chats together brought, over the time that was asked for."""
        return self._tally.output_tokens / self.seconds

    @property
    def goodput(self) -> Mapping[str, Goodput]:
        """By the SLO's name."""
        return {name: Goodput(attempts, self._tally.good[name]) for name, attempts in self._tally.attempts.items()}

    @property
    def pairs(self) -> Mapping[str, PairWins]:
        """By the peer's name."""
        return {
            peer: PairWins(counts["pairs"], {measure: count for measure, count in counts.items() if measure != "pairs"})
            for peer, counts in self._tally.pairs.items()
        }

    def quantiles(self, measure: str) -> Quantiles:
        """Those of a measure of `exporter.history.tally.MEASURES`."""
        sketch = self._sketch(measure)
        return Quantiles(sketch.count, *(sketch.quantile(share) for share in (0.5, 0.9, 0.95, 0.99)))

    def quantile(self, measure: str, share: float) -> float | None:
        """That of a measure: the value that so large a share of all do not exceed; None without values."""
        return self._sketch(measure).quantile(share)

    def _sketch(self, measure: str) -> Sketch:
        return self._tally.sketches.get(measure) or Sketch()

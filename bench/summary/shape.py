"""The summary of a run, as values. Times are seconds, shares are of 1; `writing` has their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.caveat import Caveat
from bench.measures import Unit

CONFIDENCE = 0.95
"""Of every interval of a summary, if it does not say another."""


@dataclass(frozen=True, slots=True)
class Known:
    """A number and the intervals that it lies in. `refused` says why there is none, in a sentence; `value` is None then.

    `low` and `high` say how well this run knows what it saw, for chats that are independent; of a rate they are those
    over rounds. `low_over_rounds` and `high_over_rounds` say how far another run like this would be off; None where
    that is not known. Infinity lies among the chats that failed.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    low_over_rounds: float | None = None
    high_over_rounds: float | None = None
    refused: str | None = None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """How far another run like this would be off; where that is not known, how well this run knows what it saw."""
        if self.low_over_rounds is not None:
            return self.low_over_rounds, self.high_over_rounds
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class Spread:
    """How a measure's values are spread over chats. `chats` is how many have one, `observations` how many those are.

    `quantiles` are by their share: 0.5, 0.95.
    """

    unit: Unit
    chats: int
    observations: int
    mean: float | None
    quantiles: Mapping[float, Known]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How many tokens there were in the prompts, or in the answers, of chats that succeeded. None without any."""

    mean: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a target's chats at a level.

    `attempts` are `ok`, `failed` and `unsent` together. The others count neither way: `cut` by the end, of the
    `warm_up`, before the `unsteady` part of a block was over, failed by our `own_fault`, or `loading` its model.
    """

    attempts: int
    ok: int
    failed: int
    unsent: int
    cut: int
    warm_up: int
    unsteady: int
    own_fault: int
    loading: int


@dataclass(frozen=True, slots=True)
class Trend:
    """Whether a measure changed from round to round. `per_round` is its value in each, in the run's order."""

    measure: str
    quantile: float | None
    per_round: tuple[float | None, ...]
    drifted: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetAtLevel:
    """What one engine did at one level of load.

    `failures` are those of `counts.failed` by their reason. `not_sent` are chats that were due and were not sent for no
    fault of the engine's, by the reason for that. `measures` and those with failures as the worst are by their name.
    `seconds` is how long it was measured.
    """

    target: str
    seconds: float
    counts: Counts
    failures: Mapping[str, int]
    not_sent: Mapping[str, int]
    measures: Mapping[str, Spread]
    success: Known
    goodput: Mapping[str, Known]
    throughput: Known
    requests_per_second: Known
    input_tokens: Lengths | None
    output_tokens: Lengths | None
    doubtful: int
    gathered: int
    user_clock: int
    token_sources: Mapping[str, int]
    drift: tuple[Trend, ...]

    def known(self, measure: str, quantile: float) -> Known:
        """A quantile of a measure: not known where no chat has that."""
        spread = self.measures.get(measure)
        return Known(None) if spread is None else spread.quantiles[quantile]


@dataclass(frozen=True, slots=True)
class Steady:
    """From when on a block's chats count: so many seconds after its load began, of which the warm-up is the rule's.

    `words` say what was cut beyond the warm-up, and why.
    """

    warm_up_seconds: float
    from_seconds: float
    words: str


@dataclass(frozen=True, slots=True)
class LevelSummary:
    """One level. `arrivals` says that chats came when they were due, whatever became of those before them.

    `notes` say what was compared in another way than elsewhere, and why.
    """

    name: str
    arrivals: bool
    rounds: int
    steady: Steady
    notes: tuple[str, ...]
    targets: tuple[TargetAtLevel, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """b less a, of two shares, and its bounds, which hold together with those of all other comparisons of the run."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A part of the engines that a difference lies in, by their own metrics.

    `part` is `queue`, `prefill`, `path` (from the engine to the client), `token`, `decode` or `refused`. It makes
    between `share_low` and `share_high` of the difference, of which `figures` has the seconds, or the shares, that were
    measured.
    """

    part: str
    share_low: float
    share_high: float
    words: str
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One engine beside another, in one measure, or one quantile of it, at one level.

    `ratio` is b over a, and so are its bounds: `low` and `high` hold together with those of all other comparisons of
    the run, `low_alone` and `high_alone` for this one alone. None where nothing can be said. Of shares, which are
    compared by their difference, it is what that makes of a's share. `detectable` is the smallest difference that the
    run would have shown four times of five: 0.1 is b 10 % above a, or a share higher by 0.1. Latencies are compared with
    failed chats as the worst. `causes` are what the engines' own metrics say of a winner, the largest first.
    """

    level: str
    measure: str
    quantile: float | None
    slo: str | None
    a: str
    b: str
    a_value: float | None = None
    b_value: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    low_alone: float | None = None
    high_alone: float | None = None
    difference: Difference | None = None
    confidence: float
    rounds: int
    detectable: float | None = None
    winner: str | None = None
    why: str
    causes: tuple[Cause, ...] = ()


@dataclass(frozen=True, slots=True)
class Decile:
    """How far apart two engines are at one decile. `difference` is b less a, in the measure's unit."""

    quantile: float
    a_value: float
    b_value: float
    difference: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Where in the distribution two engines differ: the shift function. `refused` says why there is none.

    The bounds are those of the ratio, b over a, and hold for all deciles together.
    """

    level: str
    measure: str
    a: str
    b: str
    deciles: tuple[Decile, ...]
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is better at one thing, and for whom that matters. `best` is None where no one is better than all others."""

    level: str
    measure: str
    quantile: float | None
    slo: str | None
    for_whom: str
    best: str | None
    words: str


@dataclass(frozen=True, slots=True)
class Check:
    """One look at chatprobe's own health: `value` beyond `limit` is a ground for no verdict. `level` None: of the run."""

    name: str
    level: str | None
    target: str | None
    value: float
    limit: float
    well: bool
    words: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether the run's comparisons can be trusted; `why` not, a sentence each."""

    trusted: bool
    why: tuple[str, ...]
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run says. `answer_tokens` is the length that the measure `answer` is the time of.

    `slos` are the thresholds of each SLO, in seconds by measure. `findings` are the engines' side, and `engine_side` is
    what went on inside each engine at each level, as JSON; `outcomes` are
    what a sweep, a search or a replay has found. `part` says why it is of a part of a run.
    """

    targets: tuple[str, ...]
    confidence: float
    answer_tokens: int
    slos: Mapping[str, Mapping[str, float]]
    levels: tuple[LevelSummary, ...]
    comparisons: tuple[Comparison, ...]
    shifts: tuple[Shift, ...]
    standings: tuple[Standing, ...]
    verdict: Trust
    caveats: tuple[Caveat, ...]
    findings: tuple[Mapping[str, object], ...]
    outcomes: tuple[Mapping[str, object], ...]
    part: str | None
    statement: str
    engine_side: tuple[Mapping[str, object], ...] = ()

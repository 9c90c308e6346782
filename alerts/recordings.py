"""The recording rules that alerts and dashboards share, so that no panel computes a quantile over raw series.

All keep `job`, so that two installations in one Prometheus stay apart, and drop `instance`: a target's numbers go on when the exporter's pod is
replaced, and add up over shards.
"""

from __future__ import annotations

from dataclasses import dataclass

from alerts.histograms import LE, Recorded, Scraped
from alerts.rule import Group, Recording
from alerts.windows import HOUR, MINUTE, written
from catalogue import own
from catalogue.metric import TARGET_LABELS, Metric

JOB = "job"
TARGET = (JOB, *TARGET_LABELS)
"""What identifies a target in what is recorded."""
CHATS = (JOB, *own.CHAT_LABELS)
"""The same of a target's chats of one scenario."""


@dataclass(frozen=True, slots=True)
class Shared:
    """One shared recording: its name, the labels that it has, and what it is made of."""

    name: str
    labels: tuple[str, ...]
    expr: str

    def histogram(self, *matchers: str, each: str = "SERIES") -> Recorded:
        """Of recorded buckets: the histogram that they are of. `each` is what is taken of each series, which `SERIES` stands for."""
        return Recorded(self.name, matchers, each)

    @property
    def rule(self) -> Recording:
        return Recording(self.name, self.expr)


RATE_SECONDS = 5 * MINUTE
"""Of a window of so long are recorded rates, unless they say otherwise."""
COMPARED_SECONDS = HOUR
"""Of so long is what targets are compared by."""


def rate(selector: str, labels: tuple[str, ...], seconds: int = RATE_SECONDS) -> str:
    """The sum of a rate by these labels."""
    return f"sum by ({', '.join(labels)}) (rate({selector}[{written(seconds)}]))"


def _buckets(metric: Metric, *more: str) -> Shared:
    labels = (*CHATS, *more)
    return Shared(f"target:{metric.bucket}:rate5m", (*labels, LE), Scraped(metric).buckets(labels))


def _counter(metric: Metric, labels: tuple[str, ...]) -> Shared:
    return Shared(f"target:{metric.name.removesuffix('_total')}:rate5m", labels, rate(metric.name, labels))


def of_scenario(expression: str) -> str:
    """A fact of a scenario, however many exporters tell it."""
    return f"max by ({JOB}, {own.SCENARIO}) ({expression})"


def by_scenario(fact: str) -> str:
    """To compare what the chats of a target have with a fact of their scenario."""
    return f"on ({JOB}, {own.SCENARIO}) group_left () {fact}"


def age(metric: Metric) -> str:
    """Seconds since an instant, by chats of a target; the freshest where several exporters tell it."""
    return f"min by ({', '.join(CHATS)}) (time() - {metric.name})"


_INTERVAL, _TIMEOUT = own.SCENARIO_INTERVAL.name, own.SCENARIO_TIMEOUT.name
HELD_INTERVALS, HELD_SECONDS_MORE = 3, 60
FEWEST_TRIED = 3
"""Fewer that ended tell nothing of a target yet."""
SINGLE_INTERVALS, SINGLE_SECONDS = 2.5, 30
"""For so many intervals after a success, and no less than so many seconds, a failure is a single one."""
PACE_SECONDS = 60
LONGEST_WAIT = of_scenario(f"{HELD_INTERVALS} * {_INTERVAL} + {_TIMEOUT} + {HELD_SECONDS_MORE}")
OVERDUE = by_scenario(LONGEST_WAIT)
"""After so long without the end of a chat, none is held any more: three were due, and the last may have taken until its timeout."""
_PACE = f"({_INTERVAL} < Inf or 0 * {_TIMEOUT} + {PACE_SECONDS})"
"""The interval of a scenario whose chats end for good is infinite: while it has any, they are taken to come each minute."""
_HELD = by_scenario(of_scenario(f"{HELD_INTERVALS} * {_PACE} + {_TIMEOUT} + {HELD_SECONDS_MORE}"))
_PATIENCE = by_scenario(of_scenario(f"clamp_min({SINGLE_INTERVALS} * {_PACE}, {SINGLE_SECONDS})"))
"""Between a success and a failure with none in between, it takes so long to be no single failure: the third chat since then, as a rule."""
_BY_TARGET, _BY_CHATS = ", ".join(TARGET), ", ".join(CHATS)
_FAILED_WITH_ALL = (
    f"max by ({_BY_TARGET}) ({own.LAST_SUCCESS.name}) - on ({_BY_TARGET}) group_right () max by ({_BY_CHATS}) ({own.LAST_SUCCESS.name})"
    f" < {_PATIENCE}\n  or max by ({_BY_CHATS}) ({own.PROBE_SUCCESS.name}) unless on ({_BY_TARGET}) {own.LAST_SUCCESS.name}"
)
"""Scenarios that went well until about when the target last did. The chats of another fail by themselves: its checks are too strict, perhaps."""
UP = Shared(
    "target:chatprobe_up:bool",
    TARGET,
    f"max by ({_BY_TARGET}) (\n"
    f"  max by ({_BY_CHATS}) ({own.PROBE_SUCCESS.name}) == 0\n"
    f"  and on ({_BY_CHATS})\n  {age(own.LAST_PROBE)} < {_HELD}\n"
    f"  and on ({_BY_CHATS})\n  sum by ({_BY_CHATS}) ({own.PROBES.name}) >= {FEWEST_TRIED}\n"
    f"  unless on ({_BY_CHATS})\n"
    f"  max by ({_BY_CHATS}) ({own.LAST_PROBE.name}) - on ({_BY_TARGET}) group_left () max by ({_BY_TARGET}) ({own.LAST_SUCCESS.name})"
    f" < {_PATIENCE}\n"
    f"  and on ({_BY_CHATS})\n  ({_FAILED_WITH_ALL})\n)\n"
    f"or\nmax by ({_BY_TARGET}) ({age(own.LAST_PROBE)} < bool {_HELD}) == 1\nand on ({_BY_TARGET})\n{own.LAST_SUCCESS.name}",
)
"""0 where the chats of some scenario fail, and no chat of any has succeeded since they began to: none of the last three, as a rule. A scenario that
seldom chats hides no outage that another one sees, and one that fails by itself makes none. 1 where chats are held otherwise;
nothing where none is held, or none has succeeded yet and fewer than three have been tried."""

_WORKING = f"{own.SHARDS.name} unless on ({JOB}, instance) {own.LEADER.name} == 0"


def unwatched(shards: str) -> str:
    """How many shards no exporter works for, by job, of as many as `shards` says that there are: nothing where each has one."""
    of = f"max by ({JOB}) ({shards})"
    return f"{of}\n- (count by ({JOB}) (count by ({JOB}, {own.SHARD}) ({_WORKING})) or {of} * 0)\n> 0"


REMEMBERED_SECONDS = 2 * HOUR
"""How long it is known what is gone: longer than what recordings remember of it."""


def _gone(name: str, metric: Metric, labels: tuple[str, ...]) -> Shared:
    remembered = written(REMEMBERED_SECONDS)
    by, lately = ", ".join(labels), f"last_over_time({own.SHARDS.name}[{remembered}])"
    return Shared(
        name,
        labels,
        f"count by ({by}) (last_over_time({metric.name}[{remembered}]))\nunless on ({by})\n{metric.name}\nunless on ({JOB})\n({unwatched(lately)})",
    )


GONE = _gone("target:chatprobe_probes:gone2h", own.PROBES, CHATS)
"""Chats of a target that chatprobe no longer has: it was taken out of the configuration, its model has another name now, or the scenario is gone.
Nothing while a shard has no exporter that works, or cannot be scraped: what it tells may be missing for that."""
GONE_SLO = _gone("target:chatprobe_slo:gone2h", own.SLO_TOTAL, (*CHATS, own.SLO))
"""The same of what counts for an SLO."""

TTFT = _buckets(own.TTFT)
ITL = _buckets(own.ITL)
TPOT = _buckets(own.TPOT)
E2E = _buckets(own.E2E, own.OUTCOME)
STALL = _buckets(own.STALL)
FIRST_CONTENT = _buckets(own.FIRST_CONTENT)
PHASE = _buckets(own.PHASE_SECONDS, own.PHASE)
PROBES = _counter(own.PROBES, CHATS)
FAILURES = _counter(own.PROBE_FAILURES, (*CHATS, own.REASON))
OUTPUT_TOKENS = _counter(own.OUTPUT_TOKENS, CHATS)
ATTEMPTS = _counter(own.SLO_TOTAL, (*CHATS, own.SLO))
"""Attempts that count for an SLO."""
GOOD = _counter(own.SLO_GOOD, (*CHATS, own.SLO))
"""Those of them that were good."""
GOODPUT = Shared("target:chatprobe_goodput:ratio_rate5m", ATTEMPTS.labels, f"{GOOD.name} / ({ATTEMPTS.name} > 0)")
"""The share of good attempts: nothing while there are none."""
_PAIRED = (*CHATS, own.PEER)
PAIRS = Shared("target:chatprobe_pairs:rate1h", _PAIRED, rate(own.PAIRS.name, _PAIRED, HOUR))
PAIR_WINS = Shared(
    "target:chatprobe_pair_wins:ratio_rate1h",
    (*_PAIRED, own.MEASURE),
    f"{rate(own.PAIR_WINS.name, (*_PAIRED, own.MEASURE), HOUR)}\n/ ignoring ({own.MEASURE}) group_left ()\n({PAIRS.name} > 0)",
)
"""The share of pairs in which the target did better than its peer, on each measure; what is missing to 1 with the peer's share are ties."""
COMPARED_QUANTILE = 0.95
_COMPARED = f"[{written(COMPARED_SECONDS)}]"
TTFT_P95_1H = Shared(
    "target:chatprobe_ttft_seconds:p95_rate1h", CHATS, Scraped(own.TTFT, each=f"rate(SERIES{_COMPARED})").quantile(f"{COMPARED_QUANTILE}", CHATS)
)
"""The 95th percentile over an hour, to be compared with that of peers and of last week."""
TTFT_COUNT_1H = Shared("target:chatprobe_ttft_seconds_count:increase1h", CHATS, Scraped(own.TTFT, each=f"increase(SERIES{_COMPARED})").count(CHATS))
"""Of how many chats that percentile is."""

SHARED = (
    UP,
    GONE,
    GONE_SLO,
    TTFT,
    ITL,
    TPOT,
    E2E,
    STALL,
    FIRST_CONTENT,
    PHASE,
    PROBES,
    FAILURES,
    OUTPUT_TOKENS,
    ATTEMPTS,
    GOOD,
    GOODPUT,
    PAIRS,
    PAIR_WINS,
    TTFT_P95_1H,
    TTFT_COUNT_1H,
)
"""All of them, each after those that it is made of."""


def group(interval_seconds: int) -> Group:
    """The rules that record them."""
    return Group("chatprobe-recordings", tuple(shared.rule for shared in SHARED), interval_seconds)


SLI_ERROR = "slo:sli_error:ratio_rate{window}"
"""The share of bad attempts of an SLO in a window, by target and scenario, with labels `slo`, `sloth_id`, `sloth_service`, `sloth_slo` and
`sloth_window`, as Sloth records it."""
OBJECTIVE = "slo:objective:ratio"
ERROR_BUDGET = "slo:error_budget:ratio"
PERIOD_DAYS = "slo:time_period:days"
CURRENT_BURN_RATE = "slo:current_burn_rate:ratio"
"""Of the shortest window, by target."""
PERIOD_BURN_RATE = "slo:period_burn_rate:ratio"
"""Of the whole period, by target."""
BUDGET_REMAINING = "slo:period_error_budget_remaining:ratio"
"""What is left of the period's error budget, by target: 1 at first, below 0 when more than all of it is spent."""
PERIOD_MEASURED = "slo:period_measured:ratio"
"""Of how much of the period there are measurements, by target: 1 when all of it was measured. Ours: Sloth has no such recording."""
INFO = "sloth_slo_info"
"""Facts of an SLO, always 1: `sloth_objective` in percent."""

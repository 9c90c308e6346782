"""Alerts on chatprobe itself: whether its numbers are there, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from alerts.histograms import Scraped
from alerts.recordings import CHATS, LONGEST_WAIT, OVERDUE, age, unwatched
from alerts.rule import Alert, Share
from alerts.targets import SECONDS_AGO, increase
from alerts.templates import COUNT, DURATION, INSTANCE, JOB, NAME, PERCENT, REASON, SCENARIO, SOURCE, link
from alerts.windows import DAY, HOUR, MINUTE, Severity, written
from catalogue import own
from catalogue.metric import REPLICA, TARGET, Metric
from catalogue.uids import Dashboard

_BY_CHATS = ", ".join(CHATS)
_PROBER = link(Dashboard.PROBER)
_PROBER_OF_JOB = link(Dashboard.PROBER, "job")
_UNEXPLAINED = "missed"
"""For any other reason chats rightly are not sent for a while: the scenario rests, limits hold it back, or the target is down, and other scenarios
have the few trials that it gets."""
OWN_FAULT = ("global_cap", "token_budget", "missed")
"""Why chats are not sent that somebody can change: limits are too low, or chatprobe is too slow."""
SKIPPED = Share(15 * MINUTE, above=0.01)
SATURABLE = (own.TTFT, own.ITL, own.TPOT, own.E2E)
BEYOND = Share(HOUR, above=0.01)
"""Of what one of these histograms observed, what is above its last boundary."""
OF_METRIC = "metric"
"""The label that names it."""
LOST_SECONDS = 10 * MINUTE
LOST = ("budget", "budget_in_all", "too_large", "type_conflict", "name_conflict")
"""Why whole families of an engine are not served on though nobody asked for that, and the configuration can be changed."""


_UNSCRAPED = f"up == 0 and on (job, instance) last_over_time({own.BUILD_INFO.name}[1d])"


def _down() -> Alert:
    return Alert(
        "LLMProberDown",
        f"{_UNSCRAPED}\nor\nabsent({own.BUILD_INFO.name}) unless on () ({_UNSCRAPED})",
        Severity.PAGE,
        "chatprobe is not there",
        "{{ with $labels.instance }}Prometheus cannot scrape {{ . }}, which was chatprobe within the last day."
        "{{ else }}Prometheus has no metrics of any chatprobe.{{ end }} "
        "Engines that no other one chats with are not watched: no alert on them can fire.",
        _PROBER,
        for_seconds=5 * MINUTE,
    )


def _unwatched() -> Alert:
    return Alert(
        "LLMShardUnwatched",
        f"{unwatched(own.SHARDS.name)}\nunless on (job) ({_UNSCRAPED})",
        Severity.PAGE,
        "chatprobe does not watch all its targets",
        f"For {COUNT} of the shards of {JOB} no chatprobe chats: it was scaled away, or no replica holds the lease. "
        "Engines of these shards are not watched: no alert on them can fire.",
        _PROBER_OF_JOB,
        for_seconds=5 * MINUTE,
    )


def _stale() -> Alert:
    excused = f'{own.PROBE_SKIPPED.name}{{{own.REASON}!="{_UNEXPLAINED}"}}'
    seldom = f"on (job, {own.SCENARIO})\n{LONGEST_WAIT} > {HOUR}"
    return Alert(
        "LLMProberStale",
        f"(\n  {age(own.LAST_PROBE)}\n  or\n  {_never(HOUR)}\n  or\n  {_never(5 * MINUTE)}\n)\n> {OVERDUE}\n"
        f"unless on ({_BY_CHATS})\n{increase(excused, HOUR)} > 0\n"
        f"unless on ({_BY_CHATS})\n({increase(excused, DAY)} > 0 and {seldom})",
        Severity.PAGE,
        f"chatprobe no longer chats with {NAME}",
        f"No chat of {SCENARIO} with {NAME} has ended for {DURATION}, though they are due more often. "
        "The numbers of this target are old, and its alerts blind.",
        link(Dashboard.PROBER, *CHATS),
        for_seconds=MINUTE,
        keep_seconds=2 * MINUTE,
        unless=f"{age(own.LAST_PROBE)} <= {SECONDS_AGO}",
        by=CHATS,
    )


def _never(seconds: int) -> str:
    """So many seconds where none has ended for at least as long. How long chatprobe has run says nothing: targets come, and models change, later."""
    none = f"sum by ({_BY_CHATS}) ({own.PROBES.name}"
    return f"({none}) == 0 and {none} offset {written(seconds)}) == 0) + {seconds}"


def _skipped() -> Alert:
    skipped = f'{own.PROBE_SKIPPED.name}{{{own.REASON}=~"{"|".join(OWN_FAULT)}"}}'
    by_reason = increase(skipped, SKIPPED.window_seconds, f"{_BY_CHATS}, {own.REASON}")
    return Alert(
        "LLMProbesSkipped",
        f"{by_reason}\n/ ignoring ({own.REASON}) group_left ()\n"
        f"(({increase(skipped, SKIPPED.window_seconds)} + {increase(own.PROBES.name, SKIPPED.window_seconds)}) > 0)\n> {SKIPPED.above}",
        Severity.TICKET,
        f"chatprobe does not send all chats to {NAME}",
        f"{PERCENT} of the chats of {SCENARIO} with {NAME} that were due in {SKIPPED.window} were not sent "
        f"({REASON}). They count for no SLO: what is measured is less than what was asked for.",
        link(Dashboard.PROBER, *CHATS),
        for_seconds=20 * MINUTE,
        by=(*CHATS, own.REASON),
    )


def _saturated(metric: Metric, top: float) -> Alert:
    hour = Scraped(metric, each=f"increase(SERIES[{BEYOND.window}])")
    return Alert(
        "LLMBucketSaturation",
        f"1 - {hour.within(top, CHATS)}\n/\n({hour.count(CHATS)} > 0)\n> {BEYOND.above}",
        Severity.INFO,
        f"Values of {NAME} are beyond the buckets",
        f"{PERCENT} of what {metric.name} observed of {NAME} in {BEYOND.window} ({SCENARIO}) is above its last "
        f"boundary, {top:g}s: high quantiles are cut off there.",
        link(Dashboard.LATENCY, *CHATS),
        for_seconds=HOUR,
        labels={OF_METRIC: metric.name},
        by=CHATS,
    )


def _reload_failed() -> Alert:
    return Alert(
        "LLMConfigReloadFailed",
        f"{own.RELOAD_SUCCESSFUL.name} == 0",
        Severity.TICKET,
        "chatprobe refused its new configuration",
        f"{INSTANCE} goes on with the configuration of before: the new one has an error, which its log and its status page name.",
        _PROBER_OF_JOB,
        for_seconds=5 * MINUTE,
    )


def _discovery() -> Alert:
    return Alert(
        "LLMDiscoveryFailing",
        f"{own.DISCOVERY_UP.name} == 0",
        Severity.TICKET,
        "chatprobe cannot look for targets",
        f"{INSTANCE} cannot discover targets from {SOURCE}. It goes on with those it knew; new ones are not found.",
        _PROBER_OF_JOB,
        for_seconds=10 * MINUTE,
    )


def _lost() -> Alert:
    lost = f'{own.NATIVE_SERIES_DROPPED.name}{{{own.REASON}=~"{"|".join(LOST)}"}}'
    return Alert(
        "LLMNativeSeriesDropped",
        f"{increase(lost, LOST_SECONDS, f'job, {TARGET}, {REPLICA}, {own.REASON}')} > 0",
        Severity.TICKET,
        f"Metrics of {NAME} are left out",
        f"Of the engine's own metrics of {NAME}{{{{ with $labels.{REPLICA} }}}}, replica {{{{ . }}}},{{{{ end }}}} chatprobe does not serve all on "
        f"({REASON}): panels of its dashboard may be empty, and sums over replicas too small.",
        link(Dashboard.PROBER, "job", TARGET),
        for_seconds=15 * MINUTE,
    )


def _clock() -> Alert:
    return Alert(
        "LLMClockFallback",
        f'{own.MEASUREMENT_CLOCK.name}{{{own.CLOCK}="user"}} == 1',
        Severity.TICKET,
        "chatprobe times chats without the kernel's stamps",
        f"{INSTANCE} gets no receive stamps from the kernel: latencies are those of its own reads, and a busy machine lengthens them.",
        _PROBER_OF_JOB,
        for_seconds=5 * MINUTE,
    )


def alerts(tops: Iterable[tuple[Metric, float]]) -> Iterator[Alert]:
    """All of them; `tops` has the last boundary of each latency histogram."""
    yield from (_down(), _unwatched(), _stale(), _skipped(), _reload_failed(), _discovery(), _lost(), _clock())
    for metric, top in tops:
        yield _saturated(metric, top)

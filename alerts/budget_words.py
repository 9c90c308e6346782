"""What an alert on a budget says of the chats behind it: how many, since when, whether they failed or were slow, and by how much."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from alerts.histograms import Scraped
from alerts.objective import Objective
from alerts.templates import COUNT_OF_SERIES, DURATION_OF_SERIES, OF_CHATS, asked, reasons
from catalogue import own

_NOT_SENT = "breaker|target_busy|load_failed"
"""Why chats that were not sent count as bad."""
_LATENCIES = {"ttft": ("TTFT", own.TTFT), "tpot": ("TPOT", own.TPOT), "e2e": ("E2E", own.E2E)}
_STEPS = 60
_YOUNG = 0.9
"""Measurements of a smaller part of a window than this are worth a word."""


def counted(objective: Objective, window: str) -> str:
    """In brackets, after a space: how many chats of how many were bad in a window."""
    attempts = _increase(own.SLO_TOTAL.name, window, f',{own.SLO}="{objective.name}"')
    says = f"{COUNT_OF_SERIES} chats)"
    return asked(_bad(objective, window), f" ({COUNT_OF_SERIES} of ", OF_CHATS) + asked(attempts, says, OF_CHATS)


def so_far(objective: Objective, seconds: int) -> str:
    """A space and a sentence where measurements began within a window of so many seconds: what is said of all of it is said of less."""
    series = f'{own.SLO_TOTAL.name}{{SELECT,{own.SLO}="{objective.name}"}}'
    oldest = f"min(min_over_time(timestamp({series})[{seconds}s:{max(1, seconds // _STEPS)}s]))"
    return asked(f"time() - {oldest} < {round(_YOUNG * seconds)}", f" There are measurements of the last {DURATION_OF_SERIES} only.", OF_CHATS)


def why(objective: Objective, window: str) -> str:
    """Sentences, each after a space: how many failed, were not sent, or were slow in a window, as far as that counts, and by how much."""
    return "".join(_outcomes(objective, window)) + "".join(_slowness(objective, window))


def _outcomes(objective: Objective, window: str) -> Iterator[str]:
    if objective.slo.latency_only:
        return
    failed = _increase(own.PROBE_FAILURES.name, window, f',{own.REASON}!="internal"')
    skipped = _increase(own.PROBE_SKIPPED.name, window, f',{own.REASON}=~"{_NOT_SENT}"')
    yield asked(f"{failed} > 0.5", f" {COUNT_OF_SERIES} failed.", OF_CHATS) + reasons(window, OF_CHATS)
    yield asked(f"{skipped} > 0.5", f" {COUNT_OF_SERIES} were not sent, as the engine did not answer those before.", OF_CHATS)
    if objective.slo.thresholds:
        slow = f"({_bad(objective, window)}) - ({failed} or vector(0)) - ({skipped} or vector(0)) > 0.5"
        yield asked(slow, f" {COUNT_OF_SERIES} were too slow.", OF_CHATS)


def _slowness(objective: Objective, window: str) -> Iterator[str]:
    """Of as many chats as have to be good: where they were slow, this is above the threshold."""
    share = objective.slo.objective
    for key, limit in objective.slo.thresholds.items():
        name, metric = _LATENCIES[key]
        quantile = Scraped(metric, ("SELECT",), f"rate(SERIES[{window}])").quantile(str(share), ())
        slow = f"{quantile} > {limit:g}".replace("\n", " ")
        yield asked(slow, f" {name} of {_percent(share)}: up to {DURATION_OF_SERIES}, and {limit:g}s is good.", OF_CHATS)


def _bad(objective: Objective, window: str) -> str:
    slo = f',{own.SLO}="{objective.name}"'
    return f"{_increase(own.SLO_TOTAL.name, window, slo)} - {_increase(own.SLO_GOOD.name, window, slo)}"


def _increase(metric: str, window: str, more: str) -> str:
    return f"sum(increase({metric}{{SELECT{more}}}[{window}]))"


def _percent(share: Decimal) -> str:
    return f"{(share * 100).normalize():f}%"

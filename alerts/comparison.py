"""Alerts on how engines compare: with their peers, with last week, and with what they say of themselves."""

from __future__ import annotations

from alerts.recordings import CHATS, COMPARED_SECONDS, FAILURES, GONE, PAIR_WINS, PROBES, TARGET, TTFT_COUNT_1H, TTFT_P95_1H
from alerts.rule import Alert
from alerts.targets import FEWEST_CHATS, increase
from alerts.templates import DURATION, MEASURE, MODEL, NAME, NUMBER, PEER, PERCENT, SCENARIO, link
from alerts.windows import DAY, HOUR, MINUTE, WEEK, Severity, written
from catalogue import own
from catalogue.uids import Dashboard

_BY_CHATS = ", ".join(CHATS)
_PAIRED = (*CHATS, own.PEER)
MOST_FAILED = 0.1
"""A peer that fails more often is no measure: quick errors leave only its quick chats."""
SLOWER = 1.5
"""So many times the percentile of the best peer is slower."""
GAP_SECONDS, LATE_SECONDS = 15 * MINUTE, 0.25
"""So much later than the engine says, on average, users have their first token."""


def _slower_than_peer() -> Alert:
    failed = f"sum by ({_BY_CHATS}) (avg_over_time({FAILURES.name}[{written(COMPARED_SECONDS)}]))"
    held = f"sum by ({_BY_CHATS}) (avg_over_time({PROBES.name}[{written(COMPARED_SECONDS)}]))"
    enough = f"and on ({_BY_CHATS}) {TTFT_COUNT_1H.name} >= {FEWEST_CHATS}"
    healthy = f"and on ({_BY_CHATS}) ({failed} / ({held} > 0) < {MOST_FAILED})"
    there = f"unless on ({_BY_CHATS}) {GONE.name}"
    best = f"min by (job, {own.SCENARIO}) (\n    {TTFT_P95_1H.name}\n    {enough}\n    {healthy}\n    {there}\n  )"
    return Alert(
        "LLMEngineSlowerThanPeer",
        f"(\n    {TTFT_P95_1H.name}\n    {enough}\n)\n/ on (job, {own.SCENARIO}) group_left ()\n  {best}\n> {SLOWER}",
        Severity.TICKET,
        f"{NAME} answers slower than its best peer",
        f"The 95th percentile of the time to first token of {NAME} ({MODEL}) in {written(COMPARED_SECONDS)} is {NUMBER} times that of the best "
        f"healthy target in the same scenario ({SCENARIO}).",
        link(Dashboard.OVERVIEW, "job", own.SCENARIO),
        for_seconds=15 * MINUTE,
        keep_seconds=5 * MINUTE,
        by=CHATS,
    )


def _wins_turned() -> Alert:
    """A day is compared with a day: where chatprobe has not run for most of it, its few hours say nothing."""
    now = f"avg_over_time({PAIR_WINS.name}[1d])"
    pairs = increase(own.PAIRS.name, DAY, ", ".join(_PAIRED))
    before = f"sum by ({', '.join(_PAIRED)}) (increase({own.PAIRS.name}[1d] offset 1w))"
    return Alert(
        "LLMPairWinsTurned",
        f"{now} < 0.4\nand avg_over_time({PAIR_WINS.name}[1d] offset 1w) > 0.6\nand ignoring ({own.MEASURE}) ({pairs} >= {FEWEST_CHATS})\n"
        f"and ignoring ({own.MEASURE}) ({pairs} >= {before} / 2)\n"
        f"and ignoring ({own.MEASURE}) ({before} >= {FEWEST_CHATS})",
        Severity.INFO,
        f"{NAME} used to beat {PEER}, and no longer does",
        f"On {MEASURE}, {NAME} does better than {PEER} in {PERCENT} of the pairs of a day ({SCENARIO}), after more than 60% a week ago.",
        link(Dashboard.OVERVIEW, "job", own.SCENARIO),
        for_seconds=HOUR,
        looks_back_seconds=WEEK + DAY,
        by=(*_PAIRED, own.MEASURE),
    )


def _gap() -> Alert:
    labels = (*TARGET, own.BASIS)
    client, engine, chats = (
        f"sum by ({', '.join(labels)}) (rate({metric.name}[{written(GAP_SECONDS)}]))"
        for metric in (own.GAP_CLIENT_TTFT, own.GAP_ENGINE_TTFT, own.GAP_CHATS)
    )
    return Alert(
        "LLMClientServerGap",
        f"(\n  {client}\n  -\n  {engine}\n)\n/\n({chats} > 0)\n> {LATE_SECONDS}",
        Severity.INFO,
        f"Users of {NAME} wait longer than the engine knows",
        f"The first token of the same chats with {NAME} ({MODEL}) reaches the client {DURATION} later than the "
        "engine says it had it: the network, a router or the engine's HTTP server takes that time.",
        link(Dashboard.WHY, *TARGET),
        for_seconds=15 * MINUTE,
        by=(*TARGET, own.BASIS),
    )


ALERTS = (_slower_than_peer(), _wins_turned(), _gap())

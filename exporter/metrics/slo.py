"""Whether an attempt counts for an SLO, and whether it was good."""

from __future__ import annotations

from math import inf

from config.model import Doubtful, Slo
from probes.record import ChatRecord
from traffic.events import SkipReason
from traffic.success import chat_succeeded, skip_succeeded


def timings_count(record: ChatRecord, doubtful: Doubtful) -> bool:
    """Whether a chat's timings go into histograms and are held against thresholds, by what becomes of doubtful ones."""
    return doubtful == "keep" or not record.doubtful


def chat_was_good(record: ChatRecord, slo: Slo, *, timed: bool) -> bool | None:
    """True for a chat that succeeded and met every threshold (a value equal to a threshold meets it), None for one that counts neither way.

    A chat that waited for its model to be loaded counts neither way if it succeeded: that time is no user's. Neither does
    one whose timings do not count (`timed`), where they would decide; that it failed is not in doubt, and counts.
    A threshold on TPOT does not apply to a chat without one. Cancelled chats, and those that failed by our own fault, count neither way. Where an SLO
    is on latency only, chats are judged by what they have, however they ended, and count neither way where that is nothing; one that timed out
    without a token was too late with it.
    """
    succeeded = chat_succeeded(record)
    if succeeded is None or (succeeded and record.load is not None):
        return None
    if not timed and slo.thresholds and (succeeded or slo.latency_only):
        return None
    if slo.latency_only:
        met = [value <= slo.thresholds[key] for key, value in _latencies(record).items() if key in slo.thresholds and value is not None]
        return all(met) if met else None
    if not succeeded:
        return False
    return (
        _within(record.ttft_seconds, slo.ttft_seconds, absent=False)
        and _within(record.tpot_seconds, slo.tpot_seconds, absent=True)
        and _within(record.e2e_seconds, slo.e2e_seconds, absent=False)
    )


def skip_was_good(reason: SkipReason, slo: Slo) -> bool | None:
    """False where the target itself was the reason (it is dead, or it hangs), None where it counts neither way, as in any SLO on latency only."""
    return None if slo.latency_only else skip_succeeded(reason)


def _latencies(record: ChatRecord) -> dict[str, float | None]:
    """What a chat has of what thresholds are on."""
    return {
        "ttft": inf if record.waited_seconds is not None else record.ttft_seconds,
        "tpot": record.tpot_seconds,
        "e2e": record.whole_answer_seconds,
    }


def _within(value: float | None, threshold: float | None, *, absent: bool) -> bool:
    if threshold is None:
        return True
    return absent if value is None else value <= threshold

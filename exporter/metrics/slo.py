"""Whether an attempt counts for an SLO, and whether it was good."""

from __future__ import annotations

from config.model import Slo
from probes.record import ChatRecord
from traffic.events import SkipReason
from traffic.success import chat_succeeded, skip_succeeded


def chat_was_good(record: ChatRecord, slo: Slo) -> bool | None:
    """True for a chat that succeeded and met every threshold (a value equal to a threshold meets it), None for one that counts neither way.

    A threshold on TPOT does not apply to a chat without one. Cancelled chats, and those that failed by our own fault, count neither way.
    """
    succeeded = chat_succeeded(record)
    if not succeeded:
        return succeeded
    return (
        _within(record.ttft_seconds, slo.ttft_seconds, absent=False)
        and _within(record.tpot_seconds, slo.tpot_seconds, absent=True)
        and _within(record.e2e_seconds, slo.e2e_seconds, absent=False)
    )


def skip_was_good(reason: SkipReason) -> bool | None:
    """False where the target itself was the reason (it is dead, or it hangs), None where it counts neither way."""
    return skip_succeeded(reason)


def _within(value: float | None, threshold: float | None, *, absent: bool) -> bool:
    if threshold is None:
        return True
    return absent if value is None else value <= threshold

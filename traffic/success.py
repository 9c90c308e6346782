"""Whether an attempt succeeded: yes, no, or it counts neither way."""

from __future__ import annotations

from probes.failure import Reason
from probes.record import ChatRecord
from traffic.events import Side, SkipReason

_TARGET_IS_WHY = frozenset({SkipReason.BREAKER, SkipReason.TARGET_BUSY, SkipReason.LOAD_FAILED})


def chat_succeeded(record: ChatRecord) -> bool | None:
    """Whether a chat succeeded.

    None for one that counts neither way: it was cancelled, or it failed by our own fault.
    """
    if record.outcome == "cancelled" or record.reason is Reason.INTERNAL:
        return None
    return record.outcome == "ok"


def skip_succeeded(reason: SkipReason) -> bool | None:
    """False for a chat that was not sent because of its target, which is dead or hangs.

    None for any other: it counts neither way.
    """
    return False if reason in _TARGET_IS_WHY else None


def side_succeeded(side: Side) -> bool | None:
    """Whether one side of a pair succeeded, sent or not. None where it counts neither way."""
    if side.record is not None:
        return chat_succeeded(side.record)
    return None if side.skip is None else skip_succeeded(side.skip)

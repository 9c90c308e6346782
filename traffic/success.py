"""Whether an attempt succeeded: yes, no, or it counts neither way."""

from __future__ import annotations

from probes.failure import Reason
from probes.record import ChatRecord
from traffic.events import Side, SkipReason

_TARGET_IS_WHY = frozenset({SkipReason.BREAKER, SkipReason.TARGET_BUSY})


def chat_succeeded(record: ChatRecord) -> bool | None:
    """None for a chat that counts neither way: it was cancelled, or it failed by our own fault."""
    if record.outcome == "cancelled" or record.reason is Reason.INTERNAL:
        return None
    return record.outcome == "ok"


def skip_succeeded(reason: SkipReason) -> bool | None:
    """Of a chat that was not sent: False where the target itself is why (it is dead, or it hangs), None where it counts neither way."""
    return False if reason in _TARGET_IS_WHY else None


def side_succeeded(side: Side) -> bool | None:
    """Of one side of a pair, sent or not."""
    if side.record is not None:
        return chat_succeeded(side.record)
    return None if side.skip is None else skip_succeeded(side.skip)

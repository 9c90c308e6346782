"""Slows the chats with a target that serves none down to a heartbeat, until it serves one."""

from __future__ import annotations

from dataclasses import dataclass

from probes.failure import Reason
from probes.record import ChatRecord
from traffic.events import Breaker, Sink, SkipReason
from traffic.schedule import NANOSECONDS, Clock
from traffic.success import chat_succeeded

FAILURES_TO_OPEN = 5
"""Enough that one bad answer, or a connection that died, opens nothing. Few enough that a load test does not storm a
dead target."""
HEARTBEAT_SECONDS = 10
"""Seldom enough to be no load on an engine that is starting. Often enough that a scrape or two show its return."""

_ANSWERED_ALL_THE_SAME = frozenset({Reason.EMPTY, Reason.VALIDATION})
_HEARTBEAT_NS = HEARTBEAT_SECONDS * NANOSECONDS


def served(record: ChatRecord) -> bool | None:
    """Whether a chat shows that its target serves.

    None for a chat that shows nothing: it was cancelled, or failed by our own fault. An answer that is empty or wrong
    is an answer: to hold back chats would spare such a target nothing.
    """
    return True if record.reason in _ANSWERED_ALL_THE_SAME else chat_succeeded(record)


@dataclass(slots=True)
class _State:
    """Of one target.

    `trying` is whether a trial is under way, perhaps one from before the breaker closed and opened again.
    """

    failures_in_a_row: int = 0
    open: bool = False
    trying: bool = False
    trial_not_before_ns: int = 0


class Breakers:
    """One circuit breaker for each target.

    It opens when 5 chats in a row failed, in the order of their ends, for a reason that says that the target does not
    serve. These are all reasons but `empty`, `validation` and `internal`.

    While it is open, one trial chat at a time is let through, and all others are refused. Trials start at least 10
    seconds apart, and the first at least 10 seconds after the start of the chat that opened it. The first chat that is
    served closes it: a trial, or a chat that was under way when it opened.

    So it does not slow a scenario whose chats come less often than each 10 seconds, as long as they fail fast. Outages
    stay visible: trials fail, and refused chats count as attempts that were not good.
    """

    def __init__(self, clock: Clock, tell: Sink) -> None:
        self._clock = clock
        self._tell = tell
        self._states: dict[str, _State] = {}

    def refusal(self, target: str) -> SkipReason | None:
        """Why no chat may be sent to the target now; None if one may."""
        state = self._states.get(target)
        if state is None or not state.open:
            return None
        waits = state.trying or self._clock.monotonic_ns() < state.trial_not_before_ns
        return SkipReason.BREAKER if waits else None

    def begin(self, target: str) -> bool:
        """A chat that was not refused begins. True if it is a trial: then `end` or `give_back` must follow."""
        state = self._states.get(target)
        if state is None or not state.open:
            return False
        state.trying = True
        state.trial_not_before_ns = self._clock.monotonic_ns() + _HEARTBEAT_NS
        return True

    def end(self, record: ChatRecord, *, trial: bool) -> None:
        """A chat has ended. A trial that was cancelled gives its turn back."""
        serves = served(record)
        if serves is not None:
            self._learn(record, serves=serves)
        if not trial:
            return
        if record.outcome == "cancelled":
            self.give_back(record.target)
        else:
            self._states[record.target].trying = False

    def give_back(self, target: str) -> None:
        """A trial was not sent after all. The next chat may be a trial at once."""
        state = self._states[target]
        state.trying = False
        state.trial_not_before_ns = self._clock.monotonic_ns()

    def forget(self, target: str) -> None:
        """The target is gone. The breaker of a target that takes its name is closed."""
        state = self._states.pop(target, None)
        if state is not None and state.open:
            self._tell(Breaker(target, open=False))

    def _learn(self, record: ChatRecord, *, serves: bool) -> None:
        first = record.target not in self._states
        state = self._states.setdefault(record.target, _State())
        state.failures_in_a_row = 0 if serves else state.failures_in_a_row + 1
        is_open = state.failures_in_a_row >= FAILURES_TO_OPEN
        if is_open and not state.open:
            state.trial_not_before_ns = max(state.trial_not_before_ns, record.started_ns + _HEARTBEAT_NS)
        if first or is_open != state.open:
            state.open = is_open
            self._tell(Breaker(record.target, is_open))

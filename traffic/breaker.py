"""Slows the chats with a target that serves none down to a heartbeat, until it serves one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

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
_REFUSED_FOR_WHAT_WAS_ASKED = frozenset({Reason.REJECTED, Reason.AUTH, Reason.MODEL_MISSING})
_HEARTBEAT_NS = HEARTBEAT_SECONDS * NANOSECONDS


Shows = Callable[[ChatRecord], bool | None]
"""Whether a chat shows that its target serves; None where it shows nothing."""


def served(record: ChatRecord) -> bool | None:
    """Whether a chat shows that its target serves.

    None for a chat that shows nothing: it was cancelled, or failed by our own fault. An answer that is empty or wrong
    is an answer. A refusal for what was asked is one too: whoever asks for something else may be served. To hold back
    chats would spare such a target nothing. A redirect is no refusal of the engine's: whoever sends it stands before it.
    """
    if record.reason in _ANSWERED_ALL_THE_SAME:
        return True
    if record.reason in _REFUSED_FOR_WHAT_WAS_ASKED:
        return record.http_status is None or not 300 <= record.http_status < 400
    return chat_succeeded(record)


@dataclass(slots=True)
class _Turn:
    """Of one scenario with one target.

    `trying` is whether a trial is under way, perhaps one from before the breaker closed and opened again.
    """

    trying: bool = False
    trial_not_before_ns: int = 0


@dataclass(slots=True)
class _State:
    """Of one target."""

    failures_in_a_row: int = 0
    open: bool = False
    turns: defaultdict[str, _Turn] = field(default_factory=lambda: defaultdict(_Turn))


class Breakers:
    """One circuit breaker for each target.

    It opens when 5 chats in a row failed, in the order of their ends, for a reason that says that the target does not
    serve (`served`).

    While it is open, each scenario has a turn of its own: one trial chat at a time is let through, and its others are
    refused. Its trials start at least 10 seconds apart, and at least 10 seconds after the start of its last chat that
    failed before. The first chat that is served closes the breaker: a trial, or a chat that was under way when it opened.

    So no scenario takes the turn of another. One whose chats come less often than each 10 seconds is not slowed, as
    long as they fail fast. Outages stay visible: trials fail, and refused chats count as attempts that were not good.
    """

    def __init__(self, clock: Clock, tell: Sink, shows: Shows = served) -> None:
        """`shows` judges each chat, as `served` does."""
        self._shows = shows
        self._clock = clock
        self._tell = tell
        self._states: dict[str, _State] = {}

    def refusal(self, target: str, scenario: str) -> SkipReason | None:
        """Why no chat of the scenario may be sent to the target now; None if one may."""
        state = self._states.get(target)
        if state is None or not state.open:
            return None
        turn = state.turns[scenario]
        waits = turn.trying or self._clock.monotonic_ns() < turn.trial_not_before_ns
        return SkipReason.BREAKER if waits else None

    def begin(self, target: str, scenario: str) -> bool:
        """A chat that was not refused begins. True if it is a trial: then `end` or `give_back` must follow."""
        state = self._states.get(target)
        if state is None or not state.open:
            return False
        turn = state.turns[scenario]
        turn.trying = True
        turn.trial_not_before_ns = self._clock.monotonic_ns() + _HEARTBEAT_NS
        return True

    def end(self, record: ChatRecord, *, trial: bool) -> None:
        """A chat has ended. A trial that was cancelled gives its turn back."""
        serves = self._shows(record)
        if serves is not None:
            self._learn(record, serves=serves)
        if not trial:
            return
        if record.outcome == "cancelled":
            self.give_back(record.target, record.scenario)
        else:
            self._states[record.target].turns[record.scenario].trying = False

    def give_back(self, target: str, scenario: str) -> None:
        """A trial was not sent after all. The scenario's next chat may be a trial at once."""
        turn = self._states[target].turns[scenario]
        turn.trying = False
        turn.trial_not_before_ns = self._clock.monotonic_ns()

    def forget(self, target: str) -> None:
        """The target is gone. The breaker of a target that takes its name is closed."""
        state = self._states.pop(target, None)
        if state is not None and state.open:
            self._tell(Breaker(target, open=False))

    def _learn(self, record: ChatRecord, *, serves: bool) -> None:
        first = record.target not in self._states
        state = self._states.setdefault(record.target, _State())
        state.failures_in_a_row = 0 if serves else state.failures_in_a_row + 1
        if not serves and not state.open:
            turn = state.turns[record.scenario]
            turn.trial_not_before_ns = max(turn.trial_not_before_ns, record.started_ns + _HEARTBEAT_NS)
        is_open = state.failures_in_a_row >= FAILURES_TO_OPEN
        if first or is_open != state.open:
            state.open = is_open
            self._tell(Breaker(record.target, is_open))

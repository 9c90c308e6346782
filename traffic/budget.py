"""How many tokens may be spent in an hour."""

from __future__ import annotations

from probes.failure import Reason
from probes.record import ChatRecord
from traffic.events import SkipReason
from traffic.schedule import NANOSECONDS, Clock
from traffic.sliding import SlidingSum

_MINUTE_NS = 60 * NANOSECONDS
_TURNED_AWAY = frozenset({Reason.AUTH, Reason.MODEL_MISSING, Reason.OVERLOADED, Reason.REJECTED})


def spent(record: ChatRecord, reserved: int) -> int:
    """The tokens that a chat cost, input and output.

    They are what its engine told. A chat that was never sent or was turned away cost 0. Where the engine told nothing,
    all that was reserved counts: it may have generated on after the connection was given up.
    """
    if record.input_tokens is not None or record.token_source == "usage":
        return (record.input_tokens or 0) + (record.output_tokens or 0)
    turned_away = record.reason in _TURNED_AWAY and not record.chunks
    return 0 if record.sent_ns is None or turned_away else reserved


class TokenBudget:
    """A bound on the tokens of all targets together, input and output, in any 60 minutes. None is no bound.

    A chat reserves what it may cost when it is admitted. It pays what it did cost when it ends, in the minute of its
    end. What it paid is free again 60 to 61 minutes later. So no 60 minutes see more than the budget, but for tokens
    that a chat cost above what it had reserved, as its input can only be estimated. All of this is counted without a
    bound too, so that a bound that comes later holds at once.
    """

    def __init__(self, tokens_per_hour: int | None, clock: Clock) -> None:
        self._tokens_per_hour = tokens_per_hour
        self._clock = clock
        self._reserved = 0
        self._spent = SlidingSum(steps=60, step_ns=_MINUTE_NS)

    def configure(self, tokens_per_hour: int | None) -> None:
        """Have a new bound. What is spent and reserved stays."""
        self._tokens_per_hour = tokens_per_hour

    def refusal(self, tokens: int) -> SkipReason | None:
        """Why a chat that may cost so many tokens may not be sent now; None if it may."""
        if self._tokens_per_hour is None:
            return None
        kept = self._reserved + self._spent.total(self._clock.monotonic_ns())
        return SkipReason.TOKEN_BUDGET if kept + tokens > self._tokens_per_hour else None

    def reserve(self, tokens: int) -> None:
        """Keep so many tokens for a chat, until `settle`."""
        self._reserved += tokens

    def settle(self, reserved: int, cost: int) -> None:
        """A chat that had reserved so many tokens has ended, and cost so many."""
        self._reserved -= reserved
        self._spent.add(cost, self._clock.monotonic_ns())

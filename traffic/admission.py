"""Whether a chat that is due may be sent: what keeps the engines under watch, and chatprobe itself, from harm."""

from __future__ import annotations

from dataclasses import dataclass

from config.model import Limits
from probes.record import ChatRecord
from traffic.breaker import Breakers
from traffic.budget import TokenBudget, spent
from traffic.events import Sink, SkipReason
from traffic.schedule import Clock
from traffic.streams import StreamCaps
from traffic.yielding import UNKNOWN_USAGE, Usage, Yielding


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One chat may be sent: it holds a stream and `tokens` of the budget, and is a trial where the target's breaker is open.

    Each is its own: two with the same words are two chats.
    """

    target: str
    tokens: int
    trial: bool = False


class Admission:
    """Lets a chat through if nothing speaks against it: breaker, the target's streams, all streams, token budget, load share, in this order.

    What an earlier one would grant is taken only when the last has not refused, so a refusal leaves no trace. Every ticket must be
    released exactly once.
    """

    def __init__(self, limits: Limits, clock: Clock, tell: Sink, usage: Usage = UNKNOWN_USAGE) -> None:
        self._streams = StreamCaps(limits.streams, limits.streams_per_target)
        self._breakers = Breakers(clock, tell)
        self._budget = TokenBudget(limits.tokens_per_hour, clock)
        self._yielding = Yielding(limits.load_share, usage, clock)
        self._of_known_targets: set[Ticket] = set()

    @property
    def in_flight(self) -> int:
        """Chats that are open now."""
        return self._streams.in_flight

    def configure(self, limits: Limits) -> None:
        """New limits, from the next chat on. What is open and what is spent stays, and breakers stay as they are."""
        self._streams.configure(limits.streams, limits.streams_per_target)
        self._budget.configure(limits.tokens_per_hour)
        self._yielding.configure(limits.load_share)

    def admit(self, target: str, *, tokens: int, yields: bool = False) -> Ticket | SkipReason:
        """A ticket for one chat that may cost so many tokens (input as estimated, output at most); or why it may not be sent now.

        `yields`: the chat's scenario makes way for others who use the engine.
        """
        refusal = self._breakers.refusal(target) or self._streams.refusal(target) or self._budget.refusal(tokens)
        if refusal is None and yields:
            refusal = self._yielding.refusal(target, self._streams.open_to(target))
        if refusal is not None:
            return refusal
        self._streams.open(target)
        self._budget.reserve(tokens)
        ticket = Ticket(target, tokens, trial=self._breakers.begin(target))
        self._of_known_targets.add(ticket)
        return ticket

    def release(self, ticket: Ticket, record: ChatRecord | None) -> None:
        """The chat has ended; None if it was not sent after all."""
        self._streams.close(ticket.target)
        self._budget.settle(ticket.tokens, 0 if record is None else spent(record, ticket.tokens))
        if ticket not in self._of_known_targets:
            return
        self._of_known_targets.remove(ticket)
        if record is not None:
            self._yielding.generated(ticket.target, record.output_tokens or 0)
            self._breakers.end(record, trial=ticket.trial)
        elif ticket.trial:
            self._breakers.give_back(ticket.target)

    def forget(self, target: str) -> None:
        """The target is gone. Its chats that are still open say nothing of one that takes its name, but hold their streams and tokens."""
        self._breakers.forget(target)
        self._yielding.forget(target)
        self._of_known_targets = {ticket for ticket in self._of_known_targets if ticket.target != target}

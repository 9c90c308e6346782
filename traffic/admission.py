"""Decides whether a chat that is due may be sent: this keeps the engines, and chatprobe itself, from harm."""

from __future__ import annotations

from dataclasses import dataclass

from config.model import Limits
from probes.record import ChatRecord
from traffic.breaker import Breakers, Shows, served
from traffic.budget import TokenBudget, spent
from traffic.events import Sink, SkipReason
from traffic.schedule import Clock
from traffic.streams import StreamCaps
from traffic.yielding import UNKNOWN_USAGE, Usage, Yielding


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """Leave to send one chat. It holds a stream and `tokens` of the budget.

    `trial` is whether the chat is to show if a target with an open breaker serves again. Each ticket is equal to itself
    alone.
    """

    target: str
    scenario: str
    tokens: int
    trial: bool = False


class Admission:
    """Admits a chat unless something refuses it.

    These are asked in this order: the breaker, the target's cap on streams, the cap on all streams, the token budget,
    the load share. What they grant is taken only once none has refused, so a refusal leaves no trace. Every ticket must
    be released exactly once.
    """

    def __init__(self, limits: Limits, clock: Clock, tell: Sink, usage: Usage = UNKNOWN_USAGE, shows: Shows = served) -> None:
        """`shows` says of a chat whether it shows that its target serves, which the breaker goes by."""
        self._streams = StreamCaps(limits.streams, limits.streams_per_target)
        self._breakers = Breakers(clock, tell, shows)
        self._budget = TokenBudget(limits.tokens_per_hour, clock)
        self._yielding = Yielding(limits.load_share, usage, clock)
        self._of_known_targets: set[Ticket] = set()

    @property
    def in_flight(self) -> int:
        """Chats that are open now."""
        return self._streams.in_flight

    def configure(self, limits: Limits) -> None:
        """Have new limits from the next chat on. Open chats, spent tokens and breakers stay as they are."""
        self._streams.configure(limits.streams, limits.streams_per_target)
        self._budget.configure(limits.tokens_per_hour)
        self._yielding.configure(limits.load_share)

    def admit(self, target: str, scenario: str, *, tokens: int, yields: bool = False) -> Ticket | SkipReason:
        """A ticket for one chat of a scenario, or why the chat may not be sent now.

        `tokens` is what the chat may cost: its input as estimated, and its output at most. `yields` is whether the
        chat's scenario makes way for others who use the engine.
        """
        refusal = self._breakers.refusal(target, scenario) or self._streams.refusal(target) or self._budget.refusal(tokens)
        if refusal is None and yields:
            refusal = self._yielding.refusal(target, self._streams.open_to(target))
        if refusal is not None:
            return refusal
        self._streams.open(target)
        self._budget.reserve(tokens)
        ticket = Ticket(target, scenario, tokens, trial=self._breakers.begin(target, scenario))
        self._of_known_targets.add(ticket)
        return ticket

    def release(self, ticket: Ticket, record: ChatRecord | None) -> None:
        """The chat of this ticket has ended. `record` is None if the chat was not sent after all."""
        self._streams.close(ticket.target)
        self._budget.settle(ticket.tokens, 0 if record is None else spent(record, ticket.tokens))
        if ticket not in self._of_known_targets:
            return
        self._of_known_targets.remove(ticket)
        if record is not None:
            self._yielding.generated(ticket.target, record.output_tokens or 0)
            self._breakers.end(record, trial=ticket.trial)
        elif ticket.trial:
            self._breakers.give_back(ticket.target, ticket.scenario)

    def forget(self, target: str) -> None:
        """The target is gone.

        A target that takes its name later is not judged by the chats of this one that are still open. These go on to
        hold their streams and tokens.
        """
        self._breakers.forget(target)
        self._yielding.forget(target)
        self._of_known_targets = {ticket for ticket in self._of_known_targets if ticket.target != target}

"""What traffic's events say of every target now: its last chats, why chats are held back, since when it fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.failure import Failure, Reason
from probes.record import ChatRecord
from traffic.breaker import served
from traffic.events import Breaker, Event, Facts, Skip
from traffic.roster import Member, Roster


@dataclass(slots=True)
class Counted:
    """What the metrics of one target's chats of one scenario say: they begin anew with another model. Instants are in seconds since the epoch.

    `succeeded` is of the last chat that did not fail by our own fault.
    """

    chats: int = 0
    succeeded: bool | None = None
    last: float | None = None
    last_success: float | None = None

    def take(self, chat: ChatRecord) -> None:
        """A chat that ended `ok` or `failed`."""
        self.chats += 1
        self.last = chat.started_at + chat.e2e_seconds
        if chat.failure is None:
            self.last_success = self.last
        if chat.reason is not Reason.INTERNAL:
            self.succeeded = chat.failure is None


@dataclass(slots=True)
class OfScenario:
    """One target under one scenario.

    `last` is what last became of a chat that was due, `chat` the last that was held. `failing_since` is when the first
    of the failures in a row began, seconds since the epoch, and `failures` how many there are; None and 0 where the
    last chat succeeded. `unserved` is the last failure that says that the target does not serve.
    """

    name: str
    last: ChatRecord | Skip | None = None
    chat: ChatRecord | None = None
    failing_since: float | None = None
    failures: int = 0
    unserved: Failure | None = None
    counted: Counted = field(default_factory=Counted)

    def take(self, chat: ChatRecord) -> None:
        """A chat that ended `ok` or `failed`."""
        self.last = self.chat = chat
        self.counted.take(chat)
        if chat.failure is None:
            self.failing_since, self.failures = None, 0
        else:
            self.failing_since = chat.started_at if self.failing_since is None else self.failing_since
            self.failures += 1
        serves = served(chat)
        if serves:
            self.unserved = None
        elif serves is False:
            self.unserved = chat.failure


@dataclass(slots=True)
class Stand:
    """One target. `version` grows with every event about it. Instants are seconds since the epoch.

    `blamed` is the scenario whose chat was the last to show that the target does not serve. `ended` are chats since
    chatprobe's start, by outcome.
    """

    member: Member
    scenarios: dict[str, OfScenario]
    facts: Facts
    broken: bool = False
    blamed: str | None = None
    certificate_expiry: float | None = None
    last_success: float | None = None
    clock: str = ""
    ended: Counter[str] = field(default_factory=Counter)
    version: int = 0

    @property
    def name(self) -> str:
        return self.member.endpoint.name

    def begin_anew(self) -> None:
        """It has another model: what was told of the one before ends."""
        self.certificate_expiry = None
        for one in self.scenarios.values():
            one.counted = Counted()

    @property
    def counted(self) -> dict[str, Counted]:
        """What the metrics say of its chats of each scenario."""
        return {name: one.counted for name, one in self.scenarios.items()}

    @property
    def backend(self) -> str:
        return self.member.endpoint.backend

    @property
    def opened_by(self) -> tuple[str, Failure] | None:
        """The scenario whose chat had the breaker open, and why it failed; None where that is not known."""
        name = self.blamed
        found = None if name is None or name not in self.scenarios else self.scenarios[name].unserved
        return None if name is None or found is None else (name, found)


class Standing:
    """A sink that keeps how every target stands."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self._stands: dict[str, Stand] = {}
        self.show(roster)

    def show(self, roster: Roster) -> None:
        """Keep these targets and scenarios from now on. What is known of others is forgotten."""
        self.roster = roster
        held: dict[str, list[str]] = {name: [] for name in roster.members}
        for scenario, settings in roster.config.scenarios.items():
            for name in roster.of(settings):
                held[name].append(scenario)
        before, self._stands = self._stands, {}
        for name, member in roster.members.items():
            stand = before.get(name)
            if stand is None or stand.backend != member.endpoint.backend:
                stand = Stand(member, {}, Facts(name, model=member.endpoint.configured_model))
            stand.member = member
            stand.scenarios = {scenario: stand.scenarios.get(scenario) or OfScenario(scenario) for scenario in held[name]}
            stand.version += 1
            self._stands[name] = stand

    @property
    def stands(self) -> Mapping[str, Stand]:
        """Every target, by name, in the order of the configuration."""
        return self._stands

    def __call__(self, event: Event) -> None:
        match event:
            case Facts() | Breaker() | Skip() | ChatRecord():
                stand = self._stands.get(event.target)
                if stand is not None:
                    _take(stand, event)
                    stand.version += 1


def _take(stand: Stand, event: Facts | Breaker | Skip | ChatRecord) -> None:
    match event:
        case Facts():
            if event.model != stand.facts.model:
                stand.begin_anew()
            stand.facts = event
        case Breaker():
            stand.broken = event.open
        case Skip():
            if (scenario := stand.scenarios.get(event.scenario)) is not None:
                scenario.last = event
        case ChatRecord(outcome="ok" | "failed"):
            if (scenario := stand.scenarios.get(event.scenario)) is not None:
                scenario.take(event)
                _count(stand, event)


def _count(stand: Stand, chat: ChatRecord) -> None:
    stand.ended[chat.outcome] += 1
    stand.clock = chat.clock
    stand.certificate_expiry = chat.certificate_expiry or stand.certificate_expiry
    if chat.failure is None:
        stand.last_success = chat.started_at + chat.e2e_seconds
    elif served(chat) is False:
        stand.blamed = chat.scenario

"""What is known of targets beside their chats: a sink that remembers facts and breakers."""

from __future__ import annotations

from traffic.events import Breaker, Event, Facts
from traffic.roster import Roster


class Known:
    """Remembers the last facts of each target, and whether its breaker is open."""

    def __init__(self) -> None:
        self._facts: dict[str, Facts] = {}
        self._open: dict[str, bool] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case Facts():
                self._facts[event.target] = event
            case Breaker():
                self._open[event.target] = event.open

    def show(self, roster: Roster) -> None:
        """Forget all targets but these."""
        self._facts = {name: facts for name, facts in self._facts.items() if name in roster.members}
        self._open = {name: is_open for name, is_open in self._open.items() if name in roster.members}

    def facts(self, target: str) -> Facts:
        """What is known; nothing before the engine was asked."""
        return self._facts.get(target) or Facts(target)

    def breaker_open(self, target: str) -> bool | None:
        """Whether chats are held back; None before the first."""
        return self._open.get(target)

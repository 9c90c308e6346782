"""What the pages are made of: everything that the exporter's parts know, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from discovery.plan import Plan
from exporter.history.store import History
from exporter.web.pages.alarms import Alarms
from exporter.web.pages.budgets import Budget, Budgets
from exporter.web.pages.duels import Duels
from exporter.web.pages.engine_side import EngineSide
from exporter.web.pages.own import OwnFigures
from exporter.web.pages.standing import Standing
from traffic.roster import Roster
from traffic.schedule import Clock


@dataclass(frozen=True, slots=True)
class Scene:
    """The sources of all pages.

    `not_ready` says why nothing is probed, None where it is. `troubles` are what is wrong with the configuration, with
    discovery or with the port. `config` is YAML without secrets. `next_due` gives when the next chats with a target are due, by scenario,
    on the monotonic clock.
    """

    clock: Clock
    history: History
    standing: Standing
    budgets: Budgets
    alarms: Alarms
    duels: Duels
    plan: Callable[[], Plan]
    not_ready: Callable[[], str | None]
    troubles: Callable[[], Iterable[str]]
    config: Callable[[], str]
    next_due: Callable[[str], Mapping[str, int]]
    engine_side: Callable[[str], EngineSide]
    own: Callable[[], OwnFigures]

    def show(self, roster: Roster) -> None:
        """Show these targets and scenarios from now on."""
        self.standing.show(roster)
        self.budgets.show(roster)
        self.alarms.show(roster)
        self.duels.show(roster)

    def budgets_of(self, target: str) -> list[Budget]:
        """The error budgets of a target, with its alerts as the last evaluation left them."""
        self.alarms.catch_up(target)
        return self.budgets.of(target)

    def known_seconds(self, target: str) -> float:
        """For how long anything is known of the chats with a target; 0 before the first."""
        since = self.history.since(target)
        return 0.0 if since is None else self.clock.epoch_seconds() - since

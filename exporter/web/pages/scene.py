"""What the pages are made of: everything that the exporter's parts know, and how it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from discovery.plan import Plan
from exporter.history.store import History
from exporter.web.pages.budgets import Budgets
from exporter.web.pages.duels import Duels
from exporter.web.pages.engine_side import EngineSide
from exporter.web.pages.own import OwnFigures
from exporter.web.pages.standing import Standing
from traffic.roster import Roster
from traffic.schedule import Clock


@dataclass(frozen=True, slots=True)
class Scene:
    """The sources of all pages.

    `not_ready` says why nothing is probed, None where it is. `troubles` are what is wrong with the configuration or with
    discovery. `config` is YAML without secrets. `next_due` gives when the next chats with a target are due, by scenario,
    on the monotonic clock.
    """

    clock: Clock
    history: History
    standing: Standing
    budgets: Budgets
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
        self.duels.show(roster)

"""Who wins where one prompt goes to several targets at the same instant."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from traffic.events import Event, Pair
from traffic.pairs import Comparison, Measure, compared
from traffic.roster import Roster

PAIRS_KEPT = 200
"""Of two targets under one scenario, so many of the last pairs count."""


@dataclass(frozen=True, slots=True)
class Duel:
    """What two targets won against each other on one measure, of so many `pairs`."""

    scenario: str
    measure: Measure
    one: str
    other: str
    one_won: int
    other_won: int
    pairs: int

    @property
    def winner(self) -> str | None:
        """Who won more often; None where neither did."""
        return None if self.one_won == self.other_won else self.one if self.one_won > self.other_won else self.other


class Duels:
    """A sink that keeps the last pairs of all scenarios that compare their targets."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._fought: dict[tuple[str, str, str], deque[tuple[Comparison, Comparison]]] = {}

    def show(self, roster: Roster) -> None:
        """Keep these targets and scenarios from now on."""
        self._roster = roster
        wanted = {(name, target) for name, scenario in roster.config.scenarios.items() if scenario.pair for target in roster.of(scenario)}
        self._fought = {key: fought for key, fought in self._fought.items() if {(key[0], key[1]), (key[0], key[2])} <= wanted}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Pair) and (scenario := self._roster.config.scenarios.get(event.scenario)) is not None:
            found = {(one.target, one.peer): one for one in compared(event, answer_tokens=scenario.max_tokens)}
            for (target, peer), comparison in found.items():
                if target < peer and (back := found.get((peer, target))) is not None:
                    self._fought.setdefault((event.scenario, target, peer), deque(maxlen=PAIRS_KEPT)).append((comparison, back))

    def fought(self) -> Iterator[Duel]:
        """Every two targets that were compared, on each measure."""
        for (scenario, one, other), pairs in self._fought.items():
            for measure in Measure:
                won = sum(measure in mine.won for mine, _ in pairs)
                lost = sum(measure in theirs.won for _, theirs in pairs)
                yield Duel(scenario, measure, one, other, won, lost, len(pairs))

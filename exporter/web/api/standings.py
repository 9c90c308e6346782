"""How targets stand: what is known of them, their chats summed up, their SLOs, and who won pairs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from config.demand import chats_per_second_on_average
from config.model import Slo
from exporter.history.store import History
from exporter.history.tally import MEASURES
from exporter.history.window import Goodput as Goodputs
from exporter.history.window import Quantiles as Spread
from exporter.urls import shown_url
from exporter.web.api.models import (
    Goodput,
    Measures,
    PairState,
    Quantiles,
    SloState,
    Summary,
    Target,
    WhichPairs,
    WhichSummary,
    WhichTargets,
)
from exporter.web.api.operations import Asked
from exporter.web.pages.standing import Stand, Standing
from traffic.pairs import Measure

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class _Chats:
    """The chats of one scenario with one target."""

    target: str
    scenario: str


class Standings:
    """Answers questions for the state of things."""

    def __init__(self, standing: Standing, history: History) -> None:
        self._standing = standing
        self._history = history
        self._turn = asyncio.Lock()

    async def targets(self, asked: Asked) -> list[Target]:
        """The targets that are chatted with."""
        query: WhichTargets = asked.query
        return [_target(stand) for name, stand in self._standing.stands.items() if query.target in (None, name)]

    async def summary(self, asked: Asked) -> list[Summary]:
        """The chats of each target and scenario."""
        query: WhichSummary = asked.query
        wanted = [one for one in self._chats() if query.target in (None, one.target) and query.scenario in (None, one.scenario)]
        return [row async for row in self._in_turn(wanted, lambda one: [self._summary(one, query)])]

    async def slos(self, asked: Asked) -> list[SloState]:
        """Each SLO with each of its targets."""
        query: WhichTargets = asked.query
        wanted = [one for one in self._chats() if query.target in (None, one.target)]
        return [row async for row in self._in_turn(wanted, self._slos)]

    async def pairs(self, asked: Asked) -> list[PairState]:
        """Each target with each of its peers."""
        query: WhichPairs = asked.query
        wanted = [one for one in self._chats() if query.scenario in (None, one.scenario)]
        return [row async for row in self._in_turn(wanted, lambda one: self._pairs(one, query))]

    async def _in_turn(self, wanted: Iterable[_Chats], rows: Callable[[_Chats], Iterable[Row]]) -> AsyncIterator[Row]:
        """What is made of each, one after the other, and for one request at a time.

        Whatever else waits for the event loop has its turn in between: of 200 targets, a day takes a second in all.
        """
        async with self._turn:
            for one in wanted:
                for row in rows(one):
                    yield row
                await asyncio.sleep(0)

    def _chats(self) -> Iterator[_Chats]:
        roster = self._standing.roster
        for name, scenario in roster.config.scenarios.items():
            for target in roster.of(scenario):
                yield _Chats(target, name)

    def _summary(self, of: _Chats, query: WhichSummary) -> Summary:
        window = self._history.window(of.target, of.scenario, query.window_seconds, query.ago_seconds)
        return Summary(
            target=of.target,
            scenario=of.scenario,
            window_seconds=query.window_seconds,
            ago_seconds=query.ago_seconds,
            chats=window.count,
            ok=window.ok,
            failed=window.failed,
            failures=dict(window.failures),
            skips=dict(window.skips),
            output_tokens_per_second=window.output_tokens_per_second,
            measures=Measures(**{measure: _quantiles(window.quantiles(measure)) for measure in MEASURES.values()}),
            goodput={name: Goodput(attempts=found.attempts, good=found.good, share=found.share) for name, found in window.goodput.items()},
        )

    def _slos(self, of: _Chats) -> Iterator[SloState]:
        for name, slo in self._standing.roster.config.slos.items():
            if slo.scenario == of.scenario:
                yield self._slo(of, name, slo)

    def _slo(self, of: _Chats, name: str, slo: Slo) -> SloState:
        found = self._history.counts(of.target, of.scenario, slo.window_seconds).goodput.get(name, Goodputs(0, 0))
        expected = chats_per_second_on_average(self._standing.roster.config.scenarios[of.scenario]) * slo.window_seconds
        allowed = (1 - float(slo.objective)) * max(found.attempts, expected)
        return SloState(
            slo=name,
            target=of.target,
            scenario=of.scenario,
            objective=float(slo.objective),
            window_seconds=slo.window_seconds,
            thresholds=slo.thresholds,
            attempts=found.attempts,
            good=found.good,
            share=found.share,
            budget_left=1 - (found.attempts - found.good) / allowed if found.attempts else None,
        )

    def _pairs(self, of: _Chats, query: WhichPairs) -> Iterator[PairState]:
        for peer, found in sorted(self._history.counts(of.target, of.scenario, query.window_seconds).pairs.items()):
            wins = {each: found.wins.get(each, 0) for each in Measure}
            yield PairState(scenario=of.scenario, target=of.target, peer=peer, pairs=found.pairs, wins=wins)


def _target(stand: Stand) -> Target:
    facts, endpoint = stand.facts, stand.member.endpoint
    return Target(
        name=stand.name,
        backend=stand.backend,
        url=shown_url(endpoint.url),
        source=stand.member.source,
        model=facts.model,
        served_model=facts.served_model,
        version=facts.backend_version,
        model_loaded=facts.model_loaded,
        breaker_open=stand.broken,
        scenarios=list(stand.scenarios),
    )


def _quantiles(spread: Spread) -> Quantiles:
    return Quantiles(count=spread.count, p50=spread.p50, p90=spread.p90, p95=spread.p95, p99=spread.p99)

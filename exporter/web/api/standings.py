"""How targets stand: what is known of them, their chats summed up, their SLOs, and who won pairs."""

from __future__ import annotations

from collections.abc import Iterator

from config.demand import chats_per_second_on_average
from config.model import Slo
from exporter.history.store import History
from exporter.history.tally import MEASURES
from exporter.history.window import Goodput as Goodputs
from exporter.history.window import Quantiles as Spread
from exporter.history.window import Window
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


class Standings:
    """Answers questions for the state of things."""

    def __init__(self, standing: Standing, history: History) -> None:
        self._standing = standing
        self._history = history

    async def targets(self, asked: Asked) -> list[Target]:
        """The targets that are chatted with."""
        query: WhichTargets = asked.query
        return [_target(stand) for name, stand in self._standing.stands.items() if query.target in (None, name)]

    async def summary(self, asked: Asked) -> list[Summary]:
        """The chats of each target and scenario."""
        query: WhichSummary = asked.query
        return [
            _summary(target, scenario, self._history.window(target, scenario, query.window_seconds, query.ago_seconds), query)
            for scenario, target in self._chats()
            if query.target in (None, target) and query.scenario in (None, scenario)
        ]

    async def slos(self, asked: Asked) -> list[SloState]:
        """Each SLO with each of its targets."""
        query: WhichTargets = asked.query
        return [
            self._slo(name, slo, target)
            for name, slo in self._standing.roster.config.slos.items()
            for scenario, target in self._chats()
            if scenario == slo.scenario and query.target in (None, target)
        ]

    async def pairs(self, asked: Asked) -> list[PairState]:
        """Each target with each of its peers."""
        query: WhichPairs = asked.query
        return [
            PairState(scenario=scenario, target=target, peer=peer, pairs=found.pairs, wins={each: found.wins.get(each, 0) for each in Measure})
            for scenario, target in self._chats()
            if query.scenario in (None, scenario)
            for peer, found in sorted(self._history.window(target, scenario, query.window_seconds).pairs.items())
        ]

    def _chats(self) -> Iterator[tuple[str, str]]:
        """(scenario, target) of all that is chatted with."""
        roster = self._standing.roster
        for name, scenario in roster.config.scenarios.items():
            for target in roster.of(scenario):
                yield name, target

    def _slo(self, name: str, slo: Slo, target: str) -> SloState:
        found = self._history.goodput(target, slo.scenario, slo.window_seconds).get(name, Goodputs(0, 0))
        expected = chats_per_second_on_average(self._standing.roster.config.scenarios[slo.scenario]) * slo.window_seconds
        allowed = (1 - float(slo.objective)) * max(found.attempts, expected)
        return SloState(
            slo=name,
            target=target,
            scenario=slo.scenario,
            objective=float(slo.objective),
            window_seconds=slo.window_seconds,
            thresholds=slo.thresholds,
            attempts=found.attempts,
            good=found.good,
            share=found.share,
            budget_left=1 - (found.attempts - found.good) / allowed if found.attempts else None,
        )


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


def _summary(target: str, scenario: str, window: Window, query: WhichSummary) -> Summary:
    return Summary(
        target=target,
        scenario=scenario,
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


def _quantiles(spread: Spread) -> Quantiles:
    return Quantiles(count=spread.count, p50=spread.p50, p90=spread.p90, p95=spread.p95, p99=spread.p99)

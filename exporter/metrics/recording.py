"""Traffic's events become metrics."""

from __future__ import annotations

from functools import partial

from config.model import Config, Slo
from exporter.metrics import catalogue
from exporter.metrics.chats import ChatSeries
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from exporter.urls import shown_url
from probes.record import ChatRecord
from traffic.events import UNKNOWN_MODEL, Event, Facts, Skip

STATIC = "static"
"""The `source` of targets that stand in the configuration."""


class Recording:
    """A sink of traffic's events that keeps the series of every configured target, from 0 and from the start.

    Where a target's model becomes known, or changes, its series end and new ones begin at 0. A chat that was under way then is
    counted with the new ones: no chat is lost, and no ended series comes back.
    """

    def __init__(self, config: Config, families: Families, ledger: Ledger) -> None:
        self._config = config
        self._families = families
        self._ledger = ledger
        self._doubtful = config.limits.doubtful
        self._own = Series(families)
        self._targets: dict[str, Series] = {}
        self._chats: dict[tuple[str, str], ChatSeries] = {}
        self._models: dict[str, str] = {}
        ledger.write(self._begin)

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord():
                self._ledger.write(partial(self._record, event))
            case Skip():
                self._ledger.write(partial(self._skip, event))
            case Facts():
                self._ledger.write(partial(self._learn, event))

    def drop(self, target: str) -> None:
        """The target is gone, and takes its series along; its chats that are still under way count nowhere."""
        self._ledger.write(partial(self._end, target))

    def _begin(self) -> None:
        self._own.put(catalogue.TARGETS, len(self._config.targets), STATIC)
        for name, scenario in self._config.scenarios.items():
            thinking = "on" if scenario.thinking else "off"
            self._own.put(catalogue.SCENARIO_INFO, 1, name, scenario.cache, scenario.connection, thinking)
        self._own.touch(catalogue.SCHEDULE_LAG)
        self._own.touch(catalogue.COALESCED_CHUNKS)
        for name, target in self._config.targets.items():
            self._learn(Facts(name, model=target.model or UNKNOWN_MODEL))

    def _record(self, record: ChatRecord) -> None:
        chats = self._chats.get((record.target, record.scenario))
        if chats is None or record.outcome == "cancelled":
            return
        chats.record(record)
        if record.certificate_expiry is not None:
            self._targets[record.target].put(catalogue.CERTIFICATE_EXPIRY, record.certificate_expiry)
        if record.due_ns is not None:
            self._own.put(catalogue.SCHEDULE_LAG, record.schedule_lag_seconds)
        if record.chunks:
            self._own.put(catalogue.COALESCED_CHUNKS, sum(chunk.shared for chunk in record.chunks))
            self._own.put_only(catalogue.MEASUREMENT_CLOCK, 1, record.clock)

    def _skip(self, skip: Skip) -> None:
        chats = self._chats.get((skip.target, skip.scenario))
        if chats is not None:
            chats.skip(skip.reason)

    def _learn(self, facts: Facts) -> None:
        if self._models.get(facts.target) != facts.model:
            self._end(facts.target)
            self._start(facts.target, facts.model)
        series = self._targets[facts.target]
        url = shown_url(self._config.targets[facts.target].url)
        series.put_only(catalogue.TARGET_INFO, 1, url, facts.served_model or "", facts.backend_version or "", STATIC)
        if facts.model_loaded is not None:
            series.put(catalogue.MODEL_LOADED, facts.model_loaded)

    def _start(self, target: str, model: str) -> None:
        labels = (target, self._config.targets[target].backend, model)
        self._models[target] = model
        self._targets[target] = Series(self._families, labels)
        for name, scenario in self._config.scenarios.items():
            if target in self._config.targets_of(scenario):
                self._chats[target, name] = ChatSeries(self._families, (*labels, name), self._slos_of(name), self._doubtful)

    def _end(self, target: str) -> None:
        if target in self._targets:
            del self._models[target]
            self._targets.pop(target).end()
        for key in [key for key in self._chats if key[0] == target]:
            self._chats.pop(key).end()

    def _slos_of(self, scenario: str) -> dict[str, Slo]:
        return {name: slo for name, slo in self._config.slos.items() if slo.scenario == scenario}


def thresholds(config: Config) -> dict[str, set[float]]:
    """The union of all SLOs' thresholds, by the name of the metric that they are on."""
    found: dict[str, set[float]] = {catalogue.TTFT.name: set(), catalogue.TPOT.name: set(), catalogue.E2E.name: set()}
    for slo in config.slos.values():
        for metric, seconds in ((catalogue.TTFT, slo.ttft_seconds), (catalogue.TPOT, slo.tpot_seconds), (catalogue.E2E, slo.e2e_seconds)):
            if seconds is not None:
                found[metric.name].add(seconds)
    return found

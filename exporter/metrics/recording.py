"""Traffic's events become metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

from catalogue import own
from config.demand import longest_interval_seconds
from config.model import Config, Scenario, Slo
from discovery.files import FILES
from discovery.kubernetes.enrolling import KUBERNETES
from exporter.metrics.boundaries import beginning_anew, thresholds
from exporter.metrics.chats import ChatSeries, Terms
from exporter.metrics.families import Families, Series
from exporter.metrics.ledger import Ledger
from exporter.urls import shown_url
from probes.record import ChatRecord
from probes.wholeness import CHECK
from traffic.events import Breaker, Event, Facts, ModelLoad, Pair, Skip
from traffic.pairs import compared, spread_seconds
from traffic.roster import Member, Roster


class Recording:
    """A sink of traffic's events that keeps the series of every target, from 0 and from the start.

    Where a target's model becomes known, or changes, its series end and new ones begin at 0. A chat that was under way then is
    counted with the new ones: no chat is lost, and no ended series comes back. Events about whom nobody follows any more count nowhere.
    """

    def __init__(self, families: Families, ledger: Ledger, roster: Roster) -> None:
        self._families = families
        self._ledger = ledger
        self._roster = roster
        self._own = Series(families)
        self._targets: dict[str, Series] = {}
        self._chats: dict[tuple[str, str], ChatSeries] = {}
        self._facts: dict[str, Facts] = {}
        self._breakers: dict[str, bool] = {}
        self._wanted: set[tuple[str, str]] = set()
        self._own.touch(own.SCHEDULE_LAG)
        self._own.touch(own.COALESCED_CHUNKS)
        self._own.touch(own.PAIR_SPREAD)
        self.set_targets(roster)

    def __call__(self, event: Event) -> None:
        match event:
            case ChatRecord():
                self._ledger.write(partial(self._record, event))
            case Skip():
                self._ledger.write(partial(self._skip, event))
            case Facts():
                self._ledger.write(partial(self._learn, event))
            case ModelLoad():
                self._ledger.write(partial(self._load, event))
            case Breaker():
                self._ledger.write(partial(self._break, event))
            case Pair():
                self._ledger.write(partial(self._pair, event))

    def set_targets(self, roster: Roster) -> None:
        """Keep series for this configuration and these targets from now on.

        A scrape sees the series of before or those of afterwards, never a mixture. Whatever goes on keeps its series as they are;
        targets and scenarios that are gone take theirs along. Histograms whose boundaries change begin anew, as whole families.
        Where the configuration is the same, nothing is done about targets that have not changed.
        """
        self._ledger.write(partial(self._set_targets, roster))

    def _set_targets(self, roster: Roster) -> None:
        before, self._roster = self._roster, roster
        for target in list(self._targets):
            if target not in roster.members or roster.members[target].endpoint.backend != before.members[target].endpoint.backend:
                self._end(target)
        self._wanted = {(target, name) for name, scenario in roster.config.scenarios.items() for target in roster.of(scenario)}
        for key in self._chats.keys() - self._wanted:
            self._chats.pop(key).end()
        if roster.config is not before.config:
            self._reconfigure(before.config, roster.config)
        for (target, name), chats in self._chats.items():
            if roster.config is not before.config or roster.config.scenarios[name].pair:
                chats.agree(self._terms(target, name))
        for target, member in roster.members.items():
            if target not in self._targets:
                self._learn(Facts(target, model=member.endpoint.configured_model))
                continue
            self._begin_chats(target)
            if before.members.get(target) is not member:
                self._inform(target)
        self._tell_of(roster)

    def _reconfigure(self, before: Config, after: Config) -> None:
        begin_anew = beginning_anew(before, after)
        self._families.divide(thresholds(after), begin_anew)
        for chats in self._chats.values():
            chats.renew(begin_anew)

    def _tell_of(self, roster: Roster) -> None:
        discovery = roster.config.discovery
        counted = Counter({source: 0 for source, wanted in ((FILES, discovery.files), (KUBERNETES, discovery.kubernetes)) if wanted})
        counted.update(member.source for member in roster.members.values())
        self._own.keep_only(own.TARGETS, [(source,) for source in counted])
        for source, count in counted.items():
            self._own.record(own.TARGETS, count, source)
        scenarios = [_facts_of(name, scenario) for name, scenario in roster.config.scenarios.items()]
        self._own.keep_only(own.SCENARIO_INFO, scenarios)
        for facts in scenarios:
            self._own.record(own.SCENARIO_INFO, 1, *facts)
        for metric in (own.SCENARIO_INTERVAL, own.SCENARIO_TIMEOUT):
            self._own.keep_only(metric, [(name,) for name in roster.config.scenarios])
        for name, scenario in roster.config.scenarios.items():
            self._own.record(own.SCENARIO_INTERVAL, longest_interval_seconds(scenario), name)
            self._own.record(own.SCENARIO_TIMEOUT, scenario.timeout_seconds, name)
        self._tell_of_slos(roster.config.slos)

    def _tell_of_slos(self, slos: Mapping[str, Slo]) -> None:
        objectives = {(name, slo.scenario): float(slo.objective) for name, slo in slos.items()}
        limits = {(name, slo.scenario, measure): limit for name, slo in slos.items() for measure, limit in slo.thresholds.items()}
        for metric, values in ((own.SLO_OBJECTIVE, objectives), (own.SLO_THRESHOLD, limits)):
            self._own.keep_only(metric, values)
            for labels, value in values.items():
                self._own.record(metric, value, *labels)

    def _record(self, record: ChatRecord) -> None:
        chats = self._chats.get((record.target, record.scenario))
        if chats is None or record.outcome == "cancelled" or record.backend != self._roster.members[record.target].endpoint.backend:
            return
        chats.record(record)
        if record.certificate_expiry is not None:
            self._targets[record.target].record(own.CERTIFICATE_EXPIRY, record.certificate_expiry)
        if record.due_ns is not None:
            self._own.record(own.SCHEDULE_LAG, record.schedule_lag_seconds)
        if record.chunks:
            self._own.record(own.COALESCED_CHUNKS, record.coalesced_chunks)
            self._own.record_only(own.MEASUREMENT_CLOCK, 1, record.clock)

    def _skip(self, skip: Skip) -> None:
        chats = self._chats.get((skip.target, skip.scenario))
        if chats is not None:
            chats.skip(skip.reason, skip.count)

    def _pair(self, pair: Pair) -> None:
        scenario = self._roster.config.scenarios.get(pair.scenario)
        if scenario is None:
            return
        if (spread := spread_seconds(pair)) is not None:
            self._own.record(own.PAIR_SPREAD, spread)
        for found in compared(pair, answer_tokens=scenario.max_tokens):
            chats = self._chats.get((found.target, pair.scenario))
            if chats is not None:
                chats.pair(found)

    def _break(self, breaker: Breaker) -> None:
        if breaker.target in self._targets:
            self._breakers[breaker.target] = breaker.open
            self._inform(breaker.target)

    def _load(self, load: ModelLoad) -> None:
        series = self._targets.get(load.target)
        if series is None or not self._roster.members[load.target].endpoint.load_model:
            return
        if load.failure is None:
            series.record(own.MODEL_LOAD, load.seconds)
        else:
            series.record(own.MODEL_LOAD_FAILURES, 1, load.failure.value)

    def _learn(self, facts: Facts) -> None:
        target = facts.target
        if target not in self._roster.members:
            return
        known = self._facts.get(target)
        self._facts[target] = facts
        if known is None or known.model != facts.model:
            self._end_series(target)
            labels = (target, self._roster.members[target].endpoint.backend, facts.model)
            self._targets[target] = Series(self._families, labels)
            self._begin_chats(target)
        self._inform(target)

    def _inform(self, target: str) -> None:
        """Set the gauges that hold what is known of a target."""
        member, facts, series = self._roster.members[target], self._facts[target], self._targets[target]
        url = shown_url(member.endpoint.url)
        longest = "" if facts.longest_chat is None else str(facts.longest_chat)
        without = ",".join(facts.left_out)
        wanted = member.endpoint.model
        ignored = "" if wanted in (None, facts.model) else wanted
        served, version = facts.served_model or "", facts.backend_version or ""
        series.record_only(own.TARGET_INFO, 1, url, served, ignored, version, member.source, longest, without)
        zones = _ready_by_zone(member)
        series.keep_only(own.READY_REPLICAS, [(zone,) for zone in zones])
        for zone, count in zones.items():
            series.record(own.READY_REPLICAS, count, zone)
        if facts.model_loaded is None:
            series.end_others(own.MODEL_LOADED, ())
        else:
            series.record(own.MODEL_LOADED, facts.model_loaded)
        self._inform_of_loads(series, facts, may_load=member.endpoint.load_model)
        if target in self._breakers:
            series.record(own.BREAKER_OPEN, self._breakers[target])

    def _inform_of_loads(self, series: Series, facts: Facts, *, may_load: bool) -> None:
        for metric in (own.MODEL_LOADING, own.MODEL_LOAD):
            series.keep_only(metric, [()] if may_load else [])
        series.keep_only(own.MODEL_LOAD_FAILURES, [(cause,) for cause in own.LOAD_FAILURES] if may_load else [])
        if may_load:
            series.record(own.MODEL_LOADING, facts.loading_since is not None)

    def _begin_chats(self, target: str) -> None:
        """The series of those of its scenarios that have none yet."""
        for name in self._roster.config.scenarios:
            if (target, name) in self._wanted and (target, name) not in self._chats:
                labels = (target, self._roster.members[target].endpoint.backend, self._facts[target].model, name)
                self._chats[target, name] = ChatSeries(self._families, labels, self._terms(target, name))

    def _end(self, target: str) -> None:
        """The target is gone, and with it whatever was known of it."""
        self._end_series(target)
        self._facts.pop(target, None)
        self._breakers.pop(target, None)

    def _end_series(self, target: str) -> None:
        if target in self._targets:
            self._targets.pop(target).end()
        for key in [key for key in self._chats if key[0] == target]:
            self._chats.pop(key).end()

    def _terms(self, target: str, name: str) -> Terms:
        config = self._roster.config
        scenario = config.scenarios[name]
        return Terms(
            slos={slo_name: slo for slo_name, slo in config.slos.items() if slo.scenario == name},
            checks=tuple(dict.fromkeys((*scenario.expect, CHECK))),
            peers=tuple(peer for peer in self._roster.of(scenario) if peer != target) if scenario.pair else (),
            doubtful=config.limits.doubtful,
        )


def _ready_by_zone(member: Member) -> dict[str, int]:
    """None where the pods are not a matter of discovery; 0 in a zone without name where there is no ready one."""
    if member.replicas is None:
        return {}
    return dict(Counter(replica.zone for replica in member.replicas)) or {"": 0}


def _facts_of(name: str, scenario: Scenario) -> tuple[str, ...]:
    return name, scenario.cache, scenario.connection, "on" if scenario.thinking else "off"

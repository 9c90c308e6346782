"""Who is chatted with now: the targets of the configuration and those that were discovered, and which scenario is for which of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.credentials import ClusterPlace
from config.engine_metrics import MetricsPage
from config.model import Config, Scenario, Target
from config.references import MOST_PAIRED
from config.targets import TlsSettings
from probes.guard import Guard

STATIC = "static"
"""The source of targets that stand in the configuration."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One ready pod behind a target: its URL, the name to expect in its certificate where it has one, and its zone, empty if unknown."""

    name: str
    url: str
    server_name: str | None = None
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A target, and where it was found: `static`, `files`, `kubernetes`.

    `replicas` are its pods, where they are known; None where they are not a matter of discovery. `guard` keeps it from addresses that are nobody's
    to name. `place` is where in a cluster it comes from; `replica_tls` is how the pods' own certificates are checked, where they have some.
    """

    target: Target
    source: str = STATIC
    replicas: tuple[Replica, ...] | None = None
    guard: Guard | None = None
    place: ClusterPlace | None = None
    replica_tls: TlsSettings = TlsSettings()

    @property
    def pages(self) -> tuple[MetricsPage, ...]:
        """The pages of the engine's own metrics: one for each pod that is known, never through what balances between them."""
        metrics = self.target.metrics
        if not self.target.tells_of_itself:
            return ()
        if self.replicas is not None:
            path = (metrics and metrics.path) or ""
            return tuple(MetricsPage(replica.url + path, replica.name, replica.server_name) for replica in self.replicas)
        return metrics.pages(self.target.url) if metrics else (MetricsPage(self.target.url, None),)


@dataclass(frozen=True, slots=True)
class Roster:
    """A configuration with all targets that it is about, by name."""

    config: Config
    members: Mapping[str, Member]

    def of(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario chats with, in order: all that it is for, or the first of them where it compares them."""
        covered = self._covered(scenario)
        return covered[:MOST_PAIRED] if scenario.pair else covered

    def left_out(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario is for, and which are too many to be compared with every other."""
        return self._covered(scenario)[MOST_PAIRED:] if scenario.pair else ()

    def _covered(self, scenario: Scenario) -> tuple[str, ...]:
        return tuple(name for name in self.members if scenario.covers(name))


def roster(config: Config, discovered: Mapping[str, Member] | None = None) -> Roster:
    """The configuration's own targets, and behind them those discovered ones whose name is still free."""
    members = {name: Member(target) for name, target in config.targets.items()}
    for name, member in (discovered or {}).items():
        members.setdefault(name, member)
    return Roster(config, members)

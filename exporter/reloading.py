"""The configuration and what was discovered, and the one way in which either changes under the running exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from config.changes import changes
from config.model import Config
from config.problems import ConfigError
from config.reader import Loaded, summary
from config.secrets import SecretError
from exporter.metrics.boundaries import beginning_anew
from exporter.metrics.own import OwnMetrics
from probes.ask import Endpoint
from traffic.roster import Roster, roster
from traffic.schedule import Clock
from traffic.targets.endpoints import endpoints
from traffic.targets.files import FILES, Discovered, look

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a configuration asks for, ready to be put in force: nothing about it can fail any more."""

    roster: Roster
    endpoints: Mapping[str, Endpoint]
    discovered: Discovered


def plan(config: Config, discovered: Discovered) -> Plan:
    """Look for targets, and read every secret. What was `discovered` before stands where it cannot be read now. Raises `SecretError`."""
    found = look(config, discovered)
    whole = roster(config, found.members)
    return Plan(whole, endpoints({name: member.target for name, member in whole.members.items()}), found)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload, in lines for people."""

    well: bool
    lines: tuple[str, ...]


class Follower(Protocol):
    """A part of the exporter that works by the plan in force."""

    def __call__(self, plan: Plan) -> None: ...


class Reloading:
    """Holds the plan in force, and puts another in its place: whole, or not at all."""

    def __init__(self, first: Plan, read: Callable[[], Loaded], own: OwnMetrics, clock: Clock) -> None:
        self.plan = first
        self._at_start = first.roster.config
        self._read = read
        self._own = own
        self._clock = clock
        self._followers: list[Follower] = []
        self._lock = asyncio.Lock()
        self._stopping = False
        self._tell_of(first.discovered, before=None)
        own.configured(clock.epoch_seconds())

    def put_in_force(self, followers: Iterable[Follower]) -> None:
        """Have these work by the plan, from now on, in this order."""
        self._followers = list(followers)
        self._follow(self.plan)

    def stop(self) -> None:
        """The plan in force is the last."""
        self._stopping = True

    async def reload(self) -> Reloaded:
        """Read the configuration, the secrets and the discovered targets again. If anything about them is wrong, all stays as it was."""
        async with self._lock:
            try:
                found = await asyncio.to_thread(self._read_plan)
            except (ConfigError, SecretError) as error:
                return self._refused(str(error))
            except Exception as error:  # noqa: BLE001 - the edge of a request: whatever breaks, probing goes on as before, and it is said
                _log.exception("a reload broke")
                return self._refused(f"chatprobe itself failed: {type(error).__name__}")
            if self._stopping:
                return Reloaded(False, ("not reloaded: chatprobe is stopping",))
            lines = tuple(self._announced(found.roster.config))
            self._follow(found)
            self._own.configured(self._clock.epoch_seconds())
            _log.info("configuration reloaded", what=summary(found.roster.config), changes=lines)
            return Reloaded(True, ("reloaded", *lines))

    async def rediscover(self) -> bool:
        """Look for targets again, under the configuration in force. False: they stay as they were."""
        async with self._lock:
            try:
                found = await asyncio.to_thread(plan, self.plan.roster.config, self.plan.discovered)
            except SecretError as error:
                _log.error("a secret cannot be read, and targets stay as they were", detail=str(error))
                self._own.discovered(FILES, well=False, at=self._clock.epoch_seconds())
                return False
            if not self._stopping:
                self._follow(found)
            return True

    def nothing_new(self) -> None:
        """The files of targets were looked at, and are as they were."""
        found = self.plan.discovered
        if found.looked and not found.problems:
            self._own.discovered(FILES, well=True, at=self._clock.epoch_seconds())

    def _refused(self, detail: str) -> Reloaded:
        self._own.not_configured()
        _log.error("the configuration was not reloaded, and the one before stays in force", detail=detail)
        return Reloaded(False, ("not reloaded, the configuration of before stays in force:", *detail.splitlines()))

    def _read_plan(self) -> Plan:
        return plan(self._read().config, self.plan.discovered)

    def _follow(self, found: Plan) -> None:
        before, self.plan = self.plan, found
        for follow in self._followers:
            follow(found)
        if found is not before:
            self._tell_of(found.discovered, before.discovered)

    def _announced(self, config: Config) -> Iterator[str]:
        before = self.plan.roster.config
        found = replace(changes(before, config), needs_restart=changes(self._at_start, config).needs_restart)
        yield from found.lines()
        for metric in beginning_anew(before, config):
            yield f"{metric.name} begins anew: SLO thresholds changed its bucket boundaries"

    def _tell_of(self, found: Discovered, before: Discovered | None) -> None:
        if not found.looked:
            self._own.discovers_no_more()
            return
        self._own.discovered(FILES, well=not found.problems, at=self._clock.epoch_seconds())
        if before is None or found.problems != before.problems:
            for problem in found.problems:
                _log.warning("discovery of targets", problem=problem)
        if before is None or found.passed_over != before.passed_over:
            for target in found.passed_over:
                _log.warning("a discovered target is passed over", target=target)

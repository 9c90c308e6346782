"""The configuration and what was discovered, and the one way in which either changes under the running exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import structlog

from config.changes import changes
from config.model import Config
from config.problems import ConfigError
from config.reader import Loaded, summary
from config.secrets import SecretError
from discovery.endpoints import endpoints
from discovery.files import FILES, NAMES_SHOWN, NOTHING, Discovered, look, paths
from discovery.kubernetes.enrolling import KUBERNETES, enrolled, lines
from discovery.kubernetes.source import NOTHING_SEEN, Seen
from exporter.metrics.boundaries import beginning_anew
from exporter.metrics.own import OwnMetrics
from exporter.tidings import Idle, idle, log_discovery, log_idle
from exporter.watching import Reading, Signatures, signatures
from probes.ask import Endpoint
from traffic.roster import Roster, roster
from traffic.schedule import Clock
from traffic.sharding import Part

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class World:
    """What decides on the targets beside the configuration and the files: what is seen in a cluster, and which part of all is this process's."""

    seen: Seen = NOTHING_SEEN
    part: Part = Part()


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a configuration asks for, ready to be put in force: nothing about it can fail any more.

    `discovered` is what files say, `clustered` what a cluster does; the roster has of both what is this process's.
    """

    roster: Roster
    endpoints: Mapping[str, Endpoint]
    discovered: Discovered
    clustered: Discovered
    idle: Idle


def plan(config: Config, discovered: Discovered, world: World = World()) -> Plan:
    """Look for targets, and read every secret. What was `discovered` before stands where it cannot be read now. Raises `SecretError`."""
    found = look(config, discovered)
    clustered = _clustered(config, found, world.seen)
    all_found = {**found.members, **clustered.members}
    mine = world.part.of(roster(config, all_found))
    guards = {name: member.guard for name, member in mine.members.items()}
    targets = {name: member.target for name, member in mine.members.items()}
    return Plan(mine, endpoints(targets, guards), found, clustered, idle(config, all_found))


def _clustered(config: Config, found: Discovered, seen: Seen) -> Discovered:
    """The engines of the cluster that become targets beside those of files."""
    if config.discovery.kubernetes is None:
        return NOTHING
    enrolment = enrolled(config, found.members, seen.engines)
    passed_over = tuple(lines((*seen.passed_over, *enrolment.passed_over), NAMES_SHOWN))
    return Discovered(seen.looked, {}, enrolment.members, tuple(f"{KUBERNETES}: {problem}" for problem in seen.problems), passed_over)


def secret_files(config: Config) -> Iterator[str]:
    """The files with keys and certificates that the configuration names."""
    held = ((holder.tls_settings, holder.api_key) for holders in (config.targets.values(), config.credentials) for holder in holders)
    for tls, key in held:
        yield from (path for path in (tls.ca_file, tls.cert_file, tls.key_file, key.file if key else None) if path is not None)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload, in lines for people."""

    well: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """How the files of the configuration, of its secrets and of discovered targets were, just before the first plan was made of them."""

    files: Signatures = field(default_factory=dict)
    secrets: Signatures = field(default_factory=dict)
    targets: Signatures = field(default_factory=dict)


class Reloading:
    """Holds the plan in force, and puts another in its place: whole, or not at all.

    `configuration_read` and `targets_read` say when its files were last read, and how they were then.
    """

    def __init__(
        self,
        first: Plan,
        read: Callable[[], Loaded],
        own: OwnMetrics,
        clock: Clock,
        before: Before | None = None,
        world: Callable[[], World] = World,
    ) -> None:
        """`world` is asked anew for each plan."""
        before = before or Before()
        self._world = world
        self.plan = first
        self.configuration_read = Reading({**before.secrets, **before.files})
        self.targets_read = Reading(before.targets)
        self._files = tuple(before.files)
        self._at_start = first.roster.config
        self._read = read
        self._own = own
        self._clock = clock
        self._follow: Callable[[Plan], Awaitable[None]] | None = None
        self._lock = asyncio.Lock()
        self._stopping = False
        self._refusal = self._undiscovered = ""
        self._tell_of(first, before=None)
        own.configured(clock.epoch_seconds())

    async def put_in_force(self, follow: Callable[[Plan], Awaitable[None]]) -> None:
        """Have the exporter work by the plan: `follow` is called now, and with each other plan."""
        async with self._lock:
            self._follow = follow
            await follow(self.plan)

    def stop(self) -> None:
        """The plan in force is the last."""
        self._stopping = True

    def configuration_files(self) -> Iterator[str]:
        """What a reload reads, but for the files of targets."""
        yield from self._files
        yield from secret_files(self.plan.roster.config)

    def target_files(self) -> Iterator[str]:
        """The files of targets that there are, and those that there were when they were last read."""
        yield from dict.fromkeys((*paths(self.plan.roster.config), *self.plan.discovered.files))

    def troubles(self) -> Iterator[str]:
        """What of the configuration or of discovery is not in force because it is wrong; no secret is in it."""
        if self._refusal:
            yield f"The configuration was not reloaded, the one before stays in force: {self._refusal}"
        if self._undiscovered:
            yield f"Targets stay as they were, a secret cannot be read: {self._undiscovered}"
        for problem in (*self.plan.discovered.problems, *self.plan.clustered.problems):
            yield f"Discovery of targets: {problem}"

    async def reload(self) -> Reloaded:
        """Read the configuration, the secrets and the discovered targets again. If anything about them is wrong, all stays as it was."""
        async with self._lock:
            try:
                found, targets = await asyncio.to_thread(self._read_all)
            except (ConfigError, SecretError) as error:
                return self._refused(str(error))
            except Exception as error:  # noqa: BLE001 - the edge of a request: whatever breaks, probing goes on as before, and it is said
                _log.exception("a reload broke")
                return self._refused(f"chatprobe itself failed: {type(error).__name__}")
            if self._stopping:
                return Reloaded(False, ("not reloaded: chatprobe is stopping",))
            announced = tuple(self._announced(found.roster.config))
            self._refusal = ""
            self.configuration_read = replace(self.configuration_read, well=True)
            _log.info("configuration reloaded", what=summary(found.roster.config), changes="; ".join(announced))
            await self._change_to(found, targets)
            self._own.configured(self._clock.epoch_seconds())
            return Reloaded(True, ("reloaded", *announced, *_told_of(found), *found.idle.lines()))

    async def rediscover(self) -> bool:
        """Look for targets again, under the configuration in force. False: they stay as they were."""
        async with self._lock:
            self.targets_read = Reading(await asyncio.to_thread(lambda: signatures(self.target_files())), well=False)
            try:
                found = await asyncio.to_thread(plan, self.plan.roster.config, self.plan.discovered, self._world())
            except SecretError as error:
                _log.error("a secret cannot be read, and targets stay as they were", detail=str(error))
                self._undiscovered = str(error)
                self._own.discovered(FILES, well=False, at=self._clock.epoch_seconds())
                return False
            if not self._stopping:
                await self._change_to(found, self.targets_read.files)
            return True

    def nothing_new(self) -> None:
        """The files of targets were looked at, and are as they were."""
        found = self.plan.discovered
        if found.looked and not found.problems:
            self._own.discovered(FILES, well=True, at=self._clock.epoch_seconds())

    def cluster_looked_at(self) -> None:
        """The cluster was looked at, and its targets are as they are: tell how well that goes, and since when it does not."""
        seen = self._world().seen
        if seen.looked and seen.at is not None:
            self._own.discovered(KUBERNETES, well=not seen.problems, at=seen.at)
        elif seen.looked:
            self._own.discovered(KUBERNETES, well=False, at=0.0)

    def _refused(self, detail: str) -> Reloaded:
        self._refusal = detail
        self._own.not_configured()
        _log.error("the configuration was not reloaded, and the one before stays in force", detail=detail)
        return Reloaded(False, ("not reloaded, the configuration of before stays in force:", *detail.splitlines()))

    def _read_all(self) -> tuple[Plan, Signatures]:
        """With how the files of targets were before they were read; how the others were is kept at once, so that nothing is tried over and over."""
        self.configuration_read = Reading(signatures(self.configuration_files()), well=False)
        config = self._read().config
        self.configuration_read = Reading({**signatures(secret_files(config)), **self.configuration_read.files}, well=False)
        targets = signatures((*paths(config), *self.target_files()))
        return plan(config, self.plan.discovered, self._world()), targets

    async def _change_to(self, found: Plan, targets: Signatures) -> None:
        self._undiscovered = ""
        self.targets_read = Reading(targets)
        before, self.plan = self.plan, found
        if self._follow is not None:
            await self._follow(found)
        self._tell_of(found, before)

    def _announced(self, config: Config) -> Iterator[str]:
        before = self.plan.roster.config
        found = replace(changes(before, config), needs_restart=changes(self._at_start, config).needs_restart)
        yield from found.lines()
        for metric in beginning_anew(before, config):
            yield f"{metric.name} begins anew: SLO thresholds changed its bucket boundaries"

    def _tell_of(self, found: Plan, before: Plan | None) -> None:
        looked = {FILES: found.discovered, KUBERNETES: found.clustered}
        self._own.discovers_only([source for source, one in looked.items() if one.looked])
        if found.discovered.looked:
            self._own.discovered(FILES, well=not found.discovered.problems, at=self._clock.epoch_seconds())
        self.cluster_looked_at()
        log_discovery(found.discovered, NOTHING if before is None else before.discovered)
        log_discovery(found.clustered, NOTHING if before is None else before.clustered)
        log_idle(found.idle if before is None else found.idle.since(before.idle))


def _told_of(found: Plan) -> Iterator[str]:
    for one in (found.discovered, found.clustered):
        yield from (*one.problems, *one.passed_over)

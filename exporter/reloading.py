"""The plan that the running exporter works by, and the one way in which another takes its place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from config.changes import changes
from config.model import Config
from config.problems import ConfigError
from config.reader import Loaded, summary
from config.secrets import SecretError
from config.web_reading import files_beside
from discovery.files import FILES, NOTHING, paths
from discovery.kubernetes.discovery import Seen
from discovery.kubernetes.enrolling import KUBERNETES
from discovery.plan import Idle, Plan, plan
from exporter.metrics.boundaries import beginning_anew
from exporter.metrics.own import OwnMetrics
from exporter.tidings import Spell, log_idle, log_problems, log_targets
from exporter.watching import Reading, Signatures, signatures
from traffic.schedule import Clock
from traffic.sharding import Part

_log = structlog.get_logger()


def secret_files(config: Config) -> Iterator[str]:
    """The files with keys and certificates that the configuration names."""
    held = ((holder.tls_settings, holder.api_key) for holders in (config.targets.values(), config.credentials) for holder in holders)
    for tls, key in held:
        yield from (path for path in (tls.ca_file, tls.cert_file, tls.key_file, key.file if key else None) if path is not None)
    yield from (token.file for token in config.web.tokens.values() if token.file is not None)
    if config.web.config_file is not None:
        yield config.web.config_file
        yield from files_beside(config.web.config_file)


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What became of a reload, in lines for people."""

    well: bool
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """How files were just before the first plan was made of them.

    They are the configuration's own files, those of its secrets, and those of discovered targets.
    """

    files: Signatures = field(default_factory=dict)
    secrets: Signatures = field(default_factory=dict)
    targets: Signatures = field(default_factory=dict)


class Reloading:
    """Holds the plan in force, and puts another in its place: whole, or not at all.

    `configuration_read` and `targets_read` say when these files were last read, and how they were then.
    """

    def __init__(
        self,
        first: Plan,
        read: Callable[[], Loaded],
        own: OwnMetrics,
        clock: Clock,
        *,
        seen: Callable[[], Seen],
        part: Callable[[], Part],
        before: Before,
        prepare: Callable[[Config], Callable[[], None]] = lambda _: lambda: None,
    ) -> None:
        """`seen` gives what is found in a cluster, `part` which part of all targets is this process's.

        Both are asked anew for each plan. `prepare` reads what else a configuration stands for, and gives what puts that in force; it may raise
        `ConfigError` and `SecretError`.
        """
        self._seen = seen
        self._part = part
        self._prepare = prepare
        self.plan = first
        self.configuration_read = Reading({**before.secrets, **before.files})
        self.targets_read = Reading(before.targets)
        self._files = tuple(before.files)
        self._at_start = first.config
        self._read = read
        self._own = own
        self._clock = clock
        self._apply: Callable[[Plan], Awaitable[None]] | None = None
        self._lock = asyncio.Lock()
        self._stopping = False
        self._refusal = self._unread_secret = ""
        self._spell = Spell()
        self._tell_of(first, before=None)
        own.configured(clock.epoch_seconds())

    async def put_in_force(self, apply: Callable[[Plan], Awaitable[None]]) -> None:
        """Have the exporter work by the plan. `apply` is called now, and with each other plan."""
        async with self._lock:
            self._apply = apply
            await apply(self.plan)

    def stop(self) -> None:
        """Put no other plan in force."""
        self._stopping = True

    def configuration_files(self) -> Iterator[str]:
        """The files that a reload reads, but for those of targets."""
        yield from self._files
        yield from secret_files(self.plan.config)

    def target_files(self) -> Iterator[str]:
        """The files of targets that there are, and those that there were when they were last read."""
        yield from dict.fromkeys((*paths(self.plan.config), *self.plan.files.files))

    def troubles(self) -> Iterator[str]:
        """What is wrong with the configuration or with discovery, so that it is not in force. No secret is in it."""
        if self._refusal:
            yield f"The configuration was not reloaded, the one before stays in force: {self._refusal}"
        if self._unread_secret:
            yield f"Targets stay as they were, a secret cannot be read: {self._unread_secret}"
        for found in self.plan.sources.values():
            for problem in found.problems:
                yield f"Discovery of targets: {problem}"

    async def reload(self) -> Reloaded:
        """Read the configuration, the secrets and the files of targets again.

        If anything about them is wrong, all stays as it was.
        """
        async with self._lock:
            try:
                found, targets, switch = await asyncio.to_thread(self._read_all)
            except (ConfigError, SecretError) as error:
                return self._refused(str(error))
            except Exception as error:  # noqa: BLE001 - the edge of a request: whatever breaks, probing goes on as before, and it is said
                _log.exception("a reload broke")
                return self._refused(f"chatprobe itself failed: {type(error).__name__}")
            if self._stopping:
                return Reloaded(False, ("not reloaded: chatprobe is stopping",))
            announced = tuple(self._announced(found.config))
            self._refusal = ""
            self.configuration_read = replace(self.configuration_read, well=True)
            _log.info("configuration reloaded", what=summary(found.config), changes="; ".join(announced))
            await self._change_to(found, Reading(targets))
            switch()
            self._own.configured(self._clock.epoch_seconds())
            return Reloaded(True, ("reloaded", *announced, *_told_of(found), *found.idle.lines()))

    async def read_targets(self) -> None:
        """Read the files of targets again, under the configuration in force."""
        async with self._lock:
            now = Reading(await asyncio.to_thread(lambda: signatures(self.target_files())))
            self.targets_read = replace(now, well=False)
            await self._change_by(partial(self.plan.with_files, self._seen(), self._part()), now)

    async def take_step(self) -> None:
        """Go along with what is seen in the cluster now, and with which part of the targets is this process's.

        No file of targets is read for it, and of targets that stay nothing is done.
        """
        async with self._lock:
            await self._change_by(partial(self.plan.with_engines, self._seen(), self._part()), self.targets_read)

    def nothing_new(self) -> None:
        """The files of targets were looked at, and are as they were."""
        found = self.plan.files
        if found.looked and not found.problems and not self._unread_secret:
            self._own.discovered(FILES, well=True, at=self._clock.epoch_seconds())

    def cluster_looked_at(self) -> None:
        """The cluster was looked at: tell whether what is known of it is right, and since when it is not."""
        seen = self._seen()
        if seen.looked:
            well = seen.at is not None and not seen.problems and not self._unread_secret
            self._own.discovered(KUBERNETES, well=well, at=seen.at or 0.0)
            self._spell.log(seen.problems, self._clock.monotonic_ns())

    def _refused(self, detail: str) -> Reloaded:
        self._refusal = detail
        self._own.not_configured()
        _log.error("the configuration was not reloaded, and the one before stays in force", detail=detail)
        return Reloaded(False, ("not reloaded, the configuration of before stays in force:", *detail.splitlines()))

    def _read_all(self) -> tuple[Plan, Signatures, Callable[[], None]]:
        """The plan that the files make now, how the files of targets were before they were read, and what puts all else in force.

        How the other files were is kept even if this fails, so that nothing is tried over and over.
        """
        self.configuration_read = Reading(signatures(self.configuration_files()), well=False)
        config = self._read().config
        self.configuration_read = Reading({**signatures(secret_files(config)), **self.configuration_read.files}, well=False)
        targets = signatures((*paths(config), *self.target_files()))
        return plan(config, before=self.plan.files, seen=self._seen(), part=self._part()), targets, self._prepare(config)

    async def _change_by(self, change: Callable[[], Plan], targets: Reading) -> None:
        """Put another plan in force.

        Where a secret cannot be read, the one of before stays, and after a while all targets are looked for again.
        """
        try:
            found = await asyncio.to_thread(change)
        except SecretError as error:
            if str(error) != self._unread_secret:
                _log.error("a secret cannot be read, and targets stay as they were", detail=str(error))
            self._unread_secret = str(error)
            self.targets_read = replace(targets, well=False)
            for source, one in self.plan.sources.items():
                if one.looked:
                    self._own.discovered(source, well=False, at=self._clock.epoch_seconds())
            return
        if not self._stopping:
            await self._change_to(found, targets)

    async def _change_to(self, found: Plan, targets: Reading) -> None:
        if targets.well:
            self._unread_secret = ""
        self.targets_read = targets
        before, self.plan = self.plan, found
        if self._apply is not None and not _alike(found, before):
            await self._apply(found)
        self._tell_of(found, before)

    def _announced(self, config: Config) -> Iterator[str]:
        before = self.plan.config
        found = replace(changes(before, config), needs_restart=changes(self._at_start, config).needs_restart)
        yield from found.lines()
        for metric in beginning_anew(before, config):
            yield f"{metric.name} begins anew: SLO thresholds changed its bucket boundaries"

    def _tell_of(self, found: Plan, before: Plan | None) -> None:
        self._own.discovers_only([source for source, one in found.sources.items() if one.looked])
        if found.files.looked:
            well = not found.files.problems and not self._unread_secret
            self._own.discovered(FILES, well=well, at=self._clock.epoch_seconds())
        self.cluster_looked_at()
        for source, one in found.sources.items():
            log_targets(one, NOTHING if before is None else before.sources[source])
        log_problems(found.files, NOTHING if before is None else before.files)
        log_idle(found.idle, Idle() if before is None else before.idle)


def _alike(one: Plan, other: Plan) -> bool:
    """Whether two plans ask for the same chats.

    They do if they have one configuration, and the same targets in the same order.
    """
    return one.config is other.config and list(one.roster.members.items()) == list(other.roster.members.items())


def _told_of(found: Plan) -> Iterator[str]:
    for one in found.sources.values():
        yield from (*one.problems, *one.passed_over)

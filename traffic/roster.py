"""The targets that are chatted with: how each is reached, and which scenarios are for it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from config.engine_metrics import MetricsPage
from config.model import Config, Scenario, Target
from config.references import MOST_PAIRED
from config.secrets import Secrets
from config.targets import TlsSettings
from probes.ask import Endpoint, Tls
from probes.guard import Guard

STATIC = "static"
"""The source of targets that stand in the configuration."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One ready pod behind a target.

    `server_name` is the name to expect in its certificate, where it has one. `zone` is empty if unknown.
    """

    name: str
    url: str
    server_name: str | None = None
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One target that is chatted with.

    `endpoint` is how it is reached, with its secrets read. `source` is where it was found: `static`, `files`,
    `kubernetes`. `pages` are the engine's own metrics: a page for each process that is known, never one through what
    balances between them. `replicas` are its ready pods; None where its pods are not known. `replica_tls` is how the
    pods' own certificates are checked.
    """

    endpoint: Endpoint
    source: str = STATIC
    pages: tuple[MetricsPage, ...] = ()
    replicas: tuple[Replica, ...] | None = None
    replica_tls: TlsSettings = TlsSettings()

    def reached(self, endpoint: Endpoint, page: MetricsPage) -> Endpoint:
        """The endpoint as one of its pages is asked.

        A discovered pod is shown neither key nor headers: they are for the host of the target's URL, and a pod's host is
        another.
        """
        if self.replicas is None:
            return endpoint
        settings = self.replica_tls
        tls = Tls(ca_file=settings.ca_file, server_name=settings.server_name or page.server_name, insecure=settings.insecure)
        return replace(endpoint, api_key=None, headers={}, tls=tls)


@dataclass(frozen=True, slots=True)
class Roster:
    """A configuration with all targets that it is about, by name."""

    config: Config
    members: Mapping[str, Member]

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """How each target is reached."""
        return {name: member.endpoint for name, member in self.members.items()}

    def of(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario chats with, in order.

        A scenario that compares its targets has the first few of those that it is for.
        """
        covered = _covered(scenario, self.members)
        return covered[:MOST_PAIRED] if scenario.pair else covered

    def left_out(self, scenario: Scenario) -> tuple[str, ...]:
        """The names of the targets that a scenario is for, but which are too many to be compared with each other."""
        return left_out(scenario, self.members)


def roster(config: Config, discovered: Mapping[str, Member] | None = None) -> Roster:
    """The configuration's own targets, and behind them those discovered ones whose name is still free.

    Raises `config.secrets.SecretError`.
    """
    secrets = Secrets()
    members = {name: enlist(name, target, secrets) for name, target in config.targets.items()}
    for name, member in (discovered or {}).items():
        members.setdefault(name, member)
    return Roster(config, members)


def left_out(scenario: Scenario, names: Iterable[str]) -> tuple[str, ...]:
    """Those of these names that a scenario is for, but which are too many to be compared with each other."""
    return _covered(scenario, names)[MOST_PAIRED:] if scenario.pair else ()


def _covered(scenario: Scenario, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if scenario.covers(name))


def enlist(name: str, target: Target, secrets: Secrets, source: str = STATIC) -> Member:
    """A target of the configuration or of a file as a member. Raises `config.secrets.SecretError`."""
    metrics = target.metrics
    if not target.tells_of_itself:
        pages: tuple[MetricsPage, ...] = ()
    else:
        pages = metrics.pages(target.url) if metrics else (MetricsPage(target.url, None),)
    return Member(endpoint(name, target, secrets), source, pages)


def pages_of(target: Target, replicas: Iterable[Replica]) -> tuple[MetricsPage, ...]:
    """The engine's own metrics where its pods are known: a page for each."""
    if not target.tells_of_itself:
        return ()
    path = (target.metrics and target.metrics.path) or ""
    return tuple(MetricsPage(replica.url + path, replica.name, replica.server_name) for replica in replicas)


def endpoint(name: str, target: Target, secrets: Secrets, guard: Guard | None = None) -> Endpoint:
    """How a target is reached, with its secrets read. `guard` keeps it from addresses that it must not lead to.

    Raises `config.secrets.SecretError`.
    """
    return Endpoint(
        name=name,
        backend=target.backend,
        url=target.url,
        model=target.model,
        adapter=target.adapter,
        api=target.api,
        api_key=secrets.read(target.api_key) if target.api_key else None,
        headers={header: value.get_secret_value() for header, value in target.headers.items()},
        tls=replace(target.tls, edition=_edition(target.tls)),
        load_model=target.load_model,
        load_timeout_seconds=target.load_timeout_seconds,
        guard=guard,
        adaptation=target.adaptation,
    )


def _edition(tls: Tls) -> str:
    """Changes with the content of the certificate files.

    Connections that were opened under an earlier edition are not used any more.
    """
    digest = hashlib.sha256()
    for path in (tls.ca_file, tls.cert_file, tls.key_file):
        if path is not None:
            try:
                found = os.stat(path)  # noqa: PTH116 - follows links, which is what tells a rotated secret
                digest.update(f"{found.st_ino} {found.st_mtime_ns} {found.st_size}\0".encode())
            except OSError:
                digest.update(b"\0")  # the chat itself will say that it cannot be read
    return digest.hexdigest()[:16] if any((tls.ca_file, tls.cert_file, tls.key_file)) else ""

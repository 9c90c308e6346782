"""From engines that were found to members of the roster.

They are shown what their credentials say. There are no more than the limit allows, and no name or URL is there twice.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import ValidationError

from config.model import Config, Target
from config.quantities import read_name
from config.secrets import Secrets
from config.targets import TlsSettings
from discovery.kubernetes.asking import Found, matched
from discovery.kubernetes.candidates import PassedOver
from probes.guard import Guard
from traffic.roster import Member, endpoint, pages_of

KUBERNETES = "kubernetes"
"""The source of these targets."""
MOST_REASONS_TOLD = 20
"""Of each namespace. Names of objects stand in some reasons, so that their owners could fill a log with them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An engine, and the target that it can be, with what its credential says. `target` is None if there is an objection.

    `replica_tls` is how the certificates of its pods are checked.
    """

    found: Found
    target: Target | None = None
    replica_tls: TlsSettings = TlsSettings()
    objection: str = ""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The members that came of engines, which engines are no target after all, and how each engine was judged."""

    members: Mapping[str, Member] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()
    judged: Mapping[str, Judged] = field(default_factory=dict)


NOBODY = Enrolled()


def enrolled(config: Config, secrets: Secrets, others: Mapping[str, Member], engines: Sequence[Found], before: Enrolled = NOBODY) -> Enrolled:
    """Members for the engines, within the limit. Blocks, as secrets are read. Raises `config.secrets.SecretError`.

    Names and URLs of the configuration's own targets are taken, and so are those of the `others`, which were discovered
    elsewhere. An engine that was judged `before`, with the same configuration and secrets, is not judged again, and its
    member is the same. Secrets are read for those alone who become members.
    """
    if config.discovery.kubernetes is None:
        return NOBODY
    urls = {target.url: name for name, target in config.targets.items()} | {member.endpoint.url: name for name, member in others.items()}
    judged: dict[str, Judged] = {}
    members: dict[str, Member] = {}
    passed_over: list[PassedOver] = []
    for one in engines:
        name = one.candidate.name
        known = before.judged.get(name)
        verdict = judged[name] = known if known is not None and known.found == one else _judge(config, one)
        if verdict.target is None:
            passed_over.append(PassedOver(name, verdict.objection))
        elif name in config.targets or name in others:
            passed_over.append(PassedOver(name, "its name is taken already, by the configuration or a file"))
        elif (holder := urls.get(verdict.target.url)) is not None:
            passed_over.append(PassedOver(name, f"its URL is that of {holder} already"))
        elif len(others) + len(members) >= (limit := config.limits.discovered_targets):
            passed_over.append(PassedOver(name, f"there are more than {limit}; raise limits.discovered_targets, or choose fewer by the selector"))
        else:
            member = before.members.get(name) if verdict is known else None
            members[name] = member or _member(config, secrets, verdict.found, verdict.target, verdict.replica_tls)
            urls[verdict.target.url] = name
    return Enrolled(members, tuple(passed_over), judged)


def guard_of(config: Config) -> Guard:
    """The guard of all targets of the cluster: which addresses they must not lead to."""
    return Guard(loopback=config.discovery.kubernetes is not None and config.discovery.kubernetes.loopback)


def _judge(config: Config, found: Found) -> Judged:
    candidate = found.candidate
    settings = config.discovery.kubernetes
    assert settings is not None
    if candidate.place.namespace not in settings.namespaces:
        return Judged(found, objection="is in a namespace that discovery.kubernetes.namespaces does not name")
    # after a reload the engines are those that were found under the configuration of before
    shown = found.matched if found.matched.holds_under(config) else matched(candidate, config)
    plain = found.url == candidate.way.fallback_url
    url = candidate.way.url if plain and shown.own is not None and shown.own.secret else found.url
    try:
        read_name(candidate.name)
        target = Target.model_validate({"backend": found.backend, "url": url, "model": candidate.model})
    except ValidationError as invalid:
        return Judged(found, objection=_in_words(invalid))
    except ValueError as error:
        return Judged(found, objection=f"its name {error}")
    if (objection := _objection(target.url, guard_of(config))) is not None:
        return Judged(found, objection=objection)
    equipped = target if shown.own is None else shown.own.equip(target)
    return Judged(found, equipped, TlsSettings() if shown.pods is None else shown.pods.tls_settings)


def _member(config: Config, secrets: Secrets, found: Found, target: Target, replica_tls: TlsSettings) -> Member:
    """Raises `SecretError`."""
    name, replicas = found.candidate.name, found.candidate.replicas
    return Member(endpoint(name, target, secrets, guard_of(config)), KUBERNETES, pages_of(target, replicas), replicas, replica_tls)


def _in_words(invalid: ValidationError) -> str:
    """What is wrong with a target, without what was found there."""
    error = invalid.errors(include_input=False, include_url=False)[0]
    cause = error.get("ctx", {}).get("error")
    return f"its {'.'.join(map(str, error['loc']))} cannot be used: {error['msg'] if cause is None else cause}"


def _objection(url: str, guard: Guard) -> str | None:
    """What speaks against an address in a URL. A name is looked at whenever it is resolved."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return guard.objection(host)


def lines(passed_over: Sequence[PassedOver], most: int) -> Iterator[str]:
    """What is passed over, for people: a line for each reason, with the first names that it is for.

    Of each namespace some reasons are told, and of the others how many there are.
    """
    by_reason: dict[str, list[str]] = {}
    told: Counter[str] = Counter()
    more_of: Counter[str] = Counter()
    for one in passed_over:
        namespace = one.name.partition("/")[0]
        if one.silent:
            continue
        if one.why not in by_reason and told[namespace] >= MOST_REASONS_TOLD:
            more_of[namespace] += 1
            continue
        told[namespace] += one.why not in by_reason
        by_reason.setdefault(one.why, []).append(one.name)
    for why, names in by_reason.items():
        more = len(names) - most
        yield f"{KUBERNETES}: {', '.join(names[:most])}{f' and {more} more' if more > 0 else ''}: {why}"
    for namespace, count in more_of.items():
        yield f"{KUBERNETES}: {namespace}: {count} more, for other reasons; chatprobe discover tells of each"

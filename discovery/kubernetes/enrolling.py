"""From engines that were found to members of the roster: with their credentials, up to the limit, and no name or URL twice. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from pydantic import ValidationError

from config.credentials import equipped
from config.model import Config, Target
from config.quantities import read_name
from discovery.kubernetes.candidates import Candidate, PassedOver
from discovery.kubernetes.engine import Engine
from discovery.kubernetes.ways import service_host
from probes.guard import Guard
from traffic.roster import Member

KUBERNETES = "kubernetes"
"""The source of these targets."""
MOST_REASONS_TOLD = 20
"""Of each namespace: names of objects stand in some, so that their owners could fill a log with them."""


@dataclass(frozen=True, slots=True)
class Found:
    """An engine in the cluster, and how it is reached."""

    candidate: Candidate
    engine: Engine


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The members, and what is no target after all."""

    members: Mapping[str, Member] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()


def enrolled(config: Config, others: Mapping[str, Member], found: Sequence[Found]) -> Enrolled:
    """Members for the engines. `others` were discovered elsewhere: they, and what the configuration itself names, come first, by name and by URL."""
    if config.discovery.kubernetes is None:
        return Enrolled()
    urls = {target.url: name for name, target in config.targets.items()} | {member.target.url: name for name, member in others.items()}
    members: dict[str, Member] = {}
    passed_over: list[PassedOver] = []
    for one in found:
        name = one.candidate.name
        outcome = _member(config, one)
        if isinstance(outcome, str):
            passed_over.append(PassedOver(name, outcome))
        elif name in config.targets or name in others:
            passed_over.append(PassedOver(name, "its name is taken already, by the configuration or a file"))
        elif (holder := urls.get(outcome.target.url)) is not None:
            passed_over.append(PassedOver(name, f"its URL is that of {holder} already"))
        elif len(others) + len(members) >= config.limits.discovered_targets:
            limit = config.limits.discovered_targets
            passed_over.append(PassedOver(name, f"there are more than {limit}; raise limits.discovered_targets, or choose fewer by the selector"))
        else:
            members[name] = outcome
            urls[outcome.target.url] = name
    return Enrolled(members, tuple(passed_over))


def guard_of(config: Config) -> Guard:
    """What is kept from all targets of the cluster."""
    return Guard(loopback=config.discovery.kubernetes is not None and config.discovery.kubernetes.loopback)


def _member(config: Config, found: Found) -> Member | str:
    """The member, or why there can be none."""
    candidate, engine = found.candidate, found.engine
    settings = config.discovery.kubernetes
    assert settings is not None
    if candidate.place.namespace not in settings.namespaces:
        return "is in a namespace that discovery.kubernetes.namespaces does not name"
    try:
        read_name(candidate.name)
        target = Target.model_validate({"backend": engine.backend, "url": engine.url, "model": candidate.model})
    except ValidationError as invalid:
        return _in_words(invalid)
    except ValueError as error:
        return f"its name {error}"
    if (objection := _objection(target.url, guard_of(config))) is not None:
        return objection
    target = equipped(candidate.name, target, config.credentials, candidate.place)
    if engine.url == candidate.way.fallback_url and (target.api_key is not None or target.headers):
        # the configuration has got its secrets only after it was found that HTTP would do
        secure = target.model_copy(update={"url": candidate.way.url})
        target = equipped(candidate.name, secure, config.credentials, candidate.place)
    inside = Target(backend=target.backend, url=f"https://{service_host(candidate.place.namespace, candidate.place.name, settings)}")
    tls = equipped(candidate.name, inside, config.credentials, candidate.place).tls_settings
    return Member(target, KUBERNETES, candidate.replicas, guard_of(config), candidate.place, tls)


def _in_words(invalid: ValidationError) -> str:
    """What is wrong with a target, without what was found there."""
    error = invalid.errors(include_input=False, include_url=False)[0]
    cause = error.get("ctx", {}).get("error")
    return f"its {'.'.join(map(str, error['loc']))} cannot be used: {error['msg'] if cause is None else cause}"


def _objection(url: str, guard: Guard) -> str | None:
    """What speaks against an address in a URL; a name is looked at whenever it is resolved."""
    host = urlsplit(url).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    return guard.objection(host)


def lines(passed_over: Sequence[PassedOver], most: int) -> Iterator[str]:
    """For people: a line for each reason, with the first names that it is for; and how many more there are for which each namespace has others."""
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

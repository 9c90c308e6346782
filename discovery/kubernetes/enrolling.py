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
class Enrolled:
    """The members that came of engines, and which engines are no target after all.

    `judged` has every engine with the member that it can be, or with what speaks against it.
    """

    members: Mapping[str, Member] = field(default_factory=dict)
    passed_over: tuple[PassedOver, ...] = ()
    judged: Mapping[str, tuple[Found, Member | str]] = field(default_factory=dict)


NOBODY = Enrolled()


def enrolled(config: Config, secrets: Secrets, others: Mapping[str, Member], engines: Sequence[Found], before: Enrolled = NOBODY) -> Enrolled:
    """Members for the engines, within the limit. Blocks, as secrets are read. Raises `config.secrets.SecretError`.

    Names and URLs of the configuration's own targets are taken, and so are those of the `others`, which were discovered
    elsewhere. An engine that was judged `before`, with the same configuration and secrets, is not judged again.
    """
    if config.discovery.kubernetes is None:
        return NOBODY
    urls = {target.url: name for name, target in config.targets.items()} | {member.endpoint.url: name for name, member in others.items()}
    judged: dict[str, tuple[Found, Member | str]] = {}
    members: dict[str, Member] = {}
    passed_over: list[PassedOver] = []
    for one in engines:
        name = one.candidate.name
        known = before.judged.get(name)
        _, outcome = judged[name] = known if known is not None and known[0] == one else (one, _judge(config, secrets, one))
        if isinstance(outcome, str):
            passed_over.append(PassedOver(name, outcome))
        elif name in config.targets or name in others:
            passed_over.append(PassedOver(name, "its name is taken already, by the configuration or a file"))
        elif (holder := urls.get(outcome.endpoint.url)) is not None:
            passed_over.append(PassedOver(name, f"its URL is that of {holder} already"))
        elif len(others) + len(members) >= (limit := config.limits.discovered_targets):
            passed_over.append(PassedOver(name, f"there are more than {limit}; raise limits.discovered_targets, or choose fewer by the selector"))
        else:
            members[name] = outcome
            urls[outcome.endpoint.url] = name
    return Enrolled(members, tuple(passed_over), judged)


def guard_of(config: Config) -> Guard:
    """The guard of all targets of the cluster: which addresses they must not lead to."""
    return Guard(loopback=config.discovery.kubernetes is not None and config.discovery.kubernetes.loopback)


def _judge(config: Config, secrets: Secrets, found: Found) -> Member | str:
    """The member, or why there can be none. Raises `SecretError`."""
    candidate, guard = found.candidate, guard_of(config)
    settings = config.discovery.kubernetes
    assert settings is not None
    if candidate.place.namespace not in settings.namespaces:
        return "is in a namespace that discovery.kubernetes.namespaces does not name"
    # after a reload the engines are those that were found under the configuration of before
    shown = found.matched if found.matched.holds_under(config) else matched(candidate, config)
    plain = found.url == candidate.way.fallback_url
    url = candidate.way.url if plain and shown.own is not None and shown.own.secret else found.url
    try:
        read_name(candidate.name)
        target = Target.model_validate({"backend": found.backend, "url": url, "model": candidate.model})
    except ValidationError as invalid:
        return _in_words(invalid)
    except ValueError as error:
        return f"its name {error}"
    if (objection := _objection(target.url, guard)) is not None:
        return objection
    return Member(
        endpoint(candidate.name, target if shown.own is None else shown.own.equip(target), secrets, guard),
        KUBERNETES,
        pages_of(target, candidate.replicas),
        candidate.replicas,
        TlsSettings() if shown.pods is None else shown.pods.tls_settings,
    )


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

"""Finds out which engine answers at a candidate's way.

It is asked over TLS. It is asked over plain HTTP where its certificate is not accepted, the way allows HTTP, and
nothing secret travels.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from config.credentials import Credential, credential_for
from config.model import Config, Target
from config.secrets import SecretError, Secrets
from discovery.kubernetes.candidates import Candidate
from discovery.kubernetes.certificate import Certificate, looked_at
from discovery.kubernetes.ways import service_host
from probes import backends
from probes.ask import Endpoint
from probes.control import Control, ControlError
from probes.guard import Guard
from traffic.roster import endpoint


@dataclass(frozen=True, slots=True)
class Matched:
    """Which of the configuration's credentials are for a candidate.

    `own` is for the host of its URL. `pods` is for the host that stands for its pods, where they speak TLS. `among` are
    the credentials that these were chosen from: they say nothing under a configuration that has others.
    """

    among: tuple[Credential, ...]
    own: Credential | None = None
    pods: Credential | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An engine in the cluster: which one answers, at which URL, and which credentials are for it.

    `note` is what there is to say of the way. `certificate` is None where none was looked at.
    """

    candidate: Candidate
    backend: str
    url: str
    matched: Matched
    note: str = ""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class NoEngine:
    """What answers is no engine, or nothing answers. `why` is for people."""

    why: str


def matched(candidate: Candidate, config: Config) -> Matched:
    """Choose the credentials for a candidate.

    The host of a Service stands for its pods, whose addresses are in no certificate.
    """
    settings = config.discovery.kubernetes
    place, way = candidate.place, candidate.way
    own = credential_for(candidate.name, way.url, config.credentials, place)
    if settings is None or not way.secure_pods:
        return Matched(config.credentials, own)
    if way.kind == "service":
        return Matched(config.credentials, own, own)
    inside = f"https://{service_host(place.namespace, place.name, settings)}"
    return Matched(config.credentials, own, credential_for(candidate.name, inside, config.credentials, place))


def needs_asking(candidate: Candidate) -> bool:
    """Whether the cluster's objects do not tell everything of the candidate's engine."""
    return candidate.backend is None or candidate.way.fallback_url is not None


def told(candidate: Candidate, shown: Matched) -> Found | None:
    """The engine of a candidate that need not be asked. None for one that has to be."""
    if candidate.backend is None or needs_asking(candidate):
        return None
    return Found(candidate, candidate.backend, candidate.way.url, shown)


async def ask(candidate: Candidate, shown: Matched, secrets: Secrets, control: Control, guard: Guard) -> Found | NoEngine:
    """Find out which engine answers. It is shown what the credential for it says.

    Does not raise: what goes wrong is said.
    """
    try:
        reached = await asyncio.to_thread(_endpoint, candidate, shown, secrets, guard)
    except (SecretError, ValueError) as error:
        return NoEngine(f"cannot be asked: {error}" if isinstance(error, SecretError) else "has a URL that cannot be used")
    note, certificate = "", None
    if candidate.way.fallback_url is not None:
        certificate = await looked_at(reached.url, reached.tls, guard)
        if certificate.trusted is False and shown.own is not None and shown.own.secret:
            note = f"its certificate is not accepted ({certificate.detail}), and what is secret does not go over HTTP"
        elif certificate.trusted is False:
            note = f"over HTTP, which is allowed there, as its certificate is not accepted ({certificate.detail})"
            reached = replace(reached, url=candidate.way.fallback_url)
    if candidate.backend is not None:
        return Found(candidate, candidate.backend, reached.url, shown, note, certificate)
    try:
        backend = await control.recognised(reached)
    except ControlError as error:
        return NoEngine(f"no engine answers there ({error}); label it chatprobe.io/backend, or mend the way")
    return Found(candidate, backend, reached.url, shown, note, certificate)


def _endpoint(candidate: Candidate, shown: Matched, secrets: Secrets, guard: Guard) -> Endpoint:
    """How the candidate is asked. Reads secrets. Raises `SecretError`, `ValueError`."""
    target = Target(backend=candidate.backend or backends.unnamed(), url=candidate.way.url)
    return endpoint(candidate.name, target if shown.own is None else shown.own.equip(target), secrets, guard)

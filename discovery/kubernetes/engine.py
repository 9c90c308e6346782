"""Finds out what answers at a candidate's way: over TLS or, where that is allowed and nothing secret travels, without; and which engine it is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from config.credentials import equipped
from config.model import Config, Target
from config.secrets import SecretError
from discovery.endpoints import endpoints
from discovery.kubernetes.candidates import Candidate
from discovery.kubernetes.certificate import Certificate, looked_at
from probes import backends
from probes.ask import Endpoint
from probes.control import Control, ControlError
from probes.guard import Guard


@dataclass(frozen=True, slots=True)
class Engine:
    """Which engine answers, at which URL; `note` is what there is to say about the way, `certificate` None where none was looked at."""

    backend: str
    url: str
    note: str = ""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class NoEngine:
    """What answers is no engine, or nothing answers; `why` is for people."""

    why: str


def needs_asking(candidate: Candidate) -> bool:
    """Whether its objects do not tell everything."""
    return candidate.backend is None or candidate.way.fallback_url is not None


async def ask(candidate: Candidate, config: Config, control: Control, guard: Guard) -> Engine | NoEngine:
    """Does not raise: what goes wrong is said."""
    try:
        reached = await asyncio.to_thread(_endpoint, candidate, config, guard)
    except (SecretError, ValueError) as error:
        return NoEngine(f"cannot be asked: {error}" if isinstance(error, SecretError) else "has a URL that cannot be used")
    note, certificate = "", None
    if candidate.way.fallback_url is not None:
        certificate = await looked_at(reached.url, reached.tls, guard)
        if certificate.trusted is False and _shows_secrets(reached):
            note = f"its certificate is not accepted ({certificate.detail}), and what is secret does not go over HTTP"
        elif certificate.trusted is False:
            note = f"over HTTP, which is allowed there, as its certificate is not accepted ({certificate.detail})"
            reached = replace(reached, url=candidate.way.fallback_url)
    if candidate.backend is not None:
        return Engine(candidate.backend, reached.url, note, certificate)
    try:
        backend = await control.recognised(reached)
    except ControlError as error:
        return NoEngine(f"no engine answers there ({error}); label it chatprobe.io/backend, or mend the way")
    return Engine(backend, reached.url, note, certificate)


def _endpoint(candidate: Candidate, config: Config, guard: Guard) -> Endpoint:
    """Reads secrets. Raises `SecretError`, `ValueError`."""
    target = Target(backend=candidate.backend or backends.unnamed(), url=candidate.way.url)
    target = equipped(candidate.name, target, config.credentials, candidate.place)
    return endpoints({candidate.name: target}, {candidate.name: guard})[candidate.name]


def _shows_secrets(endpoint: Endpoint) -> bool:
    return endpoint.api_key is not None or bool(endpoint.headers)

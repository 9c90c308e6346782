"""Finds out which engine answers at each candidate's way, and keeps it, with the credentials that are for it.

Candidates are asked some at a time, each once in a while. A candidate that does not answer holds up no other. It is
asked over TLS. It is asked over plain HTTP where its certificate is not accepted, the way allows HTTP, and nothing
secret travels.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from config.credentials import Credential, credential_for
from config.model import Config, Target
from config.secrets import SecretError, Secrets
from discovery.kubernetes.candidates import Candidate, PassedOver
from discovery.kubernetes.certificate import Certificate, looked_at
from discovery.kubernetes.ways import Way, service_host
from probes import backends
from probes.ask import Endpoint
from probes.control import Control, ControlError
from probes.guard import Guard
from traffic.roster import endpoint
from traffic.schedule import Clock, nanoseconds

AT_ONCE = 10
ASK_AGAIN_SECONDS = 600.0
"""An engine that was recognised is asked again after so long: its Service may have got another one behind it."""
FIRST_RETRY_SECONDS, LONGEST_RETRY_SECONDS = 15.0, 600.0

_Key = tuple[str, Way, str | None, Guard]


@dataclass(frozen=True, slots=True)
class Matched:
    """Which of the configuration's credentials are for a candidate.

    `own` is for the host of its URL. `pods` is for the host that stands for its pods, where they speak TLS. `among` and
    `domain` are the credentials that these were chosen from, and the cluster's domain.
    """

    among: tuple[Credential, ...]
    domain: str
    own: Credential | None = None
    pods: Credential | None = None

    def holds_under(self, config: Config) -> bool:
        """Whether the same would be chosen under this configuration."""
        return (self.among, self.domain) == (config.credentials, _domain(config))


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


@dataclass(slots=True)
class _Known:
    """What is known of one candidate."""

    matched: Matched
    found: Found | None = None
    why_not: str = "is being asked which engine it is"
    again_ns: int = 0
    retry_seconds: float = FIRST_RETRY_SECONDS
    task: asyncio.Task[None] | None = None


class Asking:
    """Keeps what is known of a candidate as long as its name, way, backend and guard stay the same.

    The credentials of a candidate are matched when it comes, and not again. Where a configuration has other
    credentials, nothing is known any more of any candidate.
    """

    def __init__(self, control: Control, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called when an answer has come that says something new."""
        self._control = control
        self._clock = clock
        self._changed = changed
        self._known: dict[_Key, _Known] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    def answers(self, candidates: Sequence[Candidate], config: Config, secrets: Secrets, guard: Guard) -> list[Found | PassedOver]:
        """What is known of each candidate now.

        Candidates of which nothing is known, or nothing new for a while, are asked. What was known stays until they
        have answered.
        """
        kept: dict[_Key, _Known] = {}
        answers: list[Found | PassedOver] = []
        for candidate in candidates:
            key = (candidate.name, candidate.way, candidate.backend, guard)
            known = self._known.get(key)
            if known is None or not known.matched.holds_under(config):
                known = _newly_known(candidate, config)
            kept[key] = known
            if needs_asking(candidate) and known.task is None and self._clock.monotonic_ns() >= known.again_ns:
                known.task = asyncio.create_task(self._ask(known, candidate, secrets, guard))
            if known.found is not None and known.found.candidate != candidate:
                known.found = replace(known.found, candidate=candidate)
            answers.append(known.found or PassedOver(candidate.name, known.why_not))
        for key, known in self._known.items():
            if kept.get(key) is not known and known.task is not None:
                known.task.cancel()
        self._known = kept
        return answers

    @property
    def busy(self) -> bool:
        """Whether a candidate has not given its first answer yet."""
        return any(known.task is not None and known.found is None for known in self._known.values())

    async def close(self) -> None:
        """Ask no more."""
        tasks = [known.task for known in self._known.values() if known.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, known: _Known, candidate: Candidate, secrets: Secrets, guard: Guard) -> None:
        before = known.found, known.why_not
        async with self._room:
            outcome = await ask(candidate, known.matched, secrets, self._control, guard)
        match outcome:
            case Found():
                known.found = outcome if known.found is None else replace(outcome, candidate=known.found.candidate)
                known.retry_seconds = FIRST_RETRY_SECONDS
                pause_seconds = ASK_AGAIN_SECONDS
            case NoEngine(why):
                known.why_not = why
                pause_seconds = known.retry_seconds
                known.retry_seconds = min(known.retry_seconds * 2, LONGEST_RETRY_SECONDS)
        known.again_ns = self._clock.monotonic_ns() + nanoseconds(pause_seconds)
        known.task = None
        if (known.found, known.why_not) != before:
            self._changed()


def _newly_known(candidate: Candidate, config: Config) -> _Known:
    shown = matched(candidate, config)
    return _Known(shown, told(candidate, shown))


def matched(candidate: Candidate, config: Config) -> Matched:
    """Choose the credentials for a candidate.

    The host of a Service stands for its pods, whose addresses are in no certificate.
    """
    settings = config.discovery.kubernetes
    place, way = candidate.place, candidate.way
    own = pods = credential_for(candidate.name, way.url, config.credentials, place)
    if settings is None or not way.secure_pods:
        pods = None
    elif way.kind != "service":
        inside = f"https://{service_host(place.namespace, place.name, settings)}"
        pods = credential_for(candidate.name, inside, config.credentials, place)
    return Matched(config.credentials, _domain(config), own, pods)


def _domain(config: Config) -> str:
    return "" if config.discovery.kubernetes is None else config.discovery.kubernetes.cluster_domain


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

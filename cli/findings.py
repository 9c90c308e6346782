"""What discovery finds, looked at once: every target with its way, its TLS, its health and what it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from config.model import Config
from discovery.kubernetes.asking import Found
from discovery.kubernetes.candidates import PassedOver
from discovery.kubernetes.certificate import Certificate, looked_at
from discovery.kubernetes.enrolling import KUBERNETES, guard_of
from discovery.kubernetes.once import seen_once
from discovery.plan import plan
from exporter.urls import shown_url
from probes.ask import Endpoint
from probes.control import Control, ControlError
from traffic.roster import Member


@dataclass(frozen=True, slots=True)
class Finding:
    """One target. `way` is None where it does not come from a cluster; `health` is empty where the engine is well, else what is wrong."""

    name: str
    member: Member
    way: Found | None
    certificate: Certificate | None
    health: str
    version: str | None
    models: tuple[str, ...]

    @property
    def url(self) -> str:
        return shown_url(self.member.endpoint.url)


@dataclass(frozen=True, slots=True)
class Findings:
    """All targets by name, what is none of them and why, and what may be out of date or missing."""

    targets: tuple[Finding, ...]
    passed_over: tuple[PassedOver, ...]
    problems: tuple[str, ...]


async def find(config: Config) -> Findings:
    """Look for everything that the configuration names, and ask each engine how it is. Raises `config.secrets.SecretError`."""
    async with Control() as control:
        seen = await seen_once(config, control)
        made = await asyncio.to_thread(plan, config, seen=seen)
        ways = {one.candidate.name: one for one in seen.engines}
        found = await asyncio.gather(*(_look_at(name, member, ways, config, control) for name, member in made.roster.members.items()))
    of_files = (PassedOver("", line) for line in made.files.passed_over)
    return Findings(tuple(found), (*of_files, *seen.passed_over, *made.enrolment.passed_over), (*made.files.problems, *seen.problems))


async def _look_at(name: str, member: Member, ways: Mapping[str, Found], config: Config, control: Control) -> Finding:
    endpoint = member.endpoint
    way = ways.get(name) if member.source == KUBERNETES else None
    certificate = None
    if endpoint.url.startswith("https://"):
        known = way.certificate if way else None
        certificate = known or await looked_at(endpoint.url, endpoint.tls, endpoint.guard or guard_of(config))
    try:
        await control.health(endpoint)
        health = ""
    except ControlError as error:
        health = str(error)
    return Finding(name, member, way, certificate, health, await _version(control, endpoint), await _models(control, endpoint))


async def _version(control: Control, endpoint: Endpoint) -> str | None:
    try:
        return await control.version(endpoint)
    except ControlError:
        return None


async def _models(control: Control, endpoint: Endpoint) -> tuple[str, ...]:
    try:
        return await control.models(endpoint)
    except ControlError:
        return ()

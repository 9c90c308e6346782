"""Keys for discovered targets.

Targets bring no keys of their own. They get those that the configuration has for their host.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from config.base import Section
from config.quantities import NamePattern, NamespacePattern
from config.rules import Finding, check_tls, refuse
from config.targets import Headers, SecretRef, Target, TlsSettings, check_headers

_HOST_PATTERN = re.compile(r"[A-Za-z0-9._:*-]{1,253}", re.ASCII)
_ADDRESSES = re.compile(r"[0-9.*]*[0-9][0-9.*]*|[0-9A-Fa-f.*]*:[0-9A-Fa-f:.*]*", re.ASCII)
"""IP addresses and patterns of them, like `10.0.*`. Names may begin like those, as `10.0.example.com` does, and are
not meant."""
_WITH_PORT = re.compile(r"[^:]+:[0-9]+", re.ASCII)
_HOST = re.compile(r"[a-z0-9._:-]+", re.ASCII)


def _host_pattern(written: str) -> str:
    host = written.removesuffix(".")
    if not _HOST_PATTERN.fullmatch(host):
        raise ValueError("is not a host; write its name without scheme, port and path, or a pattern like *.svc.cluster.local")
    if _WITH_PORT.fullmatch(host):
        raise ValueError("holds a port, which is no part of a host; leave it out, every port of the host is meant")
    if host != "*" and "*" in host.rpartition(".")[2] and not _ADDRESSES.fullmatch(host):
        raise ValueError("leaves open how a name ends, and would match hosts of anybody; write its end, like *.svc.cluster.local")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class ClusterPlace:
    """Where a target of a cluster comes from: the namespace, and the name in it, of its Service or InferenceService."""

    namespace: str
    name: str


class Credential(Section):
    """What discovered targets at a host are shown."""

    namespace: NamespacePattern | None = Field(
        default=None, description="namespace in a cluster, or a pattern; left out: any, and targets from files too"
    )
    name: NamePattern | None = Field(
        default=None, description="name of the targets, or a pattern like `team-*`; beside `namespace`: the Service's name in it; left out: any"
    )
    host: Annotated[str, AfterValidator(_host_pattern)] = Field(
        description="host of their URL, or a pattern like `*.svc.cluster.local`: nobody else is shown what follows"
    )
    api_key: SecretRef | None = Field(default=None, description="bearer key, `{file: PATH}` or `{env: NAME}`")
    headers: Headers = Field(default={}, description="request headers; values are secrets and never shown")
    tls_settings: TlsSettings = Field(default=TlsSettings(), alias="tls", description="certificates, for targets with `https://`")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        findings: list[Finding] = list(check_tls("https://", self.tls_settings.model_dump(exclude_unset=True)))
        findings += check_headers(self.headers, has_api_key=self.api_key is not None)
        if self.api_key is None and not self.headers and self.tls_settings == TlsSettings():
            findings.append(((), "holds no credentials; write api_key: {file: PATH}, headers or tls"))
        refuse(findings)
        return self

    @property
    def secret(self) -> bool:
        """Whether a target is shown something that nobody else may see; a certificate's settings are not."""
        return self.api_key is not None or bool(self.headers)

    def equip(self, target: Target) -> Target:
        """The target with what is said here. Certificates are for `https://` only."""
        tls = self.tls_settings if target.url.startswith("https://") else target.tls_settings
        return target.model_copy(update={"api_key": self.api_key, "headers": self.headers, "tls_settings": tls})

    @property
    def ending(self) -> str | None:
        """What the names that its host matches end in, after any `*`.

        None where it is one host, or addresses, or any host.
        """
        _, star, ending = self.host.lower().rpartition("*")
        return ending if star and ending and not _ADDRESSES.fullmatch(self.host) else None

    def matches(self, name: str, url: str, place: ClusterPlace | None = None) -> bool:
        """Whether it is for a target, which has a place where it comes from a cluster.

        Names mind case, hosts do not; a host must match as a whole, and patterns of addresses match no names.
        """
        if self.namespace is not None:
            if place is None or not fnmatchcase(place.namespace, self.namespace):
                return False
            name = place.name
        host = (urlsplit(url).hostname or "").removesuffix(".")
        return (
            _HOST.fullmatch(host) is not None
            and fnmatchcase(host, self.host.lower())
            and (_is_address(host) or not _ADDRESSES.fullmatch(self.host))
            and fnmatchcase(name, self.name or "*")
        )


def credential_for(name: str, url: str, credentials: Sequence[Credential], place: ClusterPlace | None = None) -> Credential | None:
    """The first credential that is for a target; None where none is."""
    return next((credential for credential in credentials if credential.matches(name, url, place)), None)


def equipped(name: str, target: Target, credentials: Sequence[Credential]) -> Target:
    """A target of a file with what the credential for it says; as it is where there is none."""
    credential = credential_for(name, target.url, credentials)
    return target if credential is None else credential.equip(target)

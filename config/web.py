"""The exporter's own web server, as an operator writes it: where it listens, who may do what, and how much of it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Strict

from config.base import Section
from config.quantities import Address, ListenAddress, Name
from config.targets import ForeignName, NonEmpty, SecretRef

RoleName = Literal["read", "operate"]

_HOST = re.compile(r"(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*", re.ASCII)


def _host(written: str) -> str:
    host = written.removesuffix(".").lower()
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ValueError("is not the name of a host; write it without scheme, port and path, or *.example.com for all names below it")
    return host


class Token(SecretRef):
    """A bearer token: where it is kept, as it is or as `sha256:` and its hash, and what whoever shows it may do."""

    role: RoleName = Field(default="read", description="`read`, or `operate`: also what spends tokens or changes state")


class WebLimits(Section):
    """How much the web server takes on."""

    connections: Annotated[int, Field(ge=8, le=10_000)] = Field(default=512, description="most connections at once")
    connections_per_address: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=128, description="most of them from one address; a proxy in front is one"
    )
    requests_per_second: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=50, description="from one address, four times as many in a burst; probes of health do not count"
    )
    event_streams: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=64, description="most streams of events held open at once, a quarter of them from one address"
    )


class Web(Section):
    """The exporter's own web server."""

    listen: ListenAddress = Field(default=Address("127.0.0.1", 9840), description="address of `/metrics` and the other endpoints")
    lifecycle: bool = Field(default=False, description="whether `POST /-/reload` reloads the configuration, for those who may operate")
    probe: bool = Field(default=False, description="whether `GET /probe` holds a chat, which spends tokens, for everybody who may read")
    own_prompts: bool = Field(default=False, description="whether those who may operate may race engines at `/race` with prompts of their own")
    config_file: NonEmpty | None = Field(
        default=None, description="TLS, client certificates and users, in the format of Prometheus' exporter-toolkit; read again when it changes"
    )
    tokens: Mapping[Name, Token] = Field(default={}, description="bearer tokens, by name")
    readers: Annotated[tuple[ForeignName, ...], Strict(False)] = Field(
        default=(), description="users of `config_file`, or names in client certificates, that may read only; the others operate"
    )
    anonymous: Literal["none", "read", "operate"] | None = Field(
        default=None,
        description="what somebody may do who shows nothing; left out: nothing where there are users, tokens or certificates to show; "
        "else `operate` on a loopback address, and `read` elsewhere",
    )
    kubernetes_auth: bool = Field(
        default=False,
        description="whether the cluster's API server is asked who a bearer token is (TokenReview), and what it may (SubjectAccessReview)",
    )
    hosts: Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], Strict(False)] = Field(
        default=(),
        description="names that it may be asked by, beside addresses and `localhost`; left out: any, but on a loopback address no others",
    )
    limits: WebLimits = Field(default=WebLimits(), description="how much it takes on")

    @property
    def loopback(self) -> bool:
        """Whether it listens where nobody else's machine can reach it."""
        return is_loopback(self.listen.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by an address or by a name that is kept for it (RFC 6761)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")

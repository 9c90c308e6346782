"""What the configuration says of the port, read and ready to be put in force."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from config.model import Config
from config.problems import ConfigError, Problem
from config.web import WebLimits
from config.web_context import server_context
from config.web_file import RateLimit, WebFile
from config.web_reading import read_web_file
from discovery.kubernetes.api import Api, ApiError
from exporter.web.security.cluster import ClusterAuth
from exporter.web.security.hosts import Hosts
from exporter.web.security.roles import Role
from exporter.web.security.tokens import Tokens, read_tokens
from exporter.web.security.users import Users

_OPEN = (
    "the port is open to whoever can reach it: they read everything here, and nobody has to show who they are; "
    "set web.config_file or web.tokens (docs/security.md), or web: {{anonymous: {role}}} if that is meant"
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in force. `anonymous` is the role of whoever shows nothing, None where that is no one.

    `warning` says that the port is open to others than this machine's users, and how to close it; None where it is not, or is meant to be.
    """

    users: Users
    tokens: Tokens = Tokens(())
    cluster: ClusterAuth | None = None
    readers: frozenset[str] = frozenset()
    anonymous: Role | None = Role.OPERATE
    context: ssl.SSLContext | None = None
    allowed_sans: frozenset[str] = frozenset()
    hosts: Hosts = Hosts(None)
    headers: Mapping[str, str] = field(default_factory=dict)
    rate: RateLimit = RateLimit()
    limits: WebLimits = WebLimits()
    warning: str | None = None

    @property
    def takes_certificates(self) -> bool:
        """Whether a client certificate says who somebody is. Where there are users too, they have to be shown beside it."""
        return self.context is not None and self.context.verify_mode is not ssl.CERT_NONE and not self.users


def read_rules(config: Config, executor: Executor) -> Rules:
    """The rules of a configuration, with what stands in the files that it names. Raises `ConfigError` and `SecretError`, without any secret.

    Passwords are checked by the executor.
    """
    web = config.web
    file = WebFile() if web.config_file is None else read_web_file(web.config_file)
    tls = file.tls_server_config
    rules = Rules(
        users=Users({name: kept.get_secret_value() for name, kept in file.basic_auth_users.items()}, executor),
        tokens=read_tokens(web.tokens),
        cluster=_cluster(config),
        readers=frozenset(web.readers),
        context=None if tls is None else server_context(tls),
        allowed_sans=frozenset(() if tls is None else tls.client_allowed_sans),
        hosts=Hosts.of(web),
        headers=file.http_server_config.headers.written,
        rate=file.rate_limit,
        limits=web.limits,
    )
    return _with_anonymous(rules, config)


def _with_anonymous(rules: Rules, config: Config) -> Rules:
    written, loopback = config.web.anonymous, config.web.loopback
    if written is not None:
        return replace(rules, anonymous=None if written == "none" else Role(written))
    if rules.users or rules.tokens or rules.cluster or rules.takes_certificates:
        return replace(rules, anonymous=None)
    if loopback:
        return replace(rules, anonymous=Role.OPERATE)
    return replace(rules, anonymous=Role.READ, warning=_OPEN.format(role=Role.READ))


def _cluster(config: Config) -> ClusterAuth | None:
    if not config.web.kubernetes_auth:
        return None
    try:
        return ClusterAuth(Api(config.discovery.kubernetes))
    except ApiError as error:
        raise ConfigError([Problem("web.kubernetes_auth", None, None, "", str(error))]) from error

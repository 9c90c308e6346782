"""Who asks, and what that gives: a user, a token, a certificate, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TypeVar

from aiohttp import web

from exporter.web.security.cluster import AskedInVainError, ClusterAuth
from exporter.web.security.connections import names_in
from exporter.web.security.rates import Rates, holder_of
from exporter.web.security.roles import Role
from exporter.web.security.rules import Rules
from exporter.web.security.users import BusyError, basic

FAILURES = 10
"""That an address may have at once. Each takes a check of a password, or a question to the API server."""
FAILURES_PER_SECOND = 0.2

Answer = TypeVar("Answer")

_READS = frozenset({"GET", "HEAD"})


class Gate:
    """Tells the role of whoever sends a request, by the rules in force."""

    def __init__(self, rules: Rules, clock: Callable[[], float]) -> None:
        self._rules = rules
        self._failures = Rates(FAILURES_PER_SECOND, FAILURES, clock)

    async def role(self, request: web.Request) -> Role:
        """The role. Raises 401 where somebody has to show who they are or did so wrongly, and 403 where they may not even read."""
        shown = request.headers.getall("Authorization", [])
        if len(shown) > 1:
            raise web.HTTPBadRequest(text="A request has one Authorization header.\n")
        scheme, _, credentials = (shown[0] if shown else "").partition(" ")
        match scheme.lower():
            case "basic" if self._rules.users:
                return await self._user(request, credentials.strip())
            case "bearer" if self._rules.tokens or self._rules.cluster:
                return await self._token(request, credentials.strip())
        return self._certificate(request) or self._anonymous()

    async def _user(self, request: web.Request, credentials: str) -> Role:
        login = basic(credentials)
        if login is None:
            raise self._unauthorized("The user and password cannot be read.")
        name, password = login
        if not self._rules.users.knows(name, password):
            await self._counted(request, self._checked(name, password))
        return self._by_name({name})

    async def _checked(self, name: str, password: bytes) -> None:
        try:
            right = await self._rules.users.right(name, password)
        except BusyError:
            raise web.HTTPServiceUnavailable(text="Too many passwords are being checked; try again.\n", headers={"Retry-After": "1"}) from None
        if not right:
            raise self._unauthorized("The user or the password is wrong.")

    async def _token(self, request: web.Request, token: str) -> Role:
        role = self._rules.tokens.role(token)
        if role is not None:
            return role
        cluster = self._rules.cluster
        if cluster is not None and cluster.knows(token):
            return await self._by_cluster(request, cluster, token)
        return await self._counted(request, self._unknown(request, cluster, token))

    async def _unknown(self, request: web.Request, cluster: ClusterAuth | None, token: str) -> Role:
        if cluster is None:
            raise self._unauthorized("The token is wrong.")
        return await self._by_cluster(request, cluster, token)

    async def _by_cluster(self, request: web.Request, cluster: ClusterAuth, token: str) -> Role:
        try:
            user = await cluster.user(token)
            if not user:
                raise self._unauthorized("The token is wrong, or has run out.")
            role = await cluster.role(user, reads=request.method in _READS, path=request.path)
        except AskedInVainError as error:
            raise web.HTTPServiceUnavailable(text=f"Who you are cannot be found out: {error}.\n", headers={"Retry-After": "5"}) from None
        if role is None:
            verb = "get" if request.method in _READS else "post"
            raise web.HTTPForbidden(text=f"You have no right to {verb} this; it takes a ClusterRole with this path in nonResourceURLs.\n")
        return role

    def _certificate(self, request: web.Request) -> Role | None:
        """The role that the connection's certificate gives, which TLS has checked; None where there is none, or where it is not enough."""
        if not self._rules.takes_certificates:
            return None
        certificate = None if request.transport is None else request.transport.get_extra_info("peercert")
        return self._by_name({*names_in(certificate), *_common_names(certificate)}) if certificate else None

    def _by_name(self, names: set[str]) -> Role:
        return Role.OPERATE if self._rules.readers.isdisjoint(names) else Role.READ

    def _anonymous(self) -> Role:
        if self._rules.anonymous is None:
            raise self._unauthorized("Show who you are.")
        return self._rules.anonymous

    async def _counted(self, request: web.Request, looked: Coroutine[object, object, Answer]) -> Answer:
        """What comes of looking at what nobody has shown before. Raises 429 where the address has failed too often.

        It counts as a failure from the start, so that many at once are not let through before the first of them has failed.
        """
        address = holder_of(request.remote or "")
        if not self._failures.take(address):
            looked.close()
            wait = str(round(1 / FAILURES_PER_SECOND))
            raise web.HTTPTooManyRequests(text=f"Too many failed logins from your address; try again in {wait} s.\n", headers={"Retry-After": wait})
        found = await looked
        self._failures.give_back(address)
        return found

    def _unauthorized(self, why: str) -> web.HTTPUnauthorized:
        refused = web.HTTPUnauthorized(text=f"{why}\n")
        if self._rules.users:
            refused.headers.add("WWW-Authenticate", 'Basic realm="chatprobe", charset="UTF-8"')
        if self._rules.tokens or self._rules.cluster:
            refused.headers.add("WWW-Authenticate", 'Bearer realm="chatprobe"')
        return refused


def _common_names(certificate: object) -> set[str]:
    subject = certificate.get("subject", ()) if isinstance(certificate, dict) else ()
    return {value for part in subject for key, value in part if key == "commonName"}

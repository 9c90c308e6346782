"""The port as a whole: each request passes here before a handler sees it.

In this order: how often is asked; by which name; whether another site's page asks; who asks; how long the body takes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from config.model import Config
from exporter.alike import Limit
from exporter.web.security.answers import secured
from exporter.web.security.connections import Terms
from exporter.web.security.gate import Gate
from exporter.web.security.origins import from_elsewhere
from exporter.web.security.patience import BODY_SECONDS, PatientProtocol
from exporter.web.security.rates import Bucket, Rates, holder_of
from exporter.web.security.roles import ELSEWHERE, ROLE
from exporter.web.security.rules import Rules, read_rules
from exporter.web.security.streams import EVENT_STREAMS, EventStreams
from exporter.web.security.users import Users

MOST_BODY_BYTES = 64 * 1024
_BURST = 4
"""So many seconds' worth of requests at once, from one address."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEALTH = frozenset({"/-/healthy", "/-/ready"})
"""What a kubelet asks, which shows no credentials. They tell nothing but whether and why chatprobe does not probe."""

_log = structlog.get_logger()


class Port:
    """Holds the rules in force. Without any, those of a loopback address that anybody on the machine may use."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="passwords")
        self._alike = Limit()
        self.streams = EventStreams(0)
        self.rules = Rules(Users({}, self._executor))
        self.put_in_force(self.rules)

    def read(self, config: Config) -> Rules:
        """The rules of a configuration. It blocks. Raises `ConfigError` and `SecretError`."""
        return read_rules(config, self._executor)

    def put_in_force(self, rules: Rules) -> None:
        """Go by these rules from now on. Streams of events that are held open end: who may hold them may have changed."""
        before, self.rules = self.rules, rules
        if rules.warning is not None and rules.warning != before.warning:
            _log.warning(rules.warning)
        self._gate = Gate(rules, self._clock)
        self._rates = Rates(rules.limits.requests_per_second, _BURST * rules.limits.requests_per_second, self._clock)
        interval = rules.rate.interval_seconds
        self._overall = Bucket(1 / interval, rules.rate.burst, rules.rate.burst, self._clock()) if interval else None
        self.streams.renew(rules.limits.event_streams)

    @property
    def warning(self) -> str | None:
        """That the port is open to others than this machine's users, and how to close it; None where it is not."""
        return self.rules.warning

    def terms(self) -> Terms:
        """On which connections are taken now."""
        return Terms(self.rules.limits, self.rules.context, self.rules.allowed_sans)

    def guard(self, app: web.Application) -> None:
        """Have every request to the application pass here."""
        app[PORT], app[EVENT_STREAMS] = self, self.streams
        app.middlewares.append(self._middleware)
        app.on_response_prepare.append(self._prepared)
        app.on_cleanup.append(self._close)

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        protocol = None if request.transport is None else request.transport.get_protocol()
        if not isinstance(protocol, PatientProtocol):
            return await self._answered(request, handler)
        protocol.request_began()
        try:
            return await self._answered(request, handler)
        finally:
            protocol.request_ended()

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            health = _asks_for_health(request)
            if not health:
                self._often(request)
            self._by_name(request)
            if from_elsewhere(request) and not _only_leads_here(request):
                raise web.HTTPForbidden(text=ELSEWHERE)
            if not health:
                request[ROLE] = await self._gate.role(request)
            await _body(request)
        except web.HTTPException as refused:
            self._tell(request, refused)
            raise
        return await handler(request)

    def _often(self, request: web.Request) -> None:
        address = holder_of(request.remote or "")
        if not self._rates.take(address) or (self._overall is not None and not self._overall.take(self._clock())):
            raise web.HTTPTooManyRequests(text="Too many requests; ask less often.\n", headers={"Retry-After": "1"})

    def _by_name(self, request: web.Request) -> None:
        hosts = request.headers.getall("Host", [])
        if not hosts and request.version < (1, 1):
            return
        if len(hosts) != 1:
            raise web.HTTPBadRequest(text="A request has one Host header.\n")
        if not self.rules.hosts.takes(hosts[0]):
            raise web.HTTPMisdirectedRequest(text="This server is not asked by that name; add the name to web: {hosts: [NAME]}.\n")

    def _tell(self, request: web.Request, refused: web.HTTPException) -> None:
        """Log that somebody was refused, once a minute for each kind and address; nothing of what was sent is in it."""
        address = request.remote or ""
        alike = self._alike.due((str(refused.status), address), time.time())
        if alike is not None:
            _log.warning("a request was refused", status=refused.status, address=address, alike_since_last_line=alike)

    async def _prepared(self, _: web.Request, response: web.StreamResponse) -> None:
        secured(response, self.rules.headers)

    async def _close(self, _: web.Application) -> None:
        self._executor.shutdown(wait=False, cancel_futures=True)


PORT = web.AppKey("port", Port)


def _asks_for_health(request: web.Request) -> bool:
    """By the route that was found, not by the path that was written: what gets past here is what is answered."""
    resource = request.match_info.route.resource
    return resource is not None and resource.canonical in _HEALTH and request.method in ("GET", "HEAD")


def _only_leads_here(request: web.Request) -> bool:
    """Whether what another site's page does is no more than a link to one of ours, which the browser then shows by itself."""
    fetched = request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")
    return request.method in _SAFE and fetched == ("navigate", "document")


async def _body(request: web.Request) -> None:
    """Read a body, before anybody acts on a half of it."""
    if not request.can_read_body:
        return
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text=f"The request's body took longer than {BODY_SECONDS:g} s.\n", headers={"Connection": "close"}) from None

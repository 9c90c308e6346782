"""A lease that replicas of one exporter hold in turn.

The replica that has it chats. The others stand by, so that two do not cost twice. The `kubernetes` client has an
election of its own, which blocks until it ends and cannot be stopped. This one is a value to look at, and a loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from discovery.kubernetes.api import FORBIDDEN_SECONDS, AbsentError, Api, ApiError, ConflictError, ForbiddenError
from discovery.kubernetes.fields import Json, number, part, text
from traffic.schedule import NANOSECONDS, SYSTEM_CLOCK, Clock, nanoseconds

_GROUP, _VERSION, _PLURAL = "coordination.k8s.io", "v1", "leases"
_LONGEST_SECONDS = 300
"""A lease that somebody else has written is believed to be good for no longer."""
SHORTEST_PAUSE_NS = NANOSECONDS // 20
"""Between two attempts, however long the first took."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """A renewal makes the lease good for `lease_seconds`. Its holder renews it each `renew_seconds`.

    A holder that could not renew it for `deadline_seconds` starts no more chats. That is well before another replica
    may take it, whatever the clocks of both say.
    """

    lease_seconds: int = 15
    deadline_seconds: float = 10.0
    renew_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Where the lease is: a namespace, and a name in it."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def read_lease_name(written: str) -> LeaseName:
    """`NAMESPACE/NAME`. Raises ValueError."""
    namespace, slash, name = written.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise ValueError("is not the name of a lease; write NAMESPACE/NAME")
    return LeaseName(namespace, name)


def own_identity() -> str:
    """Tells this process from all others.

    It is made of the pod's name, and of a number that a restarted container does not have again.
    """
    return f"{socket.gethostname()}_{os.getpid()}_{os.urandom(4).hex()}"


class Lease:
    """Tries to get the lease and to keep it, in a thread of its own: nothing else that blocks may hold up a renewal."""

    def __init__(self, api: Api, name: LeaseName, identity: str, terms: Terms = Terms(), clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._held = False
        self._api = api
        self._name = name
        self._identity = identity
        self._terms = terms
        self._renewed_ns = 0
        self._observed: tuple[str, str, str] | None = None
        self._observed_ns = 0
        self._runs_out_ns = 0
        self._ill = False
        self._refused_since_ns: int | None = None
        self._released = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        self._news = asyncio.Event()

    @property
    def leads(self) -> bool:
        """Whether chats may be started at this moment.

        The clock decides, even before the loop that renews the lease has noticed.
        """
        return self._held and self._clock.monotonic_ns() < self._ends_ns

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Try to get the lease and to keep it, until cancelled.

        `changed` is called whenever `leads` is another. The lease is renewed however long that call takes, and even if
        it raises.
        """
        async with asyncio.TaskGroup() as both:
            both.create_task(self._keep())
            both.create_task(self._tell(changed))

    async def _keep(self) -> None:
        while True:
            began_ns = self._clock.monotonic_ns()
            attempt = asyncio.get_running_loop().run_in_executor(self._thread, self._attempt)
            try:
                await self._stop_in_time(attempt)
            except asyncio.CancelledError:
                with contextlib.suppress(Exception):
                    await attempt
                raise
            if self._lost():
                self._become(False)
            if attempt.result() and not self._released:
                self._renewed_ns = began_ns
                self._become(self._clock.monotonic_ns() < self._ends_ns)
            await self._clock.sleep_until(max(self._clock.monotonic_ns() + SHORTEST_PAUSE_NS, self._next_ns(began_ns)))

    def _next_ns(self, began_ns: int) -> int:
        """When the next attempt is due: a while after this one, or when the lease that another was seen to hold runs out, if that is sooner."""
        regularly_ns = began_ns + nanoseconds(self._terms.renew_seconds)
        return min(regularly_ns, self._runs_out_ns) if self._lost() and self._runs_out_ns > began_ns else regularly_ns

    async def _stop_in_time(self, attempt: asyncio.Future[bool]) -> None:
        """Wait for the end of an attempt. Where the lease runs out meanwhile, it is held no more."""
        if self._held:
            running_out = asyncio.ensure_future(self._clock.sleep_until(self._ends_ns))
            either: set[asyncio.Future[Any]] = {attempt, running_out}
            try:
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            finally:
                running_out.cancel()
            if self._clock.monotonic_ns() >= self._ends_ns:
                self._become(False)
        await asyncio.wait({attempt})

    async def _tell(self, changed: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await changed()
            except Exception:  # noqa: BLE001 - the edge of the lease: whatever breaks, it is kept, and told again
                _log.exception("what follows from the lease broke, and is tried again", leads=self.leads)
                self._news.set()
                await self._clock.sleep_until(self._clock.monotonic_ns() + nanoseconds(self._terms.renew_seconds))

    async def release(self) -> None:
        """Let others have the lease at once, if it is held. If that goes wrong, they have it when it has run out."""
        self._released = True  # an attempt that is still under way must not get it back
        if self._held:
            self._held = False
            with contextlib.suppress(ApiError):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._give_back)

    def _attempt(self) -> bool:
        """Get the lease, or renew it. Blocks."""
        try:
            got = self._get_or_renew()
        except ConflictError:
            got = False  # somebody was faster
        except ApiError as error:
            self._tell_of(error)
            return False
        except Exception:  # noqa: BLE001 - whatever breaks, who cannot renew the lease has to stop in time
            _log.exception("asking for the lease broke")
            return False
        self._refused_since_ns = None
        if self._ill:
            self._ill = False
            _log.info("the lease can be asked for again", lease=str(self._name))
        return got

    def _tell_of(self, error: ApiError) -> None:
        """Log that trouble begins, once until it ends. An API server that has just started may not know its roles yet."""
        if isinstance(error, ForbiddenError):
            now_ns = self._clock.monotonic_ns()
            self._refused_since_ns = now_ns if self._refused_since_ns is None else self._refused_since_ns
            if now_ns < self._refused_since_ns + nanoseconds(FORBIDDEN_SECONDS):
                return
        log = _log.debug if self._ill else _log.warning
        log("the lease cannot be asked for", lease=str(self._name), problem=str(error))
        self._ill = True

    def _get_or_renew(self) -> bool:
        try:
            found = self._api.read(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name)
        except AbsentError:
            if self._released:
                return False
            self._api.create(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._body({}, self._identity, self._terms.lease_seconds, {}))
            return True
        holder = text(found, "spec", "holderIdentity")
        state = (holder, text(found, "spec", "renewTime"), text(found, "metadata", "resourceVersion"))
        if state != self._observed:
            self._observed, self._observed_ns = state, self._clock.monotonic_ns()
        seconds = min(number(found, "spec", "leaseDurationSeconds") or self._terms.lease_seconds, _LONGEST_SECONDS)
        self._runs_out_ns = self._observed_ns + nanoseconds(seconds)
        if self._released or (holder not in ("", self._identity) and self._clock.monotonic_ns() < self._runs_out_ns):
            return False
        self._write(found, self._identity, self._terms.lease_seconds)
        return True

    def _give_back(self) -> None:
        found = self._api.read(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name)
        if text(found, "spec", "holderIdentity") == self._identity:
            self._write(found, holder="", seconds=1)

    def _write(self, found: Json, holder: str, seconds: int) -> None:
        """Write the lease with the version that was read. The API refuses it where somebody has written since.

        Labels and annotations stay: by these, Helm and others know the objects that are theirs.
        """
        body = self._body(part(found, "metadata"), holder, seconds, part(found, "spec"))
        self._api.replace(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name, body)

    def _body(self, metadata: Mapping[str, Any], holder: str, seconds: int, before: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.epoch_seconds(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken_over = holder != "" and before.get("holderIdentity") != holder
        transitions = before.get("leaseTransitions")
        return {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "Lease",
            "metadata": {**metadata, "name": self._name.name, "namespace": self._name.namespace},
            "spec": {
                **before,
                "holderIdentity": holder,
                "leaseDurationSeconds": seconds,
                "renewTime": now,
                "acquireTime": now if taken_over else before.get("acquireTime", now),
                "leaseTransitions": (transitions if isinstance(transitions, int) else 0) + (taken_over and bool(before)),
            },
        }

    def _lost(self) -> bool:
        """Whether somebody else was seen to hold it."""
        return self._observed is not None and self._observed[0] not in ("", self._identity)

    @property
    def _ends_ns(self) -> int:
        """Until when chats may be started, without another renewal."""
        return self._renewed_ns + nanoseconds(self._terms.deadline_seconds)

    def _become(self, leads: bool) -> None:
        if leads == self._held:
            return
        self._held = leads
        _log.info("leading: chats are started here" if leads else "standing by: another replica may chat", identity=self._identity)
        self._news.set()

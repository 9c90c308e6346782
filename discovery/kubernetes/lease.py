"""A lease that replicas of one exporter hold in turn: who has it chats, the others stand by, so that two do not cost twice.

The `kubernetes` client's own election blocks until it ends and cannot be stopped; this one is a value that is looked at, and a loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from discovery.kubernetes.api import AbsentError, Api, ApiError, ConflictError
from discovery.kubernetes.fields import Json, number, text

_GROUP, _VERSION, _PLURAL = "coordination.k8s.io", "v1", "leases"
_LONGEST_SECONDS = 300

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Terms:
    """`lease_seconds` is for how long the lease is good after each renewal. Who holds it renews it each `renew_seconds`.

    Who could not renew it for `deadline_seconds` starts no more chats: well before anybody else may take it, whatever the clocks of both say.
    """

    lease_seconds: int = 15
    deadline_seconds: float = 10.0
    renew_seconds: float = 3.0


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Where the lease is: a namespace, and a name in it."""

    namespace: str
    name: str


def read_lease_name(written: str) -> LeaseName:
    """`NAMESPACE/NAME`. Raises ValueError."""
    namespace, slash, name = written.partition("/")
    if not slash or not namespace or not name or "/" in name:
        raise ValueError("is not the name of a lease; write NAMESPACE/NAME")
    return LeaseName(namespace, name)


def own_identity() -> str:
    """Tells this process from all others: the pod's name, and a number that a restarted container does not have again."""
    return f"{socket.gethostname()}_{os.getpid()}_{os.urandom(4).hex()}"


class Lease:
    """Tries to get the lease and to keep it, in a thread of its own: nothing else that blocks may hold up a renewal."""

    def __init__(self, api: Api, name: LeaseName, identity: str, terms: Terms = Terms()) -> None:
        self._held = False
        self._api = api
        self._name = name
        self._identity = identity
        self._terms = terms
        self._renewed = 0.0
        self._observed: tuple[str, str, str] | None = None
        self._observed_at = 0.0
        self._problem = ""
        self._released = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="lease")
        self._news = asyncio.Event()

    @property
    def leads(self) -> bool:
        """Whether chats may be started at this moment: by the clock, whether or not the loop that renews the lease has come to notice."""
        return self._held and self._left_seconds() > 0

    async def run(self, changed: Callable[[], Awaitable[object]]) -> None:
        """Until it is cancelled; `changed` is called whenever `leads` is another. However long it takes, and if it raises, the lease is renewed."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._keep())
            both.create_task(self._tell(changed))

    async def _keep(self) -> None:
        while True:
            began = time.monotonic()
            attempt = asyncio.get_running_loop().run_in_executor(self._thread, self._attempt)
            try:
                while not attempt.done():
                    await asyncio.wait({attempt}, timeout=max(0.05, self._left_seconds()) if self._held else None)
                    if not attempt.done() and self._left_seconds() <= 0:
                        self._become(False)
            except asyncio.CancelledError:
                with contextlib.suppress(Exception):
                    await attempt
                raise
            if self._lost() or self._left_seconds() <= 0:
                self._become(False)
            if attempt.result() and not self._released:
                self._renewed = began
                self._become(self._left_seconds() > 0)
            await asyncio.sleep(max(0.05, self._terms.renew_seconds - (time.monotonic() - began)))

    async def _tell(self, changed: Callable[[], Awaitable[object]]) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await changed()
            except Exception:  # noqa: BLE001 - the edge of the lease: whatever breaks, it is kept, and told again
                _log.exception("what follows from the lease broke, and is tried again", leads=self.leads)
                self._news.set()
                await asyncio.sleep(self._terms.renew_seconds)

    async def release(self) -> None:
        """Let others have it at once, where it is held; what goes wrong then costs them the time of the lease, and nothing else."""
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
            if str(error) != self._problem:
                _log.warning("the lease cannot be asked for", lease=f"{self._name.namespace}/{self._name.name}", problem=str(error))
            self._problem = str(error)
            return False
        except Exception:  # noqa: BLE001 - whatever breaks, who cannot renew the lease has to stop in time
            _log.exception("asking for the lease broke")
            return False
        self._problem = ""
        return got

    def _get_or_renew(self) -> bool:
        try:
            found = self._api.read(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name)
        except AbsentError:
            self._api.create(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._body({}, self._identity, self._terms.lease_seconds, {}))
            return True
        holder = text(found, "spec", "holderIdentity")
        state = (holder, text(found, "spec", "renewTime"), text(found, "metadata", "resourceVersion"))
        if state != self._observed:
            self._observed, self._observed_at = state, time.monotonic()
        seconds = min(number(found, "spec", "leaseDurationSeconds") or self._terms.lease_seconds, _LONGEST_SECONDS)
        if self._released or (holder not in ("", self._identity) and time.monotonic() < self._observed_at + seconds):
            return False
        self._put(found, self._identity, self._terms.lease_seconds)
        return True

    def _give_back(self) -> None:
        found = self._api.read(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name)
        if text(found, "spec", "holderIdentity") == self._identity:
            self._put(found, holder="", seconds=1)

    def _put(self, found: Json, holder: str, seconds: int) -> None:
        """With the version that was read: where somebody has written since, the API refuses it."""
        metadata = {"resourceVersion": text(found, "metadata", "resourceVersion")}
        spec = found.get("spec")
        body = self._body(metadata, holder, seconds, spec if isinstance(spec, dict) else {})
        self._api.replace(_GROUP, _VERSION, self._name.namespace, _PLURAL, self._name.name, body)

    def _body(self, metadata: Mapping[str, str], holder: str, seconds: int, before: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        taken_over = holder != "" and before.get("holderIdentity") != holder
        transitions = before.get("leaseTransitions")
        return {
            "apiVersion": f"{_GROUP}/{_VERSION}",
            "kind": "Lease",
            "metadata": {"name": self._name.name, "namespace": self._name.namespace, **metadata},
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
        """Whether it was seen in somebody else's hands."""
        return self._observed is not None and self._observed[0] not in ("", self._identity)

    def _left_seconds(self) -> float:
        """For how long chats may still be started, without another renewal."""
        return self._renewed + self._terms.deadline_seconds - time.monotonic()

    def _become(self, leads: bool) -> None:
        if leads == self._held:
            return
        self._held = leads
        _log.info("leading: chats are started here" if leads else "standing by: another replica may chat", identity=self._identity)
        self._news.set()

"""Keeps the objects of one kind in one namespace.

They are listed, watched for changes, and listed again now and then.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import structlog

from discovery.kubernetes.api import (
    FORBIDDEN_SECONDS,
    PAGE_OBJECTS,
    WATCH_SECONDS,
    AbsentError,
    Api,
    ApiError,
    ExpiredError,
    ForbiddenError,
    SilentError,
)
from discovery.kubernetes.fields import Json
from discovery.kubernetes.kinds import Kind, is_of_ways
from discovery.kubernetes.objects import Gateway, HttpRoute, Ingress, Object, Service, Slice

RESYNC_SECONDS = 300.0
"""After so long everything is listed again: what a watch has missed stays wrong for no longer."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0

MOST_OBJECTS = 10_000
MOST_PARTS = 100_000
"""Of all objects together, themselves included. A part, such as a pod of a slice or a rule of an Ingress, has some
300 bytes."""

_log = structlog.get_logger()


def parts(one: Object) -> int:
    """How much an object weighs: 1 for itself, and 1 for each pod, rule, port or listener in it."""
    match one:
        case Slice():
            return 1 + len(one.pods)
        case Ingress() | HttpRoute():
            return 1 + len(one.rules)
        case Service():
            return 1 + len(one.ports)
        case Gateway():
            return 1 + len(one.listeners)
    return 1


@dataclass(slots=True)
class Kept:
    """The objects that are kept, by name, and what they weigh together."""

    objects: dict[str, Object] = field(default_factory=dict)
    parts: int = 0

    def keep(self, name: str, one: Object) -> bool:
        """Keep an object in place of the one of its name.

        False if there is no room for it: then all stays as it was.
        """
        known = self.objects.get(name)
        total = self.parts + parts(one) - (0 if known is None else parts(known))
        if total > MOST_PARTS or (known is None and len(self.objects) >= MOST_OBJECTS):
            return False
        self.objects[name] = one
        self.parts = total
        return True

    def drop(self, name: str) -> None:
        """Forget the object of this name, if there is one."""
        known = self.objects.pop(name, None)
        self.parts -= 0 if known is None else parts(known)

    def refreshed(self, found: Mapping[str, Object]) -> Kept:
        """What is known, brought up to date where it was found now; and as many others as there is room for."""
        kept = Kept(dict(self.objects), self.parts)
        for name in sorted(found, key=lambda name: name not in self.objects):
            kept.keep(name, found[name])
        return kept


@dataclass(frozen=True, slots=True)
class View:
    """What is known now. `edition` is another number whenever the objects are others.

    `listed` is whether there was ever a whole list. `problem` is why what is known may be out of date. `flooded` is
    whether there are more objects than are kept.
    """

    objects: Mapping[str, Object] = field(default_factory=dict)
    edition: int = 0
    listed: bool = False
    problem: str | None = None
    flooded: bool = False


class ThreadClock(Protocol):
    """Time as a thread sees it."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for the event, for so many seconds at most. True if it has come."""
        ...


class MachineClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


MACHINE_CLOCK = MachineClock()


class Following:
    """Follows one kind in a thread of its own, since the client blocks.

    Whatever goes wrong, the objects that were known last stay.
    """

    def __init__(
        self, api: Api, kind: Kind, namespace: str | None, selector: str, changed: Callable[[], None], clock: ThreadClock = MACHINE_CLOCK
    ) -> None:
        """`changed` is called in the thread, whenever the view is another."""
        self.kind = kind
        self.namespace = namespace
        self._api = api
        self._selector = selector if kind.labelled else ""
        self._changed = changed
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = Kept()
        self._view = View()
        self._refused_since: float | None = None
        self._stopping = threading.Event()
        self._hang_up: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._work, name=f"watch {kind.written} {namespace or ''}".strip(), daemon=True)

    def start(self) -> None:
        """Begin to list and to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Have the thread end soon. Nothing is told any more."""
        self._stopping.set()
        self._hang_up()

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, for so many seconds at most."""
        self._thread.join(seconds)

    @property
    def where(self) -> str:
        """The kind and its namespace, for people."""
        return f"{self.kind.written} of {self.namespace}" if self.namespace else self.kind.written

    def view(self) -> View:
        """What is known now."""
        with self._lock:
            known = self._view
            return replace(known, objects=dict(self._kept.objects))

    def _work(self) -> None:
        pause_seconds = 0.0
        while not self._clock.wait(self._stopping, pause_seconds * random.uniform(0.8, 1.2)):
            try:
                self._list_and_watch()
                pause_seconds = 0.0
            except SilentError:
                pause_seconds = 0.0  # the list that follows shows whether anything is wrong
            except ExpiredError as error:
                pause_seconds = min(max(FIRST_PAUSE_SECONDS / 10, pause_seconds * 2), LONGEST_PAUSE_SECONDS)
                if pause_seconds > FIRST_PAUSE_SECONDS:  # not once, but again and again
                    self._tell(problem=f"{error}, again and again; look at the health of the API server")
            except AbsentError as error:
                # not there at all is well for most kinds; what was there and is not found may be the API's own trouble
                self._tell(problem=str(error) if self._kept.objects or not self.kind.group else None)
                pause_seconds = LONGEST_PAUSE_SECONDS if self._kept.objects else RESYNC_SECONDS
            except ForbiddenError as error:
                if not self._is_refused_still():
                    pause_seconds = FIRST_PAUSE_SECONDS
                    continue
                self._tell(problem=f"{error}, or leave its way out of discovery.kubernetes.prefer" if is_of_ways(self.kind) else str(error))
                pause_seconds = min(max(FIRST_PAUSE_SECONDS, pause_seconds * 2), LONGEST_PAUSE_SECONDS)
            except ApiError as error:
                self._tell(problem=str(error))
                pause_seconds = min(max(FIRST_PAUSE_SECONDS, pause_seconds * 2), LONGEST_PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - the edge of a look: the next one comes, and what was known stays
                _log.exception("watching a cluster broke, and goes on", what=self.where)
                self._tell(problem=f"chatprobe itself failed: {type(error).__name__}")
                pause_seconds = LONGEST_PAUSE_SECONDS

    def _is_refused_still(self) -> bool:
        """Whether there has been no right for longer than an API server may take to know its roles."""
        now = self._clock.monotonic()
        if self._refused_since is None:
            self._refused_since = now
        return now >= self._refused_since + FORBIDDEN_SECONDS

    def _list_and_watch(self) -> None:
        """List, and watch until it is time to list again. Raises `ApiError`."""
        version = self._list()
        until = self._clock.monotonic() + RESYNC_SECONDS * random.uniform(0.9, 1.1)
        while not self._stopping.is_set() and (left := until - self._clock.monotonic()) > 0:
            began = self._clock.monotonic()
            version = self._watch(version, left)
            if self._clock.monotonic() - began < FIRST_PAUSE_SECONDS:
                self._clock.wait(self._stopping, FIRST_PAUSE_SECONDS)  # a server that ends every watch at once is not asked without a pause

    def _list(self) -> str:
        """List everything, and give the version to go on from.

        What was known is replaced when the whole list has come, and not before. The whole of a flood never comes: then
        what is known stays until a watch tells that it is gone, and others are added while there is room.
        """
        found = Kept()
        version = more = ""
        flooded, size = False, PAGE_OBJECTS
        while True:
            page = self._api.page(self.kind, self.namespace, self._selector, more, size)
            for item in page.items:
                flooded = flooded or not self._keep(found, item)
            version, more, size = page.version or version, page.more, page.most
            if not more or flooded:
                break
        self._refused_since = None
        self._tell(problem=None, kept=self._kept.refreshed(found.objects) if flooded else found, flooded=flooded)
        return version

    def _watch(self, version: str, seconds: float) -> str:
        def opened(hang_up: Callable[[], None]) -> None:
            self._hang_up = hang_up

        lasts_seconds = min(seconds, WATCH_SECONDS * random.uniform(0.8, 1.0))
        events = self._api.events(self.kind, self.namespace, self._selector, version, seconds=max(1.0, lasts_seconds), opened=opened)
        try:
            for event in events:
                if self._stopping.is_set():
                    return version
                version = event.version or version
                self._apply(event.type, event.item)
        except ApiError:
            if self._stopping.is_set():
                return version
            raise
        return version

    def _apply(self, type_: str, item: Json) -> None:
        """Make the change that an event of a watch tells of. Any event shows that the API is well again."""
        with self._lock:
            edition, flooded = self._view.edition, self._view.flooded
            if type_ == "DELETED":
                self._kept.drop(_name(item))
            elif type_ != "BOOKMARK":
                flooded = not self._keep(self._kept, item) or flooded
            self._view = View(edition=edition + (type_ != "BOOKMARK"), listed=True, flooded=flooded)
        if type_ != "BOOKMARK":
            self._changed()

    def _tell(self, *, problem: str | None, kept: Kept | None = None, flooded: bool | None = None) -> None:
        if self._stopping.is_set():
            return
        with self._lock:
            known = self._view
            if kept is not None:
                self._kept = kept
            self._view = View(
                edition=known.edition + (kept is not None),
                listed=known.listed or problem is None,
                problem=problem,
                flooded=known.flooded if flooded is None else flooded,
            )
        self._changed()

    def _keep(self, kept: Kept, item: Json) -> bool:
        """Keep an object. False if there is no room for it. An object without a name is none of ours."""
        name = _name(item)
        return not name or kept.keep(name, self.kind.read(item))


def _name(item: Json) -> str:
    metadata = item.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else ""

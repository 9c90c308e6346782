"""Discovery in a cluster while chatprobe runs.

Engines are found in what is watched there, and changes of them are handed on in steps.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from config.kubernetes import Kubernetes
from config.model import Config
from config.secrets import Secrets
from discovery.kubernetes.api import ApiError
from discovery.kubernetes.asking import Asking, Found
from discovery.kubernetes.candidates import Candidate, PassedOver, candidates
from discovery.kubernetes.cluster import Cluster, State
from discovery.kubernetes.enrolling import guard_of
from probes.control import Control
from traffic.schedule import Clock

SETTLE_SECONDS = 1.0
"""Changes come in bunches: a Service, its slices, its Route. They are waited for together."""
STEP_SECONDS = 0.25
"""Between two steps of one change."""
PAUSE_SECONDS = 5.0
"""Between two changes of the targets: whatever comes and goes in the cluster, chats go on undisturbed."""
LOOK_SECONDS = 5.0
"""After so long without a change the cluster is looked at all the same: problems grow old by themselves, and some
candidates are to be asked again."""
MOST_AT_ONCE = 10
"""Targets that come, go or change in one step: about 1 ms each, most of it for their series."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """What discovery in the cluster gives now.

    `looked` is False until everything was looked at once. `problems` are why it may be out of date: then `engines` are
    those that were known last. `at` is when all of it was last right, in seconds since the epoch.
    """

    looked: bool = False
    engines: tuple[Found, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    problems: tuple[str, ...] = ()
    at: float | None = None

    def says_the_same(self, other: Seen) -> bool:
        """Whether nothing differs but the time at which it was right."""
        return (self.looked, self.engines, self.passed_over, self.problems) == (other.looked, other.engines, other.passed_over, other.problems)


NOTHING_SEEN = Seen()


class ClusterDiscovery:
    """Finds the engines of a cluster. It runs on the event loop, and talks to the cluster in threads.

    What was known last stays where the cluster does not answer, or only in part. Targets go when the API says that they
    are gone, and only then.
    """

    def __init__(self, control: Control, clock: Clock) -> None:
        self.seen = NOTHING_SEEN
        self._clock = clock
        self._config: Config | None = None
        self._secrets = Secrets()
        self._cluster: Cluster | None = None
        self._settings: Kubernetes | None = None
        self._no_cluster = ""
        self._sorted: tuple[State, list[Candidate], list[PassedOver]] | None = None
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested any more
                loop.call_soon_threadsafe(self._news.set)

        self._notify = notify
        self._asking = Asking(control, clock, self._news.set)

    async def configure(self, config: Config, secrets: Secrets) -> None:
        """Look for what this configuration asks for from now on, and show engines these secrets.

        Where it looks elsewhere than before, what was seen there is forgotten.
        """
        self._secrets = secrets
        if config == self._config:
            return
        self._config = config
        settings = config.discovery.kubernetes
        if settings != self._settings:
            await self._leave()
            self._settings = settings
            await self._enter(settings)
        self._news.set()

    async def run(self, changed: Callable[[], Awaitable[object]], *, pause_seconds: float = PAUSE_SECONDS, looked: Callable[[], None]) -> None:
        """Look whenever there is news, and take what has changed into `seen` in steps.

        `looked` is called after every look, `changed` after every step.
        """
        more = False
        while True:
            if more:
                await asyncio.sleep(min(STEP_SECONDS, pause_seconds))
            else:
                await self._wait_for_news(min(SETTLE_SECONDS, pause_seconds))
            try:
                before, cluster = self.seen, self._cluster
                seen = await self.look()
                if cluster is not self._cluster:
                    more = False
                    continue  # the configuration looks elsewhere since
                # at the first look nobody is chatted with who could be disturbed
                self.seen = replace(seen, engines=one_step(before.engines, seen.engines)) if before.looked else seen
                more = self.seen.engines != seen.engines
                looked()
                if not self.seen.says_the_same(before):
                    await changed()
                    if not more:
                        await asyncio.sleep(pause_seconds)
            except Exception:  # noqa: BLE001 - whatever a look breaks on, the next look comes
                more = False
                _log.exception("discovery in the cluster broke, and goes on")

    async def _wait_for_news(self, settle_seconds: float) -> None:
        """Wait until something has changed, or until it is time to look anyway.

        Where no cluster was found to talk to, try to find it.
        """
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._news.wait()
            await asyncio.sleep(settle_seconds)
        except TimeoutError:
            if self._settings is not None and self._cluster is None:
                await self._enter(self._settings)
        self._news.clear()

    async def look(self) -> Seen:
        """What there is now. Engines that were asked and have not answered yet come with a later look."""
        if self._config is None or self._settings is None:
            return NOTHING_SEEN
        if self._cluster is None:
            if not self._no_cluster:
                return self.seen  # it is being looked for
            return Seen(True, self.seen.engines, self.seen.passed_over, (self._no_cluster,), self.seen.at)
        state = await asyncio.to_thread(self._cluster.state)
        if not state.complete:
            return self.seen
        if not state.known:
            return Seen(True, self.seen.engines, self.seen.passed_over, state.problems, self.seen.at)
        return await self._engines(self._config, self._settings, state)

    @property
    def settled(self) -> bool:
        """Whether everything was looked at, and every candidate that was asked has answered once."""
        return self.seen.looked and not self._asking.busy

    async def close(self) -> None:
        """Look no more, and ask no more."""
        await self._asking.close()
        await self._leave()

    async def _engines(self, config: Config, settings: Kubernetes, state: State) -> Seen:
        found, passed_over = await self._candidates(settings, state)
        limit = config.limits.discovered_targets
        beyond = [
            PassedOver(one.name, f"there are more than {limit}; raise limits.discovered_targets, or choose fewer by the selector")
            for one in found[limit:]
        ]
        answers = self._asking.answers(found[:limit], config, self._secrets, guard_of(config))
        engines = tuple(answer for answer in answers if isinstance(answer, Found))
        unknown = [answer for answer in answers if isinstance(answer, PassedOver)]
        at = self.seen.at if state.problems else self._clock.epoch_seconds()
        left_out = (*passed_over, *unknown, *beyond, *(PassedOver("", text) for text in state.flooded))
        return Seen(True, engines, left_out, state.problems, at)

    async def _candidates(self, settings: Kubernetes, state: State) -> tuple[list[Candidate], list[PassedOver]]:
        """The candidates in a state. They are looked for once in each."""
        if self._sorted is None or self._sorted[0] is not state:
            self._sorted = (state, *await asyncio.to_thread(candidates, state.snapshot, settings))
        _, found, passed_over = self._sorted
        return found, passed_over

    async def _enter(self, settings: Kubernetes | None) -> None:
        if settings is None:
            return
        try:
            cluster = await asyncio.to_thread(Cluster, settings, self._notify)
        except ApiError as error:
            self._no_cluster = str(error)
            return
        cluster.start()
        self._cluster = cluster

    async def _leave(self) -> None:
        cluster, self._cluster, self._sorted, self._no_cluster = self._cluster, None, None, ""
        if self._settings is not None:
            self.seen = NOTHING_SEEN
        if cluster is not None:
            await asyncio.to_thread(cluster.close)


def one_step(before: Sequence[Found], now: Sequence[Found], most: int = MOST_AT_ONCE) -> tuple[Found, ...]:
    """The engines of `before`, with at most so many of their differences to `now` made.

    Engines that are gone come first, then those that are new. Each change costs the event loop a moment, and chats with
    the engines that stay are not to wait for all changes.
    """
    had = {one.candidate.name: one for one in before}
    has = {one.candidate.name: one for one in now}
    gone = [name for name in had if name not in has]
    other = [name for name, one in has.items() if had.get(name) != one]
    changed = {*gone[:most], *other[: max(0, most - len(gone))]}
    found = [one if name in changed or had.get(name) == one else had.get(name) for name, one in has.items()]
    return (*(one for one in found if one is not None), *(had[name] for name in gone if name not in changed))

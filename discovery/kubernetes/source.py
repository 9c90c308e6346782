"""Discovery in a cluster while chatprobe runs: what is watched there becomes engines, and whoever follows them is told when they change."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import structlog

from config.kubernetes import Kubernetes
from config.model import Config
from discovery.kubernetes.api import ApiError
from discovery.kubernetes.asking import Asking
from discovery.kubernetes.candidates import PassedOver, candidates
from discovery.kubernetes.cluster import Cluster, State
from discovery.kubernetes.engine import Engine
from discovery.kubernetes.enrolling import Found, guard_of
from discovery.kubernetes.gradually import one_step
from probes.control import Control
from traffic.schedule import Clock

SETTLE_SECONDS = 1.0
"""Changes come in bunches: a Service, its slices, its Route. They are waited for together."""
STEP_SECONDS = 0.25
"""Between two steps of one change."""
PAUSE_SECONDS = 5.0
"""Between two changes of the targets: whatever comes and goes in the cluster, chats go on undisturbed."""
LOOK_SECONDS = 5.0
"""How often it is looked what has become of the cluster where nothing has changed: problems grow old by themselves."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """What discovery in the cluster gives now. `looked` is False until everything was looked at once.

    `problems` are why it may be out of date: then `engines` are those that were known last. `at` is when all of it was last right.
    """

    looked: bool = False
    engines: tuple[Found, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    problems: tuple[str, ...] = ()
    at: float | None = None

    def same_engines(self, other: Seen) -> bool:
        """Whether nothing differs that matters to whoever follows the engines."""
        return (self.looked, self.engines, self.passed_over, self.problems) == (other.looked, other.engines, other.passed_over, other.problems)


NOTHING_SEEN = Seen()


class Source:
    """Runs on the event loop; the cluster is talked to in threads.

    What was known last stays where the cluster does not answer, or only in part: targets go when the API says that they are gone, and only then.
    """

    def __init__(self, control: Control, clock: Clock) -> None:
        self.seen = NOTHING_SEEN
        self._clock = clock
        self._config: Config | None = None
        self._cluster: Cluster | None = None
        self._settings: Kubernetes | None = None
        self._no_cluster = ""
        self._news = asyncio.Event()
        loop = asyncio.get_running_loop()

        def notify() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is interested any more
                loop.call_soon_threadsafe(self._news.set)

        self._notify = notify
        self._asking = Asking(control, clock, self._news.set)

    async def configure(self, config: Config) -> None:
        """Look for what this configuration asks for from now on. Where it looks elsewhere than before, what was seen there is forgotten."""
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
        """Look whenever there is news, and call `changed` where the engines are others; `looked` after every look."""
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
                if not self.seen.same_engines(before):
                    await changed()
                    if not more:
                        await asyncio.sleep(pause_seconds)
            except Exception:  # noqa: BLE001 - whatever a look breaks on, the next look comes
                more = False
                _log.exception("discovery in the cluster broke, and goes on")

    async def _wait_for_news(self, settle_seconds: float) -> None:
        """Until something has changed, or it is time to look anyway; where there is no cluster to talk to, try to find it."""
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
            return Seen(True, self.seen.engines, self.seen.passed_over, (self._no_cluster,), self.seen.at)
        state = await asyncio.to_thread(self._cluster.state)
        if not state.complete:
            return self.seen
        if not state.known:
            return Seen(True, self.seen.engines, self.seen.passed_over, state.problems, self.seen.at)
        return await self._engines(self._config, self._settings, state)

    @property
    def settled(self) -> bool:
        """Whether everything was looked at, and everyone who was asked has answered once."""
        return self.seen.looked and not self._asking.busy

    async def close(self) -> None:
        await self._asking.close()
        await self._leave()

    async def _engines(self, config: Config, settings: Kubernetes, state: State) -> Seen:
        found, passed_over = await asyncio.to_thread(candidates, state.snapshot, settings)
        limit = config.limits.discovered_targets
        beyond = [
            PassedOver(one.name, f"there are more than {limit}; raise limits.discovered_targets, or choose fewer by the selector")
            for one in found[limit:]
        ]
        answers = self._asking.answers(found[:limit], config, guard_of(config))
        engines = tuple(Found(candidate, engine) for candidate, engine in answers if isinstance(engine, Engine))
        unknown = [answer for _, answer in answers if isinstance(answer, PassedOver)]
        at = self.seen.at if state.problems else self._clock.epoch_seconds()
        left_out = (*passed_over, *unknown, *beyond, *(PassedOver("", text) for text in state.flooded))
        return Seen(True, engines, left_out, state.problems, at)

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
        cluster, self._cluster = self._cluster, None
        if self._settings is not None:
            self.seen = NOTHING_SEEN
        if cluster is not None:
            await asyncio.to_thread(cluster.close)

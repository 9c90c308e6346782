"""Reads the engines' own metrics throughout a run, never in the way of its chats."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

import structlog

from bench.engine_side.gpus import GpuPage, GpuReading, look_at_gpus
from bench.engine_side.pacing import Pace, Wanted, follow
from bench.engine_side.reading import Reading
from bench.events import BlockBegun, BlockEnded, Event
from config.engine_metrics import MetricsPage
from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.families import start_seconds
from exporter.native.identity import OneProcess
from exporter.native.scrape import Scraper
from probes import backends
from probes.ask import UNKNOWN_MODEL, Endpoint
from probes.numbers.loaded import LoadedModel
from probes.numbers.page import Numbers
from traffic.roster import Member
from traffic.schedule import NANOSECONDS, Clock

EVERY_SECONDS = 2.0
GPUS_EVERY_SECONDS = 5.0
"""The exporter of DCGM itself collects every 30 s unless told otherwise (`--collect-interval`), and gives the same values in between."""
TIMEOUT_SECONDS = 5.0

_log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Page:
    """One page of a target's own metrics; of an engine that has none, the list of its models in memory.

    Such a list may take the locks of the engine's scheduler, so it is read at the edges of blocks alone.
    """

    endpoint: Endpoint
    page: MetricsPage
    pace: Pace
    process: OneProcess = field(default_factory=OneProcess)


class Watching:
    """A listener of a run, and an async context manager. What it reads goes to `tell` and `tell_gpus`, on the event loop.

    Each page is read at the beginning of a block, at the end of its warm-up, at its end, and every `every_seconds` in
    between, less often where a look takes long. Only targets whose block is under way are asked. A look that fails is
    told too. When the context ends, the looks that are due are still taken, within the timeout.
    """

    def __init__(
        self,
        members: Mapping[str, Member],
        tell: Callable[[Reading], None],
        *,
        scraper: Scraper,
        clock: Clock,
        gpus: tuple[GpuPage, ...] = (),
        tell_gpus: Callable[[GpuReading], None] = lambda _: None,
        every_seconds: float = EVERY_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._tell, self._tell_gpus = tell, tell_gpus
        self._scraper, self._clock, self._timeout_seconds = scraper, clock, timeout_seconds
        self._pages = [
            _Page(member.reached(member.endpoint, page), page, Pace(clock, _every(member, every_seconds)))
            for member in members.values()
            for page in member.pages
        ]
        self._gpus = [(page, Pace(clock, max(GPUS_EVERY_SECONDS, every_seconds))) for page in gpus]
        self._tasks: list[asyncio.Task[None]] = []
        self._targets: dict[int, tuple[str, ...]] = {}

    async def __aenter__(self) -> Self:
        for page in self._pages:
            self._tasks.append(asyncio.create_task(self._follow(page)))
        for gpus, pace in self._gpus:
            self._tasks.append(asyncio.create_task(self._follow_gpus(gpus, pace)))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pace in self._paces():
            pace.close()
        try:
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=self._timeout_seconds)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def __call__(self, event: Event) -> None:
        match event:
            case BlockBegun(block=block):
                self._targets[block.number] = block.targets
                for pace in self._paces(*block.targets):
                    pace.begin(block)
            case BlockEnded(block=block):
                for pace in self._paces(*block.targets):
                    pace.end(block)

    async def caught_up(self) -> None:
        """Wait until the looks of the edges of blocks have been taken, but no longer than the timeout.

        Between a block's end and its successor's first chat this keeps the requests of the two apart in the engines'
        counters.
        """
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await asyncio.gather(*(pace.served() for pace in self._paces()))
        except TimeoutError:
            pass

    def _paces(self, *targets: str) -> list[Pace]:
        """Those of these targets, and of the GPUs that they are on; of all where none is named."""
        of_engines = [page.pace for page in self._pages if not targets or page.endpoint.name in targets]
        return of_engines + [pace for gpus, pace in self._gpus if not targets or set(gpus.targets) & set(targets)]

    async def _follow(self, page: _Page) -> None:
        async def look() -> Reading:
            return await self._look(page)

        def tell(reading: Reading, wanted: Wanted) -> None:
            self._tell(replace(reading, block=wanted.block, mark=wanted.mark))

        await look()  # connects, which the first look of a block is not to wait for
        await follow(page.pace, look, tell)

    async def _follow_gpus(self, gpus: GpuPage, pace: Pace) -> None:
        async def look() -> GpuReading:
            return await look_at_gpus(gpus, self._scraper, self._clock, timeout_seconds=self._timeout_seconds)

        def tell(reading: GpuReading, wanted: Wanted) -> None:
            for target in gpus.targets:
                if target in self._targets.get(wanted.block, ()):
                    self._tell_gpus(replace(reading, target=target, block=wanted.block))

        await follow(pace, look, tell)

    async def _look(self, page: _Page) -> Reading:
        """What the page tells now. `block` is yet to be set."""
        at, began_ns = self._clock.epoch_seconds(), self._clock.monotonic_ns()
        told = Reading(at=at, target=page.endpoint.name, replica=page.page.replica, block=0)
        try:
            numbers, started_at = await self._numbers(page)
        except ScrapeError as error:
            told = replace(told, problem=f"{error.reason}: {error}")
        except Exception:  # noqa: BLE001 - the edge of a look: whatever an engine's text breaks, the run goes on
            _log.exception("reading an engine's own metrics broke", target=page.endpoint.name)
            told = replace(told, problem=f"{NativeReason.UNREADABLE}: chatprobe itself failed")
        else:
            told = replace(told, numbers=numbers, started_at=started_at)
        return replace(told, took_seconds=(self._clock.monotonic_ns() - began_ns) / NANOSECONDS)

    async def _numbers(self, page: _Page) -> tuple[Numbers, float | None]:
        """Its numbers, and when its process began. Raises `ScrapeError`."""
        endpoint = page.endpoint
        if backends.get(endpoint.backend).metrics is None:
            asked = endpoint if page.page.replica is None else replace(endpoint, url=page.page.url)
            models = await self._scraper.loaded_models(asked, timeout_seconds=self._timeout_seconds)
            return _own_model(endpoint, models), None
        scraped = await self._scraper.metrics(endpoint, page.page.url, timeout_seconds=self._timeout_seconds)
        if not page.process.is_one(scraped):
            raise ScrapeError(NativeReason.LOAD_BALANCED, "several processes answer at this URL; list the URL of each under metrics.urls")
        return scraped.numbers, start_seconds(scraped.families)


def _every(member: Member, seconds: float) -> float | None:
    return None if backends.get(member.endpoint.backend).metrics is None else seconds


def _own_model(endpoint: Endpoint, models: tuple[LoadedModel, ...]) -> Numbers:
    """The numbers of the target's model, if it is in memory; where no model is configured, of the only one that is."""
    key = backends.get(endpoint.backend).model_key
    wanted = endpoint.configured_model
    named = [model for model in models if wanted != UNKNOWN_MODEL and key(model.name) == key(wanted)]
    found = named or (list(models) if wanted == UNKNOWN_MODEL and len(models) == 1 else [])
    return dict(found[0].numbers()) if found else {}

"""Scrapes every target's own metrics at an interval, and hands what was read to everything that uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import structlog

from config.engine_metrics import MetricsPage, Native
from exporter.alike import EVERY_SECONDS
from exporter.native.drops import DropReason, LeftOut
from exporter.native.failure import NativeReason, ScrapeError
from exporter.native.gap import Gap
from exporter.native.identity import OneProcess
from exporter.native.loads import Loads
from exporter.native.relay import Relay, RelaySettings
from exporter.native.scrape import Scraped, Scraper
from exporter.native.unified import Unified
from exporter.native.up import Ups
from probes import backends
from probes.ask import UNKNOWN_MODEL, Endpoint
from probes.numbers.loaded import LoadedModel
from probes.record import ChatRecord
from traffic.events import Event, Facts
from traffic.roster import Roster
from traffic.schedule import NANOSECONDS, SHARES, Clock, nanoseconds, share, sleep_unless

FIRST_ROUND_SECONDS = 2.0
"""How long the first chats with a target wait for its first scrape, so that the engine's counters before them are
known.
"""
ROUNDS_OF_NS = 60 * NANOSECONDS
"""In so long chats wait for no more than that, so that hundreds of targets that come one after another come soon."""
APART_NS = 20_000_000
"""How far apart the first scrapes of new pages are.

Hundreds at once would make each other wait beyond the timeout.
"""

NAMES_SAID = 20
"""Names that one line of the log has at most."""
NAMES_KNOWN = 1000
"""Names of one page that the log says at most."""
_DETAILS = {
    DropReason.UNREADABLE: "the engine writes lines that are no metrics; the rest of its page is read",
    DropReason.LINE_TOO_LONG: "the engine writes longer lines than are read; the rest of its page is read",
    DropReason.TOO_LARGE: "the page has more lines than are read; what chatprobe_native_* are made of is read all the same",
    DropReason.MALFORMED: "Prometheus would not take them; the rest of the page is served",
    DropReason.UNUSED_BUCKET: "no dashboard, rule or number of ours uses them, and averages stay; native.buckets: all serves them",
    DropReason.BUDGET: "raise native.series_per_replica, or deny what is not needed under native.deny",
    DropReason.BUDGET_IN_ALL: "raise native.series_in_all, or deny what is not needed under native.deny",
    DropReason.TYPE_CONFLICT: "another target has them with another type; deny them under native.deny if they are not needed",
    DropReason.NAME_CONFLICT: "another family takes the name; deny one of them under native.deny",
}

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Keepers:
    """Everything that uses what engines tell of themselves."""

    relay: Relay
    unified: Unified
    gap: Gap
    loads: Loads
    ups: Ups


@dataclass(slots=True, eq=False)
class _Page:
    """One page that is scraped: of a target, or of one of its replicas.

    For an engine without metrics it is the list of the models in memory.
    """

    endpoint: Endpoint
    page: MetricsPage
    process: OneProcess = field(default_factory=OneProcess)
    failing: NativeReason | None = None
    """Why it was told to fail, until it has been well for a minute."""
    failed_ns: int = 0
    read: asyncio.Event = field(default_factory=asyncio.Event)
    """Was tried once."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    """Is to be read before its time, or not at all any more."""
    gone: bool = False
    said: set[tuple[DropReason, str]] = field(default_factory=set)
    """The names that the log has already said to be left out."""

    @property
    def key(self) -> tuple[str, str | None]:
        return self.endpoint.name, self.page.replica


class Natives:
    """Scrapes all pages, and is a sink of events too: it hears each target's model, and the chats.

    Each page has its own interval and its own timeout. One that hangs delays no other page, and no chat. A scrape that
    fails ends every relayed and unified series of its page at once, so that nothing that is served is out of date.
    """

    def __init__(self, scraper: Scraper, keepers: Keepers, settings: Native, clock: Clock) -> None:
        self._scraper = scraper
        self._keep = keepers
        self._settings = settings
        self._clock = clock
        self._backends: dict[str, str] = {}
        self._models: dict[str, str] = {}
        self._pages: dict[tuple[str, str | None], _Page] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._patience_seconds, self._patient_until_ns = 0.0, 0
        self._thread = ThreadPoolExecutor(1, "native metrics")
        """Of our own: however much an engine tells, who renders our metrics does not wait for it."""

    def __call__(self, event: Event) -> None:
        match event:
            case Facts(target=target, model=model) if target in self._backends:
                if self._models.get(target) != model:
                    self._models[target] = model
                    for page in self._pages.values():
                        if page.endpoint.name == target:
                            page.wanted.set()
            case ChatRecord() if self._backends.get(event.target) == event.backend:
                self._keep.unified.count_chat(event)
                self._keep.gap.count_chat(event)

    def set_targets(self, roster: Roster, endpoints: Mapping[str, Endpoint]) -> None:
        """Scrape the pages of these targets from now on. A page that was scraped before goes on as it was."""
        if self._settings.interval_seconds != roster.config.native.interval_seconds:
            for page in self._pages.values():
                page.wanted.set()
        self._settings = roster.config.native
        wanted = {
            (name, page.replica): (member.reached(endpoints[name], page), page) for name, member in roster.members.items() for page in member.pages
        }
        relayed = sum(backends.get(endpoint.backend).metrics is not None for endpoint, _ in wanted.values())
        self._keep.relay.configure(RelaySettings.of(self._settings), relayed)
        for key, page in list(self._pages.items()):
            endpoint, place = wanted.get(key, (None, None))
            if endpoint is not None and place == page.page and endpoint.backend == page.endpoint.backend:
                page.endpoint = endpoint
            else:
                self._leave(self._pages.pop(key))
        engines: dict[str, str] = {name: member.endpoint.backend for name, member in roster.members.items()}
        for name in [name for name, backend in self._backends.items() if engines.get(name) != backend]:
            self._models.pop(name, None)
            self._keep.unified.forget(name)
            self._keep.loads.forget(name)
        self._backends = engines
        self._keep.gap.set_targets(roster)
        self._keep.loads.set_replicas(wanted)
        self._keep.loads.configure(self._settings.interval_seconds)
        for name, endpoint in endpoints.items():
            self._models.setdefault(name, endpoint.configured_model)
        first_ns = self._clock.monotonic_ns()
        for key, (endpoint, place) in wanted.items():
            if key not in self._pages:
                self._pages[key] = _Page(endpoint, place)
                task = asyncio.create_task(self._follow_page(self._pages[key], first_ns))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                first_ns += APART_NS

    async def first_round(self) -> None:
        """Wait until each page was scraped once, or failed once, but no longer than `FIRST_ROUND_SECONDS` in a minute."""
        began_ns = self._clock.monotonic_ns()
        if began_ns >= self._patient_until_ns:
            self._patience_seconds, self._patient_until_ns = FIRST_ROUND_SECONDS, began_ns + ROUNDS_OF_NS
        try:
            async with asyncio.timeout(self._patience_seconds):
                for page in list(self._pages.values()):
                    await page.read.wait()
        except TimeoutError:
            pass
        self._patience_seconds = max(0.0, self._patience_seconds - self._seconds_since(began_ns))

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _leave(self, page: _Page) -> None:
        page.gone = True
        page.wanted.set()
        self._forget(page)

    async def _follow_page(self, page: _Page, first_ns: int) -> None:
        await self._rest_until(page, first_ns)
        while not page.gone:
            page.wanted.clear()
            try:
                await self._look(page)
            except Exception:  # noqa: BLE001 - the edge of a scrape: whatever an engine's text breaks, the next scrape comes
                _log.exception("reading an engine's own metrics broke", target=page.endpoint.name)
                self._fail(page, NativeReason.UNREADABLE, 0.0, "chatprobe itself failed")
            page.read.set()
            await self._rest_until(page, self._next_ns(page))
        page.read.set()
        self._forget(page)

    def _next_ns(self, page: _Page) -> int:
        """When the page's next scrape is due.

        Each page has its own place in every interval, so that the scrapes of many targets are spread over it.
        """
        interval_ns = nanoseconds(self._settings.interval_seconds)
        place_ns = share(*page.key) * interval_ns // SHARES
        intervals = (self._clock.monotonic_ns() - place_ns) // interval_ns + 1
        return place_ns + intervals * interval_ns

    async def _rest_until(self, page: _Page, due_ns: int) -> None:
        """Wait for that instant, or until the page is to be scraped at once."""
        if due_ns > self._clock.monotonic_ns():
            await sleep_unless(page.wanted, self._clock, due_ns)

    async def _look(self, page: _Page) -> None:
        began_ns = self._clock.monotonic_ns()
        endpoint = page.endpoint
        timeout_seconds = self._settings.timeout_seconds
        try:
            if backends.get(endpoint.backend).metrics is None:
                asked = endpoint if page.page.replica is None else replace(endpoint, url=page.page.url)
                models = await self._scraper.loaded_models(asked, timeout_seconds=timeout_seconds)
                await asyncio.get_running_loop().run_in_executor(self._thread, self._hand_over_loaded, page, models)
            else:
                scraped = await self._scraper.metrics(endpoint, page.page.url, timeout_seconds=timeout_seconds)
                left_out = await asyncio.get_running_loop().run_in_executor(self._thread, self._hand_over, page, scraped)
                _say(page, left_out)
        except ScrapeError as error:
            self._fail(page, error.reason, self._seconds_since(began_ns), str(error))
            return
        if page.failing is not None and began_ns >= page.failed_ns + nanoseconds(EVERY_SECONDS):
            _log.info("an engine's own metrics are read again", target=endpoint.name, replica=page.page.replica)
            page.failing = None
        if not page.gone:
            self._keep.ups.told(*self._labels(page), page.page.replica, None, self._seconds_since(began_ns))

    def _hand_over(self, page: _Page, scraped: Scraped) -> Sequence[LeftOut]:
        """Hand one scrape to everything that uses it. Gives what of it is not served. Raises `ScrapeError`.

        Runs in a thread, as writing thousands of lines would hold up the event loop.
        """
        if page.gone:
            return ()
        if not page.process.is_one(scraped):
            raise ScrapeError(NativeReason.LOAD_BALANCED, "several processes answer at this URL; list the URL of each under metrics.urls")
        target, backend, model = self._labels(page)
        replica = page.page.replica
        left_out = self._keep.relay.serve(target, backend, replica, scraped.families, scraped.left_out)
        self._keep.unified.serve_numbers(target, backend, model, replica, scraped.numbers)
        self._keep.loads.add_scrape(target, replica, scraped)
        self._keep.gap.add_scrape(target, replica, scraped)
        return left_out

    def _hand_over_loaded(self, page: _Page, models: Sequence[LoadedModel]) -> None:
        if not page.gone:
            self._keep.unified.serve_loaded(*self._labels(page), page.page.replica, models)

    def _fail(self, page: _Page, reason: NativeReason, seconds: float, detail: str) -> None:
        if page.gone:
            return
        if page.failing is not reason:
            _log.warning("an engine's own metrics cannot be read", target=page.endpoint.name, replica=page.page.replica, reason=reason, detail=detail)
            page.failing = reason
        page.failed_ns = self._clock.monotonic_ns()
        self._drop(page)
        if reason is NativeReason.LOAD_BALANCED:
            self._keep.loads.drop(*page.key)
        self._keep.ups.told(*self._labels(page), page.page.replica, reason, seconds)

    def _drop(self, page: _Page) -> None:
        """End the page's series. Its load stays known until it is out of date."""
        target, replica = page.key
        self._keep.relay.drop(target, replica)
        self._keep.unified.drop(target, replica)
        self._keep.gap.drop(target, replica)

    def _forget(self, page: _Page) -> None:
        """Drop everything known of the page, unless another page has taken its place."""
        target, replica = page.key
        if page.key not in self._pages:
            self._drop(page)
            self._keep.loads.drop(target, replica)
            self._keep.ups.forget(target, replica)
            self._keep.relay.forget(target, replica)

    def _labels(self, page: _Page) -> tuple[str, str, str]:
        return page.endpoint.name, page.endpoint.backend, self._model_of(page.endpoint)

    def _model_of(self, endpoint: Endpoint) -> str:
        return self._models.get(endpoint.name, UNKNOWN_MODEL)

    def _seconds_since(self, began_ns: int) -> float:
        return (self._clock.monotonic_ns() - began_ns) / NANOSECONDS


def _say(page: _Page, left_out: Sequence[LeftOut]) -> None:
    """Tell the log which series of the page are not served on, each name once."""
    for reason in DropReason:
        ours = [one for one in left_out if one.reason is reason]
        new = sorted({one.name for one in ours if (reason, one.name) not in page.said})
        if not new or len(page.said) >= NAMES_KNOWN:
            continue
        page.said.update((reason, name) for name in new)
        say = _log.info if reason is DropReason.UNUSED_BUCKET else _log.warning
        say(
            "series of an engine's own metrics are left out",
            target=page.endpoint.name,
            replica=page.page.replica,
            reason=reason,
            series=sum(one.series for one in ours),
            names=new[:NAMES_SAID],
            more_names=len(new[NAMES_SAID:]),
            detail=_DETAILS[reason],
        )

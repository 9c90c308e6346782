"""The long-running process, put together: traffic on a schedule, its events into metrics, the metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from catalogue import own
from config.effective import effective
from config.model import Config
from config.quantities import Address
from config.reader import Loaded, summary
from config.secrets import SecretError
from discovery.files import NOTHING, paths
from discovery.kubernetes.lease import Lease
from discovery.kubernetes.source import NOTHING_SEEN, Source
from exporter.assembly import Metrics
from exporter.logs import ProbeLog
from exporter.looplag import watch_loop
from exporter.native.cycle import Keepers, Natives
from exporter.native.loads import Loads
from exporter.native.scrape import Scraper
from exporter.records import RecordFile, record_file
from exporter.reloading import Before, Plan, Reloaded, Reloading, World, plan, secret_files
from exporter.watching import Signatures, signatures, watch_files
from exporter.web.app import Sources, application
from exporter.web.overview import Overview
from exporter.web.server import ListenError, listening
from probes.control import Control
from probes.probing import Prober
from traffic.admission import Admission
from traffic.events import Sink, to_all
from traffic.population import Population
from traffic.runner import GRACE_SECONDS, Runner
from traffic.schedule import SystemClock
from traffic.sharding import WHOLE, Part, Shard
from traffic.watch import watches

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Running:
    """The exporter while it runs: where it listens, and how it is reloaded."""

    address: Address
    reloading: Reloading


class ServeError(Exception):
    """The exporter cannot start; the text says why, and what would help."""


@asynccontextmanager
async def exporting(
    config: Config,
    *,
    read: Callable[[], Loaded] | None = None,
    files: Signatures | None = None,
    records: Path | None = None,
    sinks: Sequence[Sink] = (),
    log_lines_lost: Callable[[], int] = lambda: 0,
    grace_seconds: float = GRACE_SECONDS,
    shard: Shard = WHOLE,
    lease: Lease | None = None,
) -> AsyncIterator[Running]:
    """Run the exporter while the context lasts.

    It listens first, so that an address in use is known before anything is probed and readiness can be asked for from the start; then
    come the measuring worker and the schedule. At the end it goes the other way round: no new chats, those under way end within
    the grace time, and what became of them can still be scraped until the server closes as the last. `sinks` hear of every event too.

    A reload has `read` give the configuration again; without it, the same one stands. `files`, as they were before the configuration was read
    from them, have it reloaded by themselves when they change, and so have files of keys and certificates that it names; None: nothing
    is watched but the files with discovered targets, and a cluster. Of all targets those of the `shard` are chatted with, and with a `lease`
    only while it is held. Raises `ServeError`.
    """
    before = Before(files or {}, signatures(secret_files(config)), signatures(paths(config)))
    source: Source | None = None

    def world() -> World:
        return World(NOTHING_SEEN if source is None else source.seen, Part(shard, leads()))

    def leads() -> bool:
        return lease is None or lease.leads

    with _as_serve_error():
        first = plan(config, NOTHING, world())
    clock = SystemClock()
    prober = Prober()
    runner: Runner | None = None

    def not_ready() -> str | None:
        if runner is None:
            return "it is starting"
        if not runner.running:
            return "no chats are being started"
        return None if prober.running else "the measuring worker is not running"

    def lifecycle() -> Callable[[], Awaitable[Reloaded]] | None:
        return reloading.reload if reloading.plan.roster.config.web.lifecycle else None

    async with AsyncExitStack() as stack:
        with _as_serve_error():
            file = stack.enter_context(_optional(records))
        metrics = Metrics(
            first.roster,
            {
                own.STREAMS_IN_FLIGHT: lambda: admission.in_flight,
                own.CLOCK_STEPS: lambda: prober.clock_steps,
                own.LOG_LINES_DROPPED: log_lines_lost,
                own.RECORDS_LOST: lambda: file.lost if file is not None else 0,
                **({} if lease is None else {own.LEADER: lambda: lease.leads}),
            },
        )
        metrics.own.sharded(shard.number, shard.of)
        reloading = Reloading(first, read or (lambda: Loaded(config, (), ())), metrics.own, clock, before, world)
        overview, log = Overview(first.roster), ProbeLog()
        loads = Loads(clock, config.native.interval_seconds)
        scraper = Scraper(clock)
        natives = Natives(scraper, Keepers(metrics.relay, metrics.unified, metrics.gap, loads, metrics.ups), config.native, clock)
        tell = to_all([metrics.recording, natives, overview, log, *([file] if file is not None else []), *sinks])
        admission = Admission(config.limits, clock, tell, loads)
        with _as_serve_error():
            shown = Sources(metrics.exposition, overview, not_ready, reloading.troubles, lambda: effective(reloading.plan.roster.config), lifecycle)
            app = application(shown)
            address = await stack.enter_async_context(listening(app, config.web.listen))
        stack.enter_context(_running(watch_loop(metrics.own.loop_was_late)))
        await stack.enter_async_context(prober)
        control = await stack.enter_async_context(Control())
        await stack.enter_async_context(scraper)
        stack.push_async_callback(natives.close)
        source = Source(control, clock)
        stack.push_async_callback(source.close)
        if lease is not None:
            stack.push_async_callback(lease.release)
            stack.enter_context(_running(lease.run(reloading.rediscover)))
        population = Population(control, clock, tell)
        stack.push_async_callback(population.close)
        runner = Runner(prober, admission, clock, tell, leads)
        stack.push_async_callback(runner.stop, grace_seconds)

        async def follow(plan: Plan) -> None:
            """In the order in which the parts have to learn of another plan: who counts before who is counted, chats last."""
            metrics.recording.set_targets(plan.roster)
            overview.follow(plan.roster)
            log.follow(plan.roster)
            natives.set_targets(plan.roster, plan.endpoints)
            await natives.first_round()
            admission.configure(plan.roster.config.limits)
            for gone in population.update(plan.endpoints):
                admission.forget(gone)
            runner.follow(watches(plan.roster, population.engines))
            await source.configure(plan.roster.config)

        await reloading.put_in_force(follow)
        stack.enter_context(_running(_watch(reloading, discovery_alone=files is None)))
        stack.enter_context(_running(source.run(reloading.rediscover, looked=reloading.cluster_looked_at)))
        stack.callback(reloading.stop)
        _log.info("probing", what=summary(config), url=f"http://{address}")
        try:
            yield Running(address, reloading)
        finally:
            _log.info("stopping")


async def _watch(reloading: Reloading, *, discovery_alone: bool) -> None:
    discovery = watch_files(reloading.target_files, lambda: reloading.targets_read, reloading.rediscover, unchanged=reloading.nothing_new)
    if discovery_alone:
        await discovery
    else:
        await asyncio.gather(discovery, watch_files(reloading.configuration_files, lambda: reloading.configuration_read, reloading.reload))


@contextmanager
def _as_serve_error() -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        raise ServeError(f"a secret cannot be read: {error}") from error
    except ListenError as error:
        raise ServeError(str(error)) from error
    except OSError as error:
        raise ServeError(f"{error.filename}: {error.strerror}; name a file that can be appended to with --records") from error


@contextmanager
def _optional(records: Path | None) -> Iterator[RecordFile | None]:
    if records is None:
        yield None
    else:
        with record_file(records) as file:
            yield file


@contextmanager
def _running(work: Coroutine[object, object, None]) -> Iterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()

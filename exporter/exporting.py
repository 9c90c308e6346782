"""The long-running process, put together: traffic on a schedule, its events into metrics, the metrics over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog
from aiohttp.web import Application

from catalogue import own
from catalogue.metric import Metric
from config.effective import effective
from config.model import Config
from config.problems import ConfigError
from config.quantities import Address
from config.reader import Loaded, summary
from config.secrets import SecretError
from discovery.files import paths
from discovery.kubernetes.discovery import ClusterDiscovery
from discovery.kubernetes.lease import Lease
from discovery.plan import Plan, plan
from exporter.assembly import Metrics
from exporter.history.keeping import Keeping
from exporter.logs import ProbeLog
from exporter.looplag import watch_loop
from exporter.native.cycle import Keepers, Natives
from exporter.native.loads import Loads
from exporter.native.scrape import Scraper
from exporter.netstat import receive_drops
from exporter.records import RecordFile, record_file
from exporter.reloading import Before, Reloaded, Reloading, secret_files
from exporter.watching import Signatures, signatures, watch_files
from exporter.web.api.actions import Actions
from exporter.web.api.records import Records
from exporter.web.api.routes import Api
from exporter.web.api.runs import Bench, NoBench, Runs
from exporter.web.api.standings import Standings
from exporter.web.app import Sources, application
from exporter.web.pages.alarms import Alarms
from exporter.web.pages.budgets import Budgets
from exporter.web.pages.duels import Duels
from exporter.web.pages.engine_side import engine_side
from exporter.web.pages.race import RacePage
from exporter.web.pages.routes import Pages
from exporter.web.pages.scene import Scene
from exporter.web.pages.standing import Standing
from exporter.web.probe import ProbeEndpoint
from exporter.web.probing import Means, Probing
from exporter.web.racing import Judge, Racing, no_judge
from exporter.web.room import Room
from exporter.web.security.port import Port
from exporter.web.server import ListenError, listening
from exporter.wording import sentence
from probes.control import Control
from probes.probing import Prober
from probes.wire.workers import workers_for
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
    bench: Bench | None = None,
    judge: Judge = no_judge,
) -> AsyncIterator[Running]:
    """Run the exporter while the context lasts. Raises `ServeError`.

    `read` gives the configuration again at a reload; without it, the same one stands. `files` are the configuration's
    files as they were before it was read. With them, it is reloaded when one of them changes, or a file of a key or
    certificate that it names. Without them, only the files of discovered targets and a cluster are watched. `sinks`
    hear of every event too. Of all targets, those of the `shard` are chatted with, and with a `lease` only while it is
    held. `bench` holds benchmark runs that are asked for in the API, and `judge` says what races have shown.
    """
    place = _Place(shard, lease)
    before = Before(files or {}, signatures(secret_files(config)), signatures(paths(config)))
    with _as_serve_error():
        first = plan(config, part=place.part())
    async with AsyncExitStack() as stack:
        with _as_serve_error():
            file = stack.enter_context(_optional(records))
        exporter = _Exporter(first, read or (lambda: Loaded(config, (), ())), before, place, file, sinks, log_lines_lost, bench or NoBench(), judge)
        address = await exporter.start(stack, grace_seconds, watch=_watch_targets if files is None else _watch_everything)
        _log.info("probing", what=summary(config), url=f"{exporter.scheme}://{address}")
        try:
            yield Running(address, exporter.reloading)
        finally:
            _log.info("stopping")


@dataclass(frozen=True, slots=True)
class _Place:
    """Which of several processes this one is, and whether it is its turn to chat."""

    shard: Shard
    lease: Lease | None

    def leads(self) -> bool:
        """Whether it may chat."""
        return self.lease is None or self.lease.leads

    def part(self) -> Part:
        """Which part of all targets is this process's now."""
        return Part(self.shard, self.leads())


class _Exporter:
    """The parts of an exporter. None of them does anything before `start`."""

    def __init__(
        self,
        first: Plan,
        read: Callable[[], Loaded],
        before: Before,
        place: _Place,
        file: RecordFile | None,
        sinks: Sequence[Sink],
        log_lines_lost: Callable[[], int],
        bench: Bench,
        judge: Judge,
    ) -> None:
        clock = SystemClock()
        config, roster = first.config, first.roster
        self._place = place
        self._port = Port()
        self._starting = True
        self._prober = Prober(_workers(config), lambda number, seconds: self._metrics.own.worker_was_late(number, seconds))
        self._history = Keeping(config, clock)
        self._metrics = Metrics(roster, self._counted(file, log_lines_lost), lambda: self._prober.workers)
        self._metrics.own.sharded(place.shard.number, place.shard.of)
        self._log = ProbeLog()
        self._scraper = Scraper(clock)
        loads = Loads(clock, config.native.interval_seconds)
        keepers = Keepers(self._metrics.relay, self._metrics.unified, self._metrics.gap, loads, self._metrics.ups)
        self._natives = Natives(self._scraper, keepers, config.native, clock)
        standing, budgets, duels = Standing(roster), Budgets(roster, clock, self._history.history), Duels(roster)
        alarms = self._alarms = Alarms(standing, budgets, clock, self._metrics.source, self._metrics.read)
        self._history.heirs.append(budgets.restore)
        self._standing, self._bench = standing, bench
        shown: list[Sink] = [alarms, self._history.history, standing, budgets, duels]
        tell = to_all([self._metrics.recording, self._natives, *shown, self._log, *([] if file is None else [file]), *sinks])
        self._control = Control()
        self._discovery = ClusterDiscovery(self._control, clock)
        self._population = Population(self._control, clock, tell)
        self._admission = Admission(config.limits, clock, tell, loads)
        self._runner = Runner(self._prober, self._admission, clock, tell, place.leads)
        means = Means(
            self._prober,
            self._admission,
            clock,
            engines=lambda: self._population.engines,
            roster=lambda: self.reloading.plan.roster,
            chats=lambda: place.leads() and self._not_ready() is None,
        )
        room = Room(lambda: self.reloading.plan.config.limits.streams, clock)
        self._probing = Probing(means, room, self._metrics.own.chatted_on_request)
        self._racing = Racing(means, room, self._metrics.own.chatted_on_request, judge)
        self.reloading = Reloading(
            first, read, self._metrics.own, clock, seen=lambda: self._discovery.seen, part=place.part, before=before, prepare=self._prepare
        )
        self._scene = Scene(
            clock=clock,
            history=self._history.history,
            standing=standing,
            budgets=budgets,
            alarms=alarms,
            duels=duels,
            plan=lambda: self.reloading.plan,
            not_ready=self._not_ready,
            troubles=self._troubles,
            config=lambda: effective(self.reloading.plan.config),
            next_due=self._runner.next_due,
            engine_side=lambda target: engine_side(target, self._metrics.unified, self._metrics.ups),
            own=self._metrics.own_figures,
        )

    @property
    def scheme(self) -> str:
        """By which it is asked."""
        return "http" if self._port.rules.context is None else "https"

    def _counted(self, file: RecordFile | None, log_lines_lost: Callable[[], int]) -> Mapping[Metric, Callable[[], float]]:
        """What each scrape reads of the parts themselves."""
        lease, drops = self._place.lease, receive_drops()
        counted: dict[Metric, Callable[[], float]] = {
            own.STREAMS_IN_FLIGHT: lambda: self._admission.in_flight,
            own.CLOCK_STEPS: lambda: self._prober.clock_steps,
            own.READS: lambda: self._prober.lateness.reads,
            own.LATE_READS: lambda: self._prober.lateness.late,
            own.READ_DELAY: lambda: self._prober.lateness.delay_ns / 1e9,
            own.LOG_LINES_DROPPED: log_lines_lost,
            own.RECORDS_LOST: lambda: 0 if file is None else file.lost,
            own.HISTORY_LOST: lambda: self._history.lost,
        }
        if drops is not None:
            counted[own.RECEIVE_DROPS] = drops
        return counted if lease is None else {**counted, own.LEADER: lambda: lease.leads}

    async def start(self, stack: AsyncExitStack, grace_seconds: float, watch: Callable[[Reloading], Coroutine[object, object, None]]) -> Address:
        """Start the parts in their order; the stack stops them in the opposite one. Raises `ServeError`.

        It listens first: an address in use is known before anything is probed, and readiness can be asked for from the
        start. Then come the measuring workers and the schedule. At the end no new chats are started, those under way end
        within the grace time, and what became of them can still be scraped, since the server closes last. `watch` has
        files read when they change. Gives the address where it listens.
        """
        with _as_serve_error():
            self._prepare(self.reloading.plan.config)()
            address = await stack.enter_async_context(listening(self._application(), self.reloading.plan.config.web.listen))
        stack.enter_context(_running(watch_loop(self._metrics.own.loop_was_late)))
        stack.enter_context(_running(self._alarms.watch()))
        stack.push_async_callback(self._history.close)
        stack.push_async_callback(self._bench.close)
        await stack.enter_async_context(self._prober)
        await stack.enter_async_context(self._control)
        await stack.enter_async_context(self._scraper)
        stack.push_async_callback(self._natives.close)
        stack.push_async_callback(self._discovery.close)
        if (lease := self._place.lease) is not None:
            stack.push_async_callback(lease.release)
            stack.enter_context(_running(lease.run(self.reloading.take_step)))
        stack.push_async_callback(self._population.close)
        stack.push_async_callback(self._probing.close)
        stack.push_async_callback(self._racing.close)
        stack.push_async_callback(self._runner.stop, grace_seconds)
        self._starting = False
        await self.reloading.put_in_force(self._apply)
        stack.enter_context(_running(watch(self.reloading)))
        stack.enter_context(_running(self._discovery.run(self.reloading.take_step, looked=self.reloading.cluster_looked_at)))
        stack.callback(self.reloading.stop)
        return address

    async def _apply(self, plan: Plan) -> None:
        """Have all parts work by a plan. Who counts learns of it before who is counted, and chats change last."""
        roster = plan.roster
        self._metrics.recording.set_targets(roster)
        self._metrics.tell_created(plan.config.metrics.created)
        self._scene.show(roster)
        self._log.forget_others(roster)
        await self._history.configure(plan.config)
        self._natives.set_targets(roster, roster.endpoints)
        await self._natives.first_round()
        self._prober.resize(_workers(plan.config))
        self._metrics.own.has_workers([worker.number for worker in self._prober.workers if not worker.leaving])
        self._admission.configure(roster.config.limits)
        for gone in self._population.update(roster.endpoints):
            self._admission.forget(gone)
        self._runner.schedule(watches(roster, self._population.engines))
        await self._discovery.configure(plan.config, plan.secrets)

    def _application(self) -> Application:
        shown = Sources(
            exposition=self._metrics.exposition,
            not_ready=self._not_ready,
            config=self._scene.config,
            reload=self._reload,
            port=self._port,
            parts=(
                Pages(self._scene),
                RacePage(self._scene.clock, self._racing),
                self._api(),
                ProbeEndpoint(self._probing, on=lambda: self.reloading.plan.config.web.probe),
            ),
        )
        return application(shown)

    def _api(self) -> Api:
        standings = Standings(self._standing, self._history.history)
        return Api(standings, Records(self._history), Actions(self._probing), Runs(self._bench))

    def _prepare(self, config: Config) -> Callable[[], None]:
        """Read who may do what at the port; gives what puts it in force. Raises `ConfigError` and `SecretError`."""
        return partial(self._port.put_in_force, self._port.read(config))

    def _troubles(self) -> Iterator[str]:
        """What pages say is wrong: with the configuration and discovery, and that the port is open to all."""
        yield from self.reloading.troubles()
        if (warning := self._port.warning) is not None:
            yield f"{sentence(warning)}."

    def _not_ready(self) -> str | None:
        """Why nothing is probed; None if it is."""
        if self._starting:
            return "it is starting"
        if not self._runner.running:
            return "no chats are being started"
        return None if self._prober.running else "no measuring worker is running"

    def _reload(self) -> Callable[[], Awaitable[Reloaded]] | None:
        """What has the configuration read again; None where whoever reaches the server may not do that."""
        return self.reloading.reload if self.reloading.plan.config.web.lifecycle else None


def _workers(config: Config) -> int:
    """How many measuring workers are to hold its chats."""
    return workers_for(config.workers, config.most_streams)


async def _watch_targets(reloading: Reloading) -> None:
    """Have the files of targets read when they change."""
    await watch_files(reloading.target_files, lambda: reloading.targets_read, reloading.read_targets, unchanged=reloading.nothing_new)


async def _watch_everything(reloading: Reloading) -> None:
    """Have files read when they change: those of targets, the configuration's own, and those of its secrets."""
    configuration = watch_files(reloading.configuration_files, lambda: reloading.configuration_read, reloading.reload)
    await asyncio.gather(_watch_targets(reloading), configuration)


@contextmanager
def _as_serve_error() -> Iterator[None]:
    try:
        yield
    except SecretError as error:
        raise ServeError(f"a secret cannot be read: {error}") from error
    except (ConfigError, ListenError) as error:
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
